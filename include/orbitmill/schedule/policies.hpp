/// The decisions of work stealing between nodes, without clocks, threads or MPI.
///
/// The scheduler runs them against real time and windows, the simulator (tests/bench/simulation)
/// against a simulated clock and network: the same code, so that what holds at 4096 simulated
/// workers says something about the program.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>

namespace orbitmill {

/// In which order a node asks the others for work: the last successful victim first (it was rich a
/// moment ago), then others at random (Blumofe and Leiserson, "Scheduling multithreaded
/// computations by work stealing", 1999).
class VictimOrder {
 public:
  /// `self` of `nodes` >= 2 nodes.
  VictimOrder(int self, int nodes, std::uint64_t seed)
      : self_(self), nodes_(nodes), random_(seed) {}

  /// The node to ask next, never `self`.
  int next() {
    if (rich_ >= 0) return rich_;
    auto victim = static_cast<int>(random_() % static_cast<std::uint64_t>(nodes_ - 1));
    return victim >= self_ ? victim + 1 : victim;
  }
  /// The outcome of asking `victim`.
  void note(int victim, bool success) { rich_ = success ? victim : -1; }

 private:
  int self_;
  int nodes_;
  int rich_ = -1;
  std::mt19937_64 random_;
};

/// Pause after an attempt that found nothing: doubles from `least` to `most` microseconds, so that
/// an idle machine does not drown the few nodes that still have work in questions.
class BackOff {
 public:
  constexpr BackOff(double least_us, double most_us) : least_us_(least_us), most_us_(most_us) {}

  /// Pause in microseconds before the next attempt.
  double next_us() {
    const double now = std::clamp(pause_us_, least_us_, most_us_);
    pause_us_ = 2 * now;
    return now;
  }
  void reset() { pause_us_ = 0; }

 private:
  double least_us_;
  double most_us_;
  double pause_us_ = 0;
};

/// What a node does with its work in one round of its communication thread.
enum class NodeAction : std::uint8_t {
  nothing,
  export_half,  ///< offer half of the local indices to other nodes
  take_back,    ///< bring the offered indices back
  steal,        ///< nothing is offered any more: ask another node
};

/// A node as its communication thread sees it.
struct NodeLoad {
  std::uint64_t local = 0;     ///< indices that the node's workers can take
  std::uint64_t exported = 0;  ///< indices offered to other nodes
  double index_s = 0;          ///< cost of one index now, by the last batches; 0 while unknown
  unsigned workers = 1;        ///< workers of the node
};

/// Keeps the workers fed and something on offer. The clock of both is the latency of a refill.
class ExportPolicy {
 public:
  /// A refill takes up to `latency_s` seconds: the round time of the communication thread and a
  /// steal. With `ahead` a node gets new work before its workers run dry (mode stealing), without
  /// only when nothing is left (mode hybrid).
  ExportPolicy(double latency_s, bool ahead) : latency_s_(latency_s), ahead_(ahead) {}

  NodeAction decide(const NodeLoad& load) const {
    const double left_s = static_cast<double>(load.local) * load.index_s / load.workers;
    const bool known = load.index_s > 0;
    const bool low = load.local == 0 || (ahead_ && known && left_s < low_water * latency_s_);
    if (low) return load.exported > 0 ? NodeAction::take_back : NodeAction::steal;
    // Half of the local work must still feed the workers well past the next round; while the cost
    // is unknown (no batch is done yet, the first indices are dear) offering early is what starts
    // the others.
    const bool plenty = !known || left_s > 2 * low_water * latency_s_;
    if (load.exported == 0 && load.local > 1 && plenty) return NodeAction::export_half;
    return NodeAction::nothing;
  }

 private:
  /// In refill latencies: one for the refill, one because the cost per index is only an estimate.
  static constexpr double low_water = 2;

  double latency_s_;
  bool ahead_;
};

}  // namespace orbitmill
