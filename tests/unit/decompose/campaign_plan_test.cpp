#include "orbitmill/decompose/campaign_plan.hpp"

#include <gtest/gtest.h>

namespace orbitmill {
namespace {

RegisterClass registers(std::uint64_t count, double lone_s, double full_s) {
  return {2, 20, count, lone_s, full_s};
}

TEST(CampaignPlan, ManySmallRegistersAreSpreadWhole) {
  const auto decisions = decide_units({registers(100'000, 1e-4, 1e-4)}, 8, 1e-3);
  EXPECT_FALSE(decisions[0].by_everybody);
  EXPECT_NEAR(decisions[0].predicted_s, 10.0 / 8, 1e-9);
  EXPECT_NE(decisions[0].reason.find("whole registers"), std::string::npos);
}

TEST(CampaignPlan, AFewLargeOnesAreDoneByEverybody) {
  const auto decisions = decide_units({registers(3, 100, 100)}, 8, 1e-3);
  EXPECT_TRUE(decisions[0].by_everybody);
  EXPECT_NE(decisions[0].reason.find("by everybody"), std::string::npos);
}

TEST(CampaignPlan, RuleOfThree) {
  // Two registers on eight workers: sharing pays only well above its overhead.
  EXPECT_FALSE(decide_units({registers(2, 2.9e-3, 2.9e-3)}, 8, 1e-3)[0].by_everybody);
  EXPECT_TRUE(decide_units({registers(2, 0.1, 0.1)}, 8, 1e-3)[0].by_everybody);
  EXPECT_FALSE(decide_units({registers(2, 100, 100)}, 1, 0)[0].by_everybody);
}

TEST(CampaignPlan, OnlyTheGiantsOfAMixedList) {
  const auto decisions =
      decide_units({registers(10'000, 1e-3, 1e-3), registers(1, 50, 50)}, 8, 1e-3);
  EXPECT_FALSE(decisions[0].by_everybody);
  EXPECT_TRUE(decisions[1].by_everybody);
}

TEST(CampaignPlan, EarlyAbortSpeaksAgainstSharing) {
  // The task takes 1 ms on the mean because most registers are ruled out, a full pass 1 s.
  EXPECT_FALSE(decide_units({registers(50, 1e-3, 1)}, 8, 1e-4)[0].by_everybody);
}

TEST(CampaignPlan, NothingToDo) {
  EXPECT_TRUE(decide_units({}, 8, 1e-3).empty());
}

}  // namespace
}  // namespace orbitmill
