/// The milestone pass and its contraction in one, for one thread, GF(2).
///
/// 512 bit-sliced lanes walk from milestone to milestone (milestones.hpp) and never stop there: a
/// chain book (chain_book.hpp) joins what they walk while they walk it. Against a pass that starts
/// a walk for every segment, a lane is placed anew only where two chains join, about 512 ln(M/512)
/// times in all, nothing is chased afterwards, and the first cycle that closes is known at once:
/// a search for maximum period stops there. All on one thread and in fixed order, so that the
/// cycles close in an order that is a function of the register alone.
///
/// Cost: 2^n states at the kernel's pace, M milestones of some 15 ns (an estimate), and the tail:
/// when the milestones have run out, the slowest of 512 lanes takes about 6 segments more. So M is
/// about the root of 6 * 512 * (time of the states) / 15 ns.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "orbitmill/decompose/chain_book.hpp"
#include "orbitmill/decompose/free_digits.hpp"
#include "orbitmill/decompose/row_walks.hpp"

namespace orbitmill {

class ChainWalk {
 public:
  /// The k for registers of this length, functions of n alone: for a walk that stops at the first
  /// cycle, and for one of which all cycles are wanted. There more milestones pay, for the cycles
  /// without one are found by sweeps.
  static unsigned zeros_for_search(unsigned length);
  static unsigned zeros_for_histogram(unsigned length);

  /// A new walk: no milestone is visited. The memory is used again. 1 <= zeros <= n - 2, at most
  /// 2^24 milestones.
  void reset(RowProgram program, unsigned zeros);

  unsigned zeros() const noexcept { return zeros_; }

  /// Is told the number of states of a cycle as it closes, each once; false stops the walk.
  using OnCycle = std::function<bool(std::uint64_t states)>;

  /// Walks on until no milestone is left to start from. False when it was stopped.
  bool use_up_milestones(const OnCycle& on_cycle) { return walk(false, on_cycle); }
  /// Walks to the end: all cycles with a milestone are closed. False when it was stopped.
  bool finish(const OnCycle& on_cycle) { return walk(true, on_cycle); }

 private:
  bool walk(bool to_the_end, const OnCycle& on_cycle);
  void place_first_lanes();
  void refill();
  void start(unsigned lane, std::uint64_t milestone);
  bool meet(unsigned lane, std::uint64_t milestone, std::uint64_t step, const OnCycle& on_cycle);
  bool follow_hits(unsigned tiles, const LaneRow* rows, std::uint64_t steps_before,
                   const OnCycle& on_cycle);

  RowWalks walks_;
  ChainBook<std::uint16_t, row_lanes> book_;
  unsigned zeros_ = 1;
  RunWindow window_;
  FreeDigits digits_{2, 1, true};
  State lead_ = 0;  ///< milestone 0; for q = 2 the index is the rest of the state
  LaneRow live_;
  unsigned live_lanes_ = 0;
  bool milestones_left_ = true;
  std::uint64_t idle_lane_rows_ = 0;  ///< since lanes were last placed
  std::array<LaneRow, RowWalks::chunk> hits_{};
  RunHits found_;
};

}  // namespace orbitmill
