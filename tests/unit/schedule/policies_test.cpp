/// The decisions of stealing between nodes: whom to ask, when again, and what to offer.
#include "orbitmill/schedule/policies.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <set>
#include <vector>

namespace orbitmill {
namespace {

TEST(VictimOrder, ReachesEveryOtherNodeAndNeverItself) {
  for (const int nodes : {2, 3, 4, 17}) {
    for (int self = 0; self < nodes; ++self) {
      VictimOrder order(self, nodes, static_cast<std::uint64_t>(self) + 1);
      std::set<int> asked;
      for (int i = 0; i < 60 * nodes; ++i) {
        const int victim = order.next();
        ASSERT_GE(victim, 0);
        ASSERT_LT(victim, nodes);
        asked.insert(victim);
        order.note(victim, false);
      }
      EXPECT_FALSE(asked.contains(self));
      EXPECT_EQ(asked.size(), static_cast<std::size_t>(nodes - 1));
    }
  }
}

TEST(VictimOrder, AsksTheLastSuccessfulVictimFirst) {
  VictimOrder order(2, 40, 3);
  for (const int rich : {0, 1, 3, 39}) {
    order.note(rich, true);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(order.next(), rich);
      order.note(rich, true);
    }
    order.note(rich, false);
    std::set<int> asked;
    for (int i = 0; i < 20; ++i) asked.insert(order.next());
    EXPECT_GT(asked.size(), 3u);
  }
}

TEST(VictimOrder, NodesWithDifferentSeedsDoNotAskInStep) {
  VictimOrder one(0, 100, 1);
  VictimOrder other(0, 100, 2);
  int equal = 0;
  for (int i = 0; i < 100; ++i) equal += one.next() == other.next() ? 1 : 0;
  EXPECT_LT(equal, 20);
}

TEST(BackOff, DoublesWithinItsBoundsAndStartsAgain) {
  BackOff back_off(50, 4000);
  for (int round = 0; round < 3; ++round) {
    for (const double pause : {50., 100., 200., 400., 800., 1600., 3200., 4000., 4000., 4000.}) {
      EXPECT_DOUBLE_EQ(back_off.next_us(), pause);
    }
    back_off.reset();
  }
}

struct Case {
  NodeLoad load;
  NodeAction ahead;  ///< in mode stealing
  NodeAction dry;    ///< in mode hybrid
};

// Refill latency 1 s. Low water is 2 s of work for every worker, plenty is twice as much.
const std::vector<Case> cases = {
    // {local, exported, seconds an index, workers}
    {{0, 0, 0, 1}, NodeAction::steal, NodeAction::steal},
    {{0, 0, 1, 1}, NodeAction::steal, NodeAction::steal},
    {{0, 7, 0, 1}, NodeAction::take_back, NodeAction::take_back},
    {{0, 1, 1, 4}, NodeAction::take_back, NodeAction::take_back},
    // low, but not dry
    {{1, 0, 1, 1}, NodeAction::steal, NodeAction::nothing},
    {{1, 5, 1, 1}, NodeAction::take_back, NodeAction::nothing},
    {{15, 5, 0.125, 1}, NodeAction::take_back, NodeAction::nothing},
    {{7, 0, 1, 4}, NodeAction::steal, NodeAction::nothing},
    // neither low nor plenty
    {{2, 0, 1, 1}, NodeAction::nothing, NodeAction::nothing},
    {{3, 0, 1, 1}, NodeAction::nothing, NodeAction::nothing},
    {{3, 9, 1, 1}, NodeAction::nothing, NodeAction::nothing},
    {{15, 0, 1, 4}, NodeAction::nothing, NodeAction::nothing},
    // plenty
    {{5, 0, 1, 1}, NodeAction::export_half, NodeAction::export_half},
    {{5, 1, 1, 1}, NodeAction::nothing, NodeAction::nothing},
    {{20, 0, 1, 4}, NodeAction::export_half, NodeAction::export_half},
    {{2, 0, 10, 1}, NodeAction::export_half, NodeAction::export_half},
    // the last index stays, however dear
    {{1, 0, 100, 1}, NodeAction::nothing, NodeAction::nothing},
    {{1, 0, 0, 1}, NodeAction::nothing, NodeAction::nothing},
    // the cost is unknown: offer at once
    {{2, 0, 0, 1}, NodeAction::export_half, NodeAction::export_half},
    {{2, 1, 0, 1}, NodeAction::nothing, NodeAction::nothing},
};

TEST(ExportPolicy, DecidesByTheTable) {
  const ExportPolicy ahead(1.0, true);
  const ExportPolicy dry(1.0, false);
  for (const Case& entry : cases) {
    const NodeLoad& load = entry.load;
    const auto context = [&] {
      return testing::Message() << "local " << load.local << ", exported " << load.exported
                                << ", index " << load.index_s << " s, workers " << load.workers;
    };
    EXPECT_EQ(ahead.decide(load), entry.ahead) << context();
    EXPECT_EQ(dry.decide(load), entry.dry) << context();
  }
}

/// What may never happen, whatever the figures.
TEST(ExportPolicy, KeepsItsPromisesOnRandomLoads) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 20'000; ++i) {
    const bool ahead = random() % 2 == 0;
    const ExportPolicy policy(std::ldexp(1.0, -static_cast<int>(random() % 20)), ahead);
    const NodeLoad load{random() % 4 == 0 ? 0 : random() % (random() % 2 == 0 ? 4 : 1'000'000),
                        random() % 2 == 0 ? 0 : random() % 100,
                        random() % 4 == 0 ? 0 : std::ldexp(1.0, -static_cast<int>(random() % 40)),
                        1 + static_cast<unsigned>(random() % 64)};
    switch (policy.decide(load)) {
      case NodeAction::export_half:
        ASSERT_EQ(load.exported, 0u);  // the precondition of StealTransport::publish
        ASSERT_GT(load.local, 1u);
        break;
      case NodeAction::take_back:
        ASSERT_GT(load.exported, 0u);
        ASSERT_TRUE(ahead || load.local == 0);
        break;
      case NodeAction::steal:
        ASSERT_EQ(load.exported, 0u);  // first bring back what is one's own
        ASSERT_TRUE(ahead || load.local == 0);
        break;
      case NodeAction::nothing:
        ASSERT_GT(load.local, 0u);
    }
  }
}

}  // namespace
}  // namespace orbitmill
