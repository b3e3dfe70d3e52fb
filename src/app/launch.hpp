/// What every command that computes under MPI shares: start and end of MPI, errors to exit codes,
/// the refusal of wasteful launches, and figures about this process.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "orbitmill/app/job.hpp"
#include "orbitmill/cluster/topology.hpp"

namespace orbitmill {

/// Runs `body` on the world communicator between MPI's start and end; returns the exit code for
/// main(). An AgreedError is printed once; anything else that leaves `body` ends the whole job.
int run_under_mpi(int argc, char** argv,
                  const std::function<void(const boost::mpi::communicator&)>& body);

/// Throws UsageError where Slurm promised several tasks and MPI sees one: `srun` without --mpi=pmix
/// starts N processes that know nothing of each other: N equal runs, one file.
void refuse_singletons(const boost::mpi::communicator& comm, bool oversubscribe);

/// The number of workers of this rank: `threads`, or where that is 0 the rank's share of the cores.
/// Throws UsageError on waste, with the override named.
unsigned choose_threads(unsigned threads, bool oversubscribe, const Topology& topology);

/// Size of `job` as a message.
std::uint64_t serialized_bytes(const boost::mpi::communicator& comm, const Job& job);

/// "2026-11-21T07:30:21Z".
std::string utc_now();

/// Most memory that this process ever held.
std::uint64_t peak_memory_bytes();

}  // namespace orbitmill
