/// What a run says about itself in the result file: /run and /profile.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstdint>

#include "orbitmill/app/command_line.hpp"
#include "orbitmill/app/job.hpp"
#include "orbitmill/cluster/topology.hpp"
#include "orbitmill/decompose/plan.hpp"
#include "orbitmill/results/record.hpp"

namespace orbitmill {

/// /run without what is known at the end only: schedule, ranks, times, deficit.
RunInfo provenance(const Job& job, const CommandLine& command_line, const Topology& topology,
                   const Plan& plan);

/// This rank's row of /profile; `job_bytes` is the size of the job as a message.
RankProfile profile_of(const boost::mpi::communicator& comm, const Topology& topology,
                       const Scheduler& scheduler, std::uint64_t job_bytes,
                       const Decomposition& result);

}  // namespace orbitmill
