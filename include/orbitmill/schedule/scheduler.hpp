/// Runs phases over all ranks and threads: every index exactly once, somewhere.
///
/// Root cuts the index range into one chunk a rank and sends them. Inside a node the workers of
/// every rank take batches from interval words in shared memory (node_board.hpp), their own rank's
/// first. Between nodes the leaders exchange halves of exported work (cluster_level.hpp). Computing
/// threads never call MPI (MPI_THREAD_FUNNELED); each rank's main thread looks after its part and
/// sleeps in between. Who has done how much is summed up by census.hpp, which also ends the phase.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orbitmill/schedule/modes.hpp"
#include "orbitmill/schedule/node_board.hpp"
#include "orbitmill/schedule/phase.hpp"
#include "orbitmill/schedule/steal_transport.hpp"
#include "orbitmill/schedule/work_keeper.hpp"
#include "orbitmill/schedule/worker_pool.hpp"

namespace orbitmill {

/// What one worker did in one phase.
struct WorkerReport {
  double busy_s = 0;  ///< in batches
  double idle_s = 0;  ///< without one, until the phase ended
  std::uint64_t batches = 0;
  std::uint64_t node_steals_tried = 0;  ///< looks at another rank's word of the own node
  std::uint64_t node_steals_won = 0;    ///< batches taken from there
};

/// One batch, for the trace.
struct BatchTrace {
  unsigned worker = 0;
  double start_s = 0;  ///< since the start of the phase
  double end_s = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// What one rank did in one phase.
struct PhaseReport {
  std::string name;
  std::chrono::steady_clock::time_point begin;  ///< of the phase, on this rank
  std::uint64_t indices = 0;                    ///< indices done by this rank
  std::uint64_t batches = 0;                    ///< batches done by this rank
  double elapsed_s = 0;                         ///< wall time from start to the last rank's end
  double busy_s = 0;                            ///< in batches, summed over the workers
  double idle_s = 0;                            ///< workers without a batch, summed
  double communication_s = 0;  ///< CPU time of the main thread: MPI, accounting, stealing
  double stealing_s = 0;       ///< leader: from asking another node to loot on the board, summed
  std::uint64_t node_steals_tried = 0, node_steals_won = 0;        ///< inside the node, by workers
  std::uint64_t cluster_steals_tried = 0, cluster_steals_won = 0;  ///< between nodes, by the leader
  ScheduleMode mode = ScheduleMode::static_chunks;                 ///< what ran
  std::string mode_reason;
  std::vector<WorkerReport> workers;
  std::vector<BatchTrace> trace;  ///< with ScheduleOptions::trace
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
  ScheduleMode mode = ScheduleMode::automatic;
  StealTransportKind transport = StealTransportKind::automatic;
  std::uint64_t batch_size = 0;          ///< indices per batch, 0: adaptive
  double watchdog_s = 30;                ///< patience with a phase that is dry and short
  double silence_s = 30;                 ///< patience with a node that does not answer
  bool trace = false;                    ///< keep every batch's times
  ProgressListener* listener = nullptr;  ///< used on root only
  WorkKeeper* keeper = nullptr;          ///< on every rank or on none
  /// Called by a worker before each batch with (rank, first, last). For tests that inject failures.
  std::function<void(int, std::uint64_t, std::uint64_t)> before_batch;
  /// Called by a worker with (rank, batch just taken); it does what is returned instead. For tests
  /// that lose work or do it twice.
  std::function<Interval(int, Interval)> tamper;
};

class Scheduler {
 public:
  /// Sets up what lives over all phases: node and leader communicators, board, transport.
  /// Collective. Keeps references to `comm` and `pool`; the number of workers may differ between
  /// ranks.
  Scheduler(const boost::mpi::communicator& comm, WorkerPool& pool, ScheduleOptions options)
      : Scheduler(comm, pool, std::move(options), comm) {}
  ~Scheduler();

