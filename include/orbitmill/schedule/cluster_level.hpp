/// The upper level of stealing: one node among others, seen from its leader's main thread.
///
/// Keeps a share of the node's work exported, brings it back when the node runs low, steals from
/// other nodes when nothing is left to bring back, and puts loot on the node's board, from where
/// the workers of all ranks take it. THIS IS WHERE A BATCH IS STOLEN BETWEEN NODES:
/// ClusterLevel::round.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "orbitmill/schedule/node_board.hpp"
#include "orbitmill/schedule/policies.hpp"
#include "orbitmill/schedule/steal_transport.hpp"

namespace orbitmill {

/// How work crosses nodes in a phase.
enum class NodeSharing : std::uint8_t {
  none,     ///< not at all
  counter,  ///< blocks from root's central counter
  steal,    ///< halves of other nodes' exported work
};

/// Counts of one leader in one phase.
struct StealCounts {
  std::uint64_t tried = 0;
  std::uint64_t won = 0;
  double seconds = 0;  ///< from asking to loot on the board, summed over the won
};

class ClusterLevel {
 public:
  /// `workers`: of the whole node; `total`: indices of the phase; `ahead`: steal before the node is
  /// dry.
  ClusterLevel(const NodeBoard& board, StealTransport& transport, NodeSharing sharing, int node,
               int nodes, unsigned workers, std::uint64_t total, bool ahead);

  /// One round of the communication thread. Never blocks.
  void round();

  /// Nothing exported, nothing waiting for a place on the board. An own steal that is out does not
  /// count: nodes without work steal for ever, so that root would hardly ever see all of a thousand
  /// nodes empty at once, and would get two reports for each attempt. Loot on its way is in
  /// nobody's report until it arrives, which must take less than the patience of the census.
  bool is_empty();
  /// An operation on another node is out: look again soon.
  bool is_waiting() const noexcept { return waiting_; }
  /// After the end of the phase: completes an operation that is out. True when none is.
  bool finish();
  /// After finish(): indices exported, waiting for a place on the board, or (root) never fetched
  /// from the counter. None after a phase that went right.
  std::uint64_t indices_held();

  const StealCounts& counts() const noexcept { return counts_; }

 private:
  using Clock = std::chrono::steady_clock;

  void measure_cost();
  void receive();
  void act();
  void export_half();
  void deposit(Interval loot);
  void place_pending();
  std::uint64_t local_indices() const;

  const NodeBoard& board_;
  StealTransport& transport_;
  NodeSharing sharing_;
  unsigned workers_;
  std::uint64_t total_;
  bool counter_is_here_;  ///< on root's node
  ExportPolicy policy_;
  VictimOrder victims_;
  BackOff back_off_;
  std::vector<Interval> pending_;  ///< loot that found no empty word yet
  bool waiting_ = false;
  bool counter_used_up_ = false;
  int victim_ = 0;
  Clock::time_point asked_{};
  Clock::time_point next_attempt_{};
  double index_s_ = 0;
  std::uint64_t last_done_ = 0;
  double last_busy_s_ = 0;
  StealCounts counts_;
};

}  // namespace orbitmill
