/// One node among others, with a board of its own and a transport that says what the test wants.
#include "orbitmill/schedule/cluster_level.hpp"

#include <gtest/gtest.h>

#include <boost/mpi/communicator.hpp>
#include <optional>
#include <string>
#include <utility>

namespace orbitmill {
namespace {

/// Notes what the node asks for; the test answers.
class ScriptedTransport final : public StealTransport {
 public:
  std::string name() const override { return "scripted"; }
  void reset() override {}
  Interval exported() override { return exported_; }
  void publish(Interval interval) override {
    EXPECT_TRUE(exported_.empty());
    exported_ = interval;
  }
  Interval take_back() override { return std::exchange(exported_, {}); }
  void begin_steal(int victim) override { asked_ = victim; }
  void begin_fetch(std::uint64_t count) override { wanted_ = count; }
  std::optional<Interval> poll() override { return std::exchange(answer_, std::nullopt); }
  void serve() override {}

  void answer(Interval loot) { answer_ = loot; }
  std::optional<int> take_asked() { return std::exchange(asked_, std::nullopt); }
  std::uint64_t wanted() const { return wanted_; }

 private:
  Interval exported_;
  std::optional<Interval> answer_;
  std::optional<int> asked_;
  std::uint64_t wanted_ = 0;
};

constexpr std::uint64_t total = 1'000'000;

class ClusterLevels : public testing::Test {
 protected:
  /// Takes all that the board has and does it in `index_s` seconds an index.
  void work_off(double index_s) const {
    const Interval batch = take_front(board_.work(0), total);
    ASSERT_FALSE(batch.empty());
    board_.enter_batch();
    board_.leave_batch(batch.size(), 0, static_cast<double>(batch.size()) * index_s);
  }

  /// Does the node's chunk of 1000 indices, then steals `loot`.
  void steal_after_work(ClusterLevel& level, double index_s, Interval loot) {
    board_.reset({0, 1000});
    work_off(index_s);
    level.round();
    ASSERT_EQ(transport_.take_asked(), 1);
    transport_.answer(loot);
    level.round();
  }

  NodeBoard board_{boost::mpi::communicator(MPI_COMM_SELF, boost::mpi::comm_attach)};
  ScriptedTransport transport_;
};

/// What an index cost before says nothing about the loot: it counts as dear until it is measured.
TEST_F(ClusterLevels, OffersLootToOthersThoughIndicesWereCheapBefore) {
  for (const double index_s : {1e-9, 1e-7}) {
    ClusterLevel level(board_, transport_, NodeSharing::steal, 0, 2, 1, total, true);
    steal_after_work(level, index_s, {5000, 5100});
    // 100 indices at that cost would be far too little to give any away.
    EXPECT_EQ(transport_.exported(), (Interval{5050, 5100}));
    EXPECT_EQ(unpack(board_.work(0).load()), (Interval{5000, 5050}));
    EXPECT_FALSE(transport_.take_asked());
    transport_.take_back();
  }
}

/// Measured, the cost counts again: cheap loot is brought back and more is asked for.
TEST_F(ClusterLevels, LearnsTheCostOfTheLoot) {
  ClusterLevel level(board_, transport_, NodeSharing::steal, 0, 2, 1, total, true);
  steal_after_work(level, 1e-9, {5000, 5100});
  work_off(1e-9);
  level.round();  // runs dry: brings back what it offered
  EXPECT_TRUE(transport_.exported().empty());
  EXPECT_EQ(unpack(board_.work(0).load()), (Interval{5050, 5100}));
  level.round();  // 50 cheap indices: low, and nothing on offer
  EXPECT_EQ(transport_.take_asked(), 1);
  EXPECT_TRUE(transport_.exported().empty());
}

/// The counter's blocks follow each other: there the last cost is the best guess for the next.
TEST_F(ClusterLevels, AsksTheCounterByTheCostMeasured) {
  ClusterLevel level(board_, transport_, NodeSharing::counter, 0, 2, 4, total, true);
  board_.reset({});
  level.round();
  EXPECT_EQ(transport_.wanted(), 4u);  // unknown: one for each worker
  transport_.answer({0, 4});
  level.round();
  EXPECT_EQ(unpack(board_.work(0).load()), (Interval{0, 4}));
  work_off(1e-4);
  level.round();
  EXPECT_EQ(transport_.wanted(), 400u);  // 10 ms for each of 4 workers
  transport_.answer({4, 404});
  level.round();
  work_off(1e-4);
  level.round();
  EXPECT_EQ(transport_.wanted(), 400u);
}

/// What is on its way when a phase is interrupted is left, not lost: it belongs to the account.
TEST_F(ClusterLevels, HoldsLateLootAtTheEnd) {
  for (const NodeSharing sharing : {NodeSharing::counter, NodeSharing::steal}) {
    for (const auto& [loot, held] :
         {std::pair(Interval{7, 11}, 4U), std::pair(Interval{total - 2, total}, 2U),
          std::pair(Interval{}, 0U)}) {
      ClusterLevel level(board_, transport_, sharing, 1, 2, 4, total, true);
      board_.reset({});
      level.round();
      EXPECT_FALSE(level.finish());
      transport_.answer(loot);
      EXPECT_TRUE(level.finish());
      EXPECT_EQ(level.indices_held(), held);
    }
  }
  // The counter has been asked beyond its end.
  ClusterLevel level(board_, transport_, NodeSharing::counter, 1, 2, 4, total, true);
  level.round();
  transport_.answer({total - 1, total + 3});
  EXPECT_TRUE(level.finish());
  EXPECT_EQ(level.indices_held(), 1U);
}

}  // namespace
}  // namespace orbitmill
