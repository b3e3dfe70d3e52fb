/// Runs phases over all ranks and threads: every index exactly once, somewhere.
///
/// This version knows static chunks between ranks (root cuts the index range into one chunk a rank and
/// sends them) and free competition for batches inside a rank (one interval word, schedule/interval.hpp).
/// Computing threads never call MPI; the main thread sleeps between rounds of looking after messages.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "orbitmill/schedule/phase.hpp"
#include "orbitmill/schedule/worker_pool.hpp"

namespace orbitmill {

/// What one rank did in one phase.
struct PhaseReport {
  std::string name;
  std::uint64_t indices = 0;   ///< indices done by this rank
  std::uint64_t batches = 0;   ///< batches done by this rank
  double elapsed_s = 0;        ///< wall time from start to the last rank's end
  double busy_s = 0;           ///< in batches, summed over the workers
  double idle_s = 0;           ///< workers without a batch, summed
  double communication_s = 0;  ///< main thread in MPI calls
};

/// Is told on root how far the phase has come. Called from root's main thread only.
class ProgressListener {
 public:
  virtual ~ProgressListener() = default;
  virtual void phase_started(const std::string& name) = 0;
  /// `fraction` of the expected cost is done over all ranks, 0 to 1; several times a second.
  virtual void phase_advanced(double fraction) = 0;
  virtual void phase_finished(double elapsed_s) = 0;
};

struct ScheduleOptions {
  std::uint64_t batch_size = 0;          ///< indices per batch, 0: adaptive
  ProgressListener* listener = nullptr;  ///< used on root only
  /// Called by a worker before each batch with (rank, first, last). For tests that inject failures.
  std::function<void(int, std::uint64_t, std::uint64_t)> before_batch;
};

class Scheduler {
 public:
  /// Keeps references to `comm` and `pool`; the number of workers may differ between ranks.
  Scheduler(const boost::mpi::communicator& comm, WorkerPool& pool, ScheduleOptions options);

  /// Runs all indices of `phase`. Collective; every rank passes an equal phase. Throws AgreedError
  /// (internal) when the indices done are not the indices there are. What a worker throws ends the
  /// whole job at once, with its message and exit code (abort_job in cluster/failure.hpp).
  PhaseReport run(Phase& phase);

  const boost::mpi::communicator& communicator() const noexcept { return comm_; }

 private:
  class Watch;

  const boost::mpi::communicator& comm_;
  WorkerPool& pool_;
  ScheduleOptions options_;
};

}  // namespace orbitmill
