#include "launch.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <boost/mpi/environment.hpp>
#include <boost/mpi/packed_oarchive.hpp>
#include <csignal>
#include <cstdlib>
#include <ctime>

#include "orbitmill/app/application.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/one_sided.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {

int run_under_mpi(int argc, char** argv,
                  const std::function<void(const boost::mpi::communicator&)>& body) {
  // A file size limit must come back as an error of write(), not as the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  allow_windows_over_tcp();
  const boost::mpi::environment environment(argc, argv, boost::mpi::threading::funneled);
  const boost::mpi::communicator comm;
  try {
    body(comm);
    return 0;
  } catch (const AgreedError& error) {
    // Rank 0 of every singleton is rank 0; the launcher knows better.
    if (comm.rank() == 0 && is_first_process()) {
      const bool stopped = error.exit_code() == ExitCode::stopped;
      fmt::print(stderr, "orbitmill: {}{}\n", stopped ? "" : "error: ", error.what());
    }
    return static_cast<int>(error.exit_code());
  } catch (...) {
    abort_job(comm, describe_current_exception());
  }
}

void refuse_singletons(const boost::mpi::communicator& comm, bool oversubscribe) {
  const char* tasks = std::getenv("SLURM_STEP_NUM_TASKS");
  const bool by_mpirun = std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr;
  if (comm.size() > 1 || oversubscribe || by_mpirun || tasks == nullptr) return;
  if (std::string(tasks) == "1") return;
  throw UsageError(fmt::format(
      "Slurm started {} tasks, and MPI sees one: each would do the whole work; start with "
      "srun --mpi=pmix or with mpirun, or add --oversubscribe",
      tasks));
}

unsigned choose_threads(unsigned threads, bool oversubscribe, const Topology& topology) {
  if (oversubscribe) return threads > 0 ? threads : topology.own_cores;
  if (topology.cores_shared) {
    throw UsageError(fmt::format(
        "{} ranks on host {} share {} core{}: they would only slow each other down; start fewer "
        "ranks, or add --oversubscribe",
        topology.ranks_on_node, topology.host, topology.cores, topology.cores == 1 ? "" : "s"));
  }
  if (threads > topology.own_cores) {
    throw UsageError(fmt::format(
        "--threads {}: a rank on host {} has {} core{} of its own; ask for fewer "
        "threads, let mpirun "
        "give each rank more cores (--bind-to none, or --map-by socket:PE={}), or add "
        "--oversubscribe",
        threads, topology.host, topology.own_cores, topology.own_cores == 1 ? "" : "s", threads));
  }
  return threads > 0 ? threads : topology.own_cores;
}

std::uint64_t serialized_bytes(const boost::mpi::communicator& comm, const Job& job) {
  boost::mpi::packed_oarchive archive(comm);
  archive << job;
  return archive.size();
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts KiB
}

}  // namespace orbitmill
