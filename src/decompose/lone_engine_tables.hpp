/// What a LoneEngine keeps from register to register, and its ways to a histogram.
#pragma once

#include <vector>

#include "orbitmill/decompose/chain_walk.hpp"
#include "orbitmill/decompose/length_counts.hpp"
#include "orbitmill/decompose/lone_engine.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/decompose/periodic_words.hpp"
#include "orbitmill/decompose/state_table.hpp"

namespace orbitmill {

struct LoneEngine::Tables {
  StateTable states;
  ChainWalk walk;
  PeriodicWords words;
  LengthCounts counts;
  std::vector<std::uint64_t> segments;
  std::vector<LongSegment> long_segments;

  /// Each adds all cycles of the register to `counts`. By a table of all states; over GF(2) by
  /// bit-sliced walks, n >= RowProgram::min_length; over any field by segments, walked one after
  /// the other.
  void count_by_table(const Register& reg) { states.count_cycles(reg, counts); }
  void count_by_rows(const Register& reg);
  void count_by_segments(const Register& reg);

  /// The cycles without `zeros` zeros in a row and of more than `known` states.
  void sweep_levels(const Register& reg, unsigned zeros, std::uint64_t known);
};

/// Whether a table of all states is the fastest way to the histogram.
bool prefers_table(const Register& reg);

/// Up to which period words are tried before the states of a register of length n are walked. The
/// words of p digits cost 2^p / p times 0.2 ns, and settle one of p registers, which saves 2^n
/// states at 0.011 ns and more: that is even at p = n - 4, whatever the feedback, for both costs
/// grow with its terms. A function of n alone, so that the answers are one of the register alone.
unsigned longest_period_tried(unsigned length);

}  // namespace orbitmill