  /// Runs all indices of `phase`. Collective; every rank passes an equal phase. What the phase
  /// throws on any thread, and work found lost or done twice or a silent node (InternalError), ends
  /// the whole job at once with its message and exit code (abort_job in cluster/failure.hpp). With
  /// a keeper, work that it has kept is not done again, and where a rank's keeper wants to stop,
  /// every rank throws AgreedError with ExitCode::stopped once all has been handed over.
  PhaseReport run(Phase& phase);

  /// The same for the indices `left` of a phase whose other ones are done or not wanted: sorted,
  /// disjoint, not empty, equal on every rank. The keeper is told of no phase and asked for
  /// nothing: the caller has done both. It gets what is finished, if phase.is_kept().
  PhaseReport run_rest(Phase& phase, const std::vector<Interval>& left);

  /// The keeper of the options, or null.
  WorkKeeper* keeper() const noexcept { return options_.keeper; }
  /// Off: phases are not kept, as parts of something that the caller hands over as a whole; the
  /// keeper's wish to stop still counts. On at the start; the same on every rank.
  void keep_phases(bool on) noexcept { keeps_phases_ = on; }

  const boost::mpi::communicator& communicator() const noexcept { return comm_; }
  /// The ranks of the own node.
  const boost::mpi::communicator& node() const noexcept { return node_; }
  bool is_on_root_node() const noexcept { return node_index_ == 0; }
  /// Computing threads over all ranks.
  unsigned all_workers() const noexcept { return all_workers_; }
  /// For work that is no phase, because it needs messages on the way: the threads of this rank, and
  /// how everything is to be run.
  WorkerPool& pool() const noexcept { return pool_; }
  const ScheduleOptions& options() const noexcept { return options_; }
  /// A scheduler over the ranks of the own node, with the same pool and options: for phases that
  /// only one node can do. Collective over node(). Lives no longer than this one.
  std::unique_ptr<Scheduler> for_own_node();
  /// How work crosses nodes: "windows", "messages", or "none" on one node. The same on every rank.
  const std::string& transport_name() const noexcept { return transport_name_; }
  /// Times that windows were wanted and could not be had: 0 or 1.
  unsigned fallbacks() const noexcept { return fallbacks_; }

 private:
  class Run;

  /// `asked_for`: null for all that is not kept.
  PhaseReport run_or_abort(Phase& phase, const std::vector<Interval>* asked_for);
  PhaseReport run_or_throw(Phase& phase, const std::vector<Interval>* asked_for);

  /// `job` holds all ranks that end when one fails, `comm` and maybe others.
  Scheduler(const boost::mpi::communicator& comm, WorkerPool& pool, ScheduleOptions options,
            const boost::mpi::communicator& job);

  bool keeps(const Phase& phase) const {
    return options_.keeper != nullptr && keeps_phases_ && phase.is_kept();
  }
  /// What no keeper has of `phase`; the rest is restored. Collective.
  std::vector<Interval> restore(Phase& phase);
  /// The report of a phase that had nothing left.
  PhaseReport report_of_nothing(const Phase& phase) const;
  /// Time of a phase without work on all workers, measured once. Collective.
  double overhead_s();

  const boost::mpi::communicator& comm_;
  const boost::mpi::communicator& job_;
  WorkerPool& pool_;
  ScheduleOptions options_;
  boost::mpi::communicator node_;
  boost::mpi::communicator leaders_;  ///< valid on leaders only
  std::vector<std::string> names_;    ///< root: of the nodes, in the order of their leaders
  bool leader_ = false;
  int node_index_ = 0;
  int nodes_ = 1;
  unsigned node_workers_ = 1;  ///< workers of this node
  unsigned all_workers_ = 1;
  std::unique_ptr<NodeBoard> board_;
  std::unique_ptr<StealTransport> transport_;  ///< on leaders, with two nodes or more
  std::string transport_name_ = "none";
  unsigned fallbacks_ = 0;
  bool keeps_phases_ = true;
  double overhead_s_ = 0;  ///< 0 until measured
};

}  // namespace orbitmill
