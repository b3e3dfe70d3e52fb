/// The leader sweep against the bitmap walk, single process, every leader and length.
#include "orbitmill/decompose/leader_sweep.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "orbitmill/error.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

using Cycles = std::map<std::uint64_t, std::uint64_t>;

/// All cycles by one tester, the state space cut into ranges at `cuts`.
Cycles cycles_by(LeaderTester& tester, std::uint64_t states, const std::vector<State>& cuts) {
  RowBudget budget({true, CyclePolicy::no_limit});
  CycleTally tally(budget);
  State first = 0;
  for (const State cut : cuts) {
    tester.test_range(first, cut, tally);
    first = cut;
  }
  tester.test_range(first, states, tally);
  Cycles cycles;
  for (const CycleRow& row : tally.take_rows()) {
    EXPECT_TRUE(cycles.emplace(row.leader, row.length).second) << "leader twice: " << row.leader;
  }
  return cycles;
}

TEST(LeaderSweep, AgreesWithTheBitmapWalkOnRandomRegisters) {
  std::mt19937_64 random(20260101);
  for (const test::TestField& field : test::test_fields()) {
    for (int round = 0; round < (field.order == 2 ? 300 : 60); ++round) {
      const auto [spec, slow] =
          test::random_register(random, field, field.order == 2 ? 1 << 13 : 5000);
      const Register reg(spec);
      SCOPED_TRACE(testing::Message() << "q = " << field.order << ", n = " << spec.length);
      const Cycles expected = oracle::bitmap_walk(
          slow.states(), [&, &slow = slow](std::uint64_t state) { return slow.step(state); });
      const std::uint64_t states = reg.state_count();
      const auto tester = make_leader_tester(reg);
      EXPECT_EQ(cycles_by(*tester, states, {}), expected);
      // The same tester again, in odd pieces: nothing may leak from one range into the next.
      std::vector<State> cuts = {1 % states, random() % states, random() % states, states};
      std::ranges::sort(cuts);
      EXPECT_EQ(cycles_by(*tester, states, cuts), expected);
      if (field.order == 2 && reg.feedback().is_affine()) {
        EXPECT_EQ(cycles_by(*make_digit_leader_tester(reg), states, cuts), expected);
      }
    }
  }
}

TEST(LeaderSweep, PhaseCoversTheStateSpaceInAnyBatches) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 40; ++round) {
    const auto [spec, slow] = test::random_register(random, test::test_fields()[0], 1 << 10);
    const Register reg(spec);
    RowBudget sweep_budget(CyclePolicy{true, CyclePolicy::no_limit});
    LeaderSweep sweep(reg, sweep_budget, whole_sweep(reg));
    sweep.prepare(3);
    std::uint64_t first = 0;
    while (first < sweep.index_count()) {
      const std::uint64_t last = std::min(sweep.index_count(), first + 1 + random() % 200);
      sweep.run_batch(static_cast<unsigned>(random() % 3), first, last);
      first = last;
    }
    CycleTally tally = sweep.take_tally();
    std::uint64_t states = 0;
    for (const HistogramEntry& entry : tally.histogram()) states += entry.length * entry.count;
    EXPECT_EQ(states, reg.state_count());
    EXPECT_GE(sweep.lane_steps(), reg.state_count() / reg.length());
  }
}

TEST(LeaderSweep, ExpectedCostGrowsFromNothing) {
  const Register reg({2, "", 20, {{{1, {0}}, {1, {3}}}}});
  RowBudget sweep_budget(CyclePolicy{});
  const LeaderSweep sweep(reg, sweep_budget, whole_sweep(reg));
  EXPECT_EQ(sweep.expected_cost(0), 0);
  double before = 0;
  for (std::uint64_t end = 1; end <= sweep.index_count(); end *= 2) {
    EXPECT_GT(sweep.expected_cost(end), before);
    before = sweep.expected_cost(end);
  }
}

TEST(LeaderSweep, RowLimitStopsTheRun) {
  const Register reg(
      {2, "", 12, {{{1, {0}}}}});  // 352 cycles (necklaces of length 12, OEIS A000031)
  RowBudget sweep_budget(CyclePolicy{true, 351});
  LeaderSweep sweep(reg, sweep_budget, whole_sweep(reg));
  sweep.prepare(1);
  EXPECT_THROW(sweep.run_batch(0, 0, sweep.index_count()), CannotCreateError);
  RowBudget enough_budget(CyclePolicy{true, 352});
  LeaderSweep enough(reg, enough_budget, whole_sweep(reg));
  enough.prepare(1);
  enough.run_batch(0, 0, enough.index_count());
  EXPECT_EQ(enough.take_tally().take_rows().size(), 352u);
}

}  // namespace
}  // namespace orbitmill
