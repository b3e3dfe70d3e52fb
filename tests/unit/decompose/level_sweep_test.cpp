/// The sweep of every level against the bitmap walk: the cycles whose leader has exactly so many
/// leading zeros.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "orbitmill/decompose/leader_sweep.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

using Cycles = std::map<std::uint64_t, std::uint64_t>;

/// What one level finds, in random batches of random workers.
template <class Generator>
Cycles cycles_by(const Register& reg, SweepPart part, Generator& random) {
  RowBudget budget({true, CyclePolicy::no_limit});
  LeaderSweep sweep(reg, budget, std::move(part));
  sweep.prepare(3);
  const std::uint64_t largest = 1 + random() % sweep.index_count();
  for (std::uint64_t first = 0; first < sweep.index_count();) {
    const std::uint64_t last = std::min(sweep.index_count(), first + 1 + random() % largest);
    sweep.run_batch(static_cast<unsigned>(random() % 3), first, last);
    first = last;
  }
  Cycles cycles;
  for (const CycleRow& row : sweep.take_tally().take_rows()) {
    EXPECT_TRUE(cycles.emplace(row.leader, row.length).second) << "twice: " << row.leader;
  }
  return cycles;
}

/// Leading zeros of a state; its length for the state 0.
unsigned leading_zeros(State state, std::uint64_t order, unsigned length) {
  unsigned digits = 0;
  for (; state > 0; state /= order) ++digits;
  return length - digits;
}

/// Every level of the register, each with random bounds on the lengths.
template <class Generator>
void expect_levels(const Register& reg, Generator& random) {
  const std::uint64_t order = reg.field().order();
  const Cycles all =
      oracle::bitmap_walk(reg.state_count(), [&](State state) { return reg.next(state); });
  for (unsigned zeros = 0; zeros < reg.length(); ++zeros) {
    Cycles of_level;
    // Bounds that fall on lengths, and beside them.
    std::vector<std::uint64_t> bounds = {0, ~std::uint64_t{0}};
    for (const auto& [leader, length] : all) {
      if (leading_zeros(leader, order, reg.length()) != zeros) continue;
      of_level[leader] = length;
      bounds.insert(bounds.end(), {length - 1, length});
    }
    const std::uint64_t known = random() % 2 == 0 ? 0 : bounds[random() % bounds.size()];
    const std::uint64_t longest = bounds[random() % 3 == 0 ? 1 : random() % bounds.size()];
    SCOPED_TRACE(testing::Message()
                 << "level " << zeros << ", more than " << known << " states, at most " << longest);
    const Cycles found = cycles_by(reg, level_sweep(reg, zeros, known, longest), random);
    // Cycles of more than `longest` states may be found or not, but nothing else.
    for (const auto& [leader, length] : found) {
      const auto cycle = of_level.find(leader);
      ASSERT_TRUE(cycle != of_level.end()) << leader;
      ASSERT_EQ(length, cycle->second) << leader;
      ASSERT_GT(length, known) << leader;
    }
    for (const auto& [leader, length] : of_level) {
      if (length > known && length <= longest) {
        ASSERT_TRUE(found.contains(leader)) << leader << " of " << length << " states";
      }
    }
  }
}

TEST(LevelSweep, FindsTheCyclesOfItsLevelOverAnyField) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 140; ++round) {
    const test::TestField& field = test::test_fields()[static_cast<std::size_t>(round) % 7];
    const Register reg(test::random_register(random, field, 5000).spec);
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ", q = " << field.order << ", n = " << reg.length());
    expect_levels(reg, random);
    if (HasFatalFailure()) return;
  }
}

TEST(LevelSweep, FindsTheCyclesOfItsLevelByRows) {
  std::mt19937_64 random(2);
  unsigned by_rows = 0;
  for (int round = 0; round < 60; ++round) {
    // Up to 20, mostly shorter; the row tester takes part from 16 on.
    const unsigned length = round % 10 == 0 ? 20 : 14 + static_cast<unsigned>(round) % 5;
    const Register reg(test::random_binary_register(random, length).spec);
    for (unsigned zeros = 0; zeros < length; ++zeros) {
      by_rows += row_tester_covers(reg, zeros) ? 1U : 0U;
    }
    SCOPED_TRACE(testing::Message() << "round " << round << ", n = " << length);
    expect_levels(reg, random);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(by_rows, 200u);
}

/// Cycles of many lengths on one level: the rotations of all words, beside registers whose walks
/// live long because they never meet a smaller state.
TEST(LevelSweep, FindsManyCyclesOfOneLevelByRows) {
  std::mt19937_64 random(3);
  for (const unsigned length : {16U, 17U, 18U}) {
    for (const bool complemented : {false, true}) {
      RegisterSpec spec{2, "", length, {{{1, {0}}}}};
      if (complemented) spec.feedback.terms.push_back({1, {}});
      SCOPED_TRACE(testing::Message() << "n = " << length << (complemented ? ", 1 + x0" : ", x0"));
      expect_levels(Register(spec), random);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace orbitmill
