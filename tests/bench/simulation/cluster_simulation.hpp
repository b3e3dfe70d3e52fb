/// The stealing protocol on a simulated cluster: 16 to 65 536 workers on one core.
///
/// The decisions are the program's own classes (schedule/policies.hpp, interval.hpp,
/// batch_size.hpp); what drives them in the program, ClusterLevel::round, Scheduler::Run and Census
/// with their clocks, threads and MPI, is repeated here against a simulated clock and network,
/// function by function under the same names. Change both together.
///
/// Every batch of every worker and every round of every communication thread is simulated; nodes
/// meet only in the events of their communication threads, so that the workers of a node are
/// brought up to date once a round, without a queue over all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cost_curve.hpp"
#include "orbitmill/schedule/interval.hpp"

namespace orbitmill::simulation {

/// When a node serves an operation of another node.
enum class TargetProgress : std::uint8_t {
  at_once,        ///< the network card does it (InfiniBand and the like)
  at_next_round,  ///< its communication thread does it (windows over TCP, messages)
};

/// What goes wrong on purpose.
enum class Fault : std::uint8_t {
  none,
  lose_loot,    ///< one stolen interval never arrives
  repeat_loot,  ///< one stolen interval arrives twice
};

struct SimulationOptions {
  unsigned nodes = 4;             ///< at least 1
  unsigned workers_per_node = 4;  ///< a multiple of ranks_per_node
  unsigned ranks_per_node = 1;    ///< interval words of a node
  double latency_s = 20e-6;       ///< round trip of a remote operation
  TargetProgress progress = TargetProgress::at_once;
  bool ahead = true;             ///< mode stealing; false: hybrid
  std::uint64_t batch_size = 0;  ///< 0: adaptive
  std::uint64_t seed = 1;
  /// A sleeping thread comes back this much later than it asked for (Linux: 50 us of timer slack,
  /// where sleep_precisely() has no effect, and the way back to a core).
  double wake_up_s = 55e-6;
  double watchdog_s = 30;
  double limit_s = 1e5;  ///< a phase that simulates longer than this does not end at all
  Fault fault = Fault::none;
  std::uint64_t fault_at = 1;  ///< which successful steal the fault hits
  /// Called for each batch that is done.
  std::function<void(Interval)> on_batch;
};

struct SimulationReport {
  double wall_s = 0;      ///< until the last node has left the phase
  double work_end_s = 0;  ///< until the last batch was done
  double busy_s = 0;      ///< in batches, over all workers
  double efficiency = 0;  ///< busy / (workers x wall)
  std::uint64_t batches = 0;
  std::uint64_t indices = 0;
  std::uint64_t steals_tried = 0;
  std::uint64_t steals_won = 0;
  std::uint64_t rounds = 0;
  double longest_batch_s = 0;
  /// Seconds without a batch, over all workers, by percent of the ideal time (total cost /
  /// workers); what comes later is in the last one.
  std::vector<double> idle_s;
};

/// Runs the indices of `curve`, whose costs are seconds. Throws InternalError with the census's
/// message where work was lost or done twice, or
/// where the phase does not end.
SimulationReport simulate(const CostCurve& curve, const SimulationOptions& options);

}  // namespace orbitmill::simulation
