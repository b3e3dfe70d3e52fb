#include "launch.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/mpi/environment.hpp>
#include <boost/mpi/packed_oarchive.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <system_error>
#include <thread>

#include "orbitmill/app/application.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/one_sided.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// Of a process without a launcher MPI_Finalize hangs once in some thousand times (Open MPI 4.1.4
/// with PMIx 4: its progress thread and the main thread wait for each other in orte_finalize). By
/// then everything is done, so the process ends after a while without it.
class FinalizeLimit {
 public:
  explicit FinalizeLimit(const int& exit_code)
      : exit_code_(exit_code), launched_(std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) {}
  FinalizeLimit(const FinalizeLimit&) = delete;
  FinalizeLimit& operator=(const FinalizeLimit&) = delete;
  /// Runs before MPI's end.
  ~FinalizeLimit() {
    if (launched_) return;
    try {
      std::thread([code = exit_code_] {
        std::this_thread::sleep_for(std::chrono::seconds(5));
        std::fflush(stdout);
        _exit(code);
      }).detach();
    } catch (const std::system_error&) {
      // No thread to be had: a hang is rare, and what is done must not end in std::terminate.
    }
  }

 private:
  const int& exit_code_;
  bool launched_;
};

}  // namespace

int run_under_mpi(int argc, char** argv,
                  const std::function<void(const boost::mpi::communicator&)>& body) {
  // A file size limit must come back as an error of write(), not as the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  allow_windows_over_tcp();
  int code = 0;
  const boost::mpi::environment environment(argc, argv, boost::mpi::threading::funneled);
  const FinalizeLimit limit(code);
  const boost::mpi::communicator comm;
  try {
    body(comm);
    return code;
  } catch (const AgreedError& error) {
    // Rank 0 of every singleton is rank 0; the launcher knows better.
    if (comm.rank() == 0 && is_first_process()) {
      const bool stopped = error.exit_code() == ExitCode::stopped;
      fmt::print(stderr, "orbitmill: {}{}\n", stopped ? "" : "error: ", error.what());
    }
    code = static_cast<int>(error.exit_code());
    return code;
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
