/// A run of `orbitmill decompose` that theory answers: nothing is walked.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <string>

#include "orbitmill/app/command_line.hpp"
#include "orbitmill/app/job.hpp"
#include "orbitmill/app/log.hpp"
#include "orbitmill/cluster/topology.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// Root computes (decompose/closed_form.hpp), all ranks write. Precondition: the job names a reason
/// for the closed form. Collective; throws AgreedError.
void run_closed_form(const boost::mpi::communicator& comm, const CommandLine& command_line,
                     const Job& job, const Register& reg, const Topology& topology,
                     const std::string& start_utc, const Log& log);

}  // namespace orbitmill
