/// From a job and the machine under it to the plan: what decompose, bench and plan share.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <string>

#include "orbitmill/app/job.hpp"
#include "orbitmill/cluster/topology.hpp"
#include "orbitmill/decompose/plan.hpp"
#include "orbitmill/results/record.hpp"

namespace orbitmill {

/// Collective; `threads` of this rank. Root measures, unless the register is small, and decides;
/// every rank gets the plan. Throws AgreedError where the memory does not suffice.
Plan plan_run(const boost::mpi::communicator& comm, const Job& job, const Register& reg,
              const Topology& topology, unsigned threads);

/// "length 12 over GF(2): f = x0 + x5"; a long feedback is cut.
std::string register_line(const Register& reg);

/// What was asked for and what was chosen, for /run.
void describe_job(RunInfo& run, const Job& job, const Plan& plan);

/// "engine milestone (predicted ...): ...", one line for the log.
std::string plan_line(const Plan& plan);

/// "on root's node: it fits there", where the table of the milestone engine lies and why.
std::string table_line(const Plan& plan);

/// "512 B", "131 KiB", "1.5 GiB".
std::string human_bytes(std::uint64_t bytes);

/// As human_duration, with a figure for what takes less than 10 ms.
std::string estimated_duration(double seconds);

}  // namespace orbitmill
