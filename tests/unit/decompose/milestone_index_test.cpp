/// The milestone index against the definition: every position by a walk of the slow oracle.
#include "orbitmill/decompose/milestone_index.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "orbitmill/decompose/decompose.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

/// By state: the lengths of the cycles with smaller leaders, plus the steps from the leader.
std::vector<std::uint64_t> slow_positions(const oracle::SlowRegister& slow) {
  constexpr std::uint64_t unseen = ~std::uint64_t{0};
  std::vector<std::uint64_t> position(slow.states(), unseen);
  std::uint64_t next = 0;
  for (std::uint64_t leader = 0; leader < slow.states(); ++leader) {
    for (std::uint64_t state = leader; position[state] == unseen; state = slow.step(state))
      position[state] = next++;
  }
  return position;
}

/// The states whose top digit is not 0 and whose next `zeros` digits are, in the order of the
/// index: by the digits behind, then by the top digit.
std::vector<std::uint64_t> slow_milestones(const oracle::SlowRegister& slow, unsigned zeros) {
  const std::uint64_t q = slow.field.order();
  const std::uint64_t top = slow.states() / q;
  std::uint64_t free = top;
  for (unsigned i = 0; i < zeros; ++i) free /= q;
  std::vector<std::uint64_t> milestones;
  for (std::uint64_t rest = 0; rest < free; ++rest) {
    for (std::uint64_t digit = 1; digit < q; ++digit) milestones.push_back(digit * top + rest);
  }
  return milestones;
}

class MilestoneIndexTest : public testing::Test {
 protected:
  MilestoneIndexTest() : pool_(2), scheduler_(comm_, pool_, options()) {}

  static ScheduleOptions options() {
    ScheduleOptions options;
    options.mode = ScheduleMode::stealing;  // every rank and thread takes part
    return options;
  }

  void check(const Register& reg, const oracle::SlowRegister& slow, unsigned zeros,
             std::uint64_t station_distance) {
    SCOPED_TRACE(testing::Message() << "q = " << slow.field.order() << ", n = " << reg.length()
                                    << ", k = " << zeros << ", stations " << station_distance);
    MilestoneOptions choices;
    choices.zeros = zeros;
    choices.index = true;
    choices.station_distance = station_distance;
    const Decomposition result =
        decompose_by_milestones(reg, {true, CyclePolicy::no_limit}, choices, scheduler_);
    ASSERT_TRUE(result.index);
    const std::vector<std::uint64_t> milestones = slow_milestones(slow, zeros);
    EXPECT_EQ(result.index->zeros, zeros);
    ASSERT_EQ(result.index->count, milestones.size());
    const std::vector<std::uint64_t> position = slow_positions(slow);
    // One node: every rank sees the whole table.
    ASSERT_TRUE(result.index->memory);
    std::uint64_t wrong = 0;
    for (std::size_t i = 0; i < milestones.size(); ++i) {
      wrong += result.index->positions()[i] != position[milestones[i]] ? 1U : 0U;
    }
    EXPECT_EQ(wrong, 0u) << "of " << milestones.size();
  }

  boost::mpi::communicator comm_;
  WorkerPool pool_;
  Scheduler scheduler_;
};

TEST_F(MilestoneIndexTest, AgreesWithTheOracleOnRandomRegisters) {
  std::mt19937_64 random(20260417);
  unsigned forward = 0;
  unsigned backward = 0;
  for (const test::TestField& field : test::test_fields()) {
    for (unsigned round = 0; round < (field.order == 2 ? 40 : 8);) {
      const auto [spec, slow] = test::random_register(random, field, 1 << 12);
      if (spec.length < 2) continue;
      ++round;
      const Register reg(spec);
      const unsigned zeros = 1 + static_cast<unsigned>(random() % (spec.length - 1));
      // Station distances from every milestone to none but the first.
      const std::uint64_t distances[] = {1, 2, 7, 256, std::uint64_t{1} << 20};
      check(reg, slow, zeros, distances[random() % std::size(distances)]);
      const bool steps = make_segment_walker(MilestoneMap(reg, zeros))->is_forward();
      forward += steps ? 1U : 0U;
      backward += steps ? 0U : 1U;
    }
  }
  EXPECT_GT(forward, 5u);
  EXPECT_GT(backward, 5u);
}

/// Thousands of cycles, most of them without a station, and cycles of one milestone.
TEST_F(MilestoneIndexTest, ManyCycles) {
  for (const unsigned zeros : {1u, 3u, 11u}) {
    const RegisterSpec spec{2, "", 14, {{{1, {0}}}}};
    check(Register(spec), test::slow_register(spec, test::test_fields()[0]), zeros, 5);
  }
}

/// One cycle through everything: every chain crosses ranks and threads.
TEST_F(MilestoneIndexTest, MaximumPeriod) {
  // x^15 + x + 1 and x^15 + x^14 + 1 are primitive (Zierler, Brillhart, 1968): taps at both ends,
  // so that the walks go one way and the other.
  for (const std::uint32_t tap : {1u, 14u}) {
    const RegisterSpec spec{2, "", 15, {{{1, {0}}, {1, {tap}}}}};
    check(Register(spec), test::slow_register(spec, test::test_fields()[0]), 2, 16);
  }
}

}  // namespace
}  // namespace orbitmill
