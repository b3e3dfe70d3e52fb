/// Both transports between nodes: nothing is ever in two places or in none.
///
/// Every rank is a leader here. On one machine that tries the windows' component for shared memory;
/// tests/cluster runs the same program with one rank a node, over TCP.
#include "orbitmill/schedule/steal_transport.hpp"

#include <gtest/gtest.h>

#include <boost/mpi/collectives.hpp>
#include <random>
#include <vector>

#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {
namespace {

/// A barrier that answers others meanwhile, as every wait between leaders must.
void meet(const boost::mpi::communicator& comm, StealTransport& transport) {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ibarrier(comm, &request);
  for (int done = 0; done == 0;) {
    transport.serve();
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
  }
}

Interval outcome(StealTransport& transport) {
  for (;;) {
    transport.serve();
    if (const auto loot = transport.poll()) return *loot;
  }
}

class Transports : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string name = GetParam();
    transport_ = name == "windows" ? make_window_transport(comm_) : make_message_transport(comm_);
    ASSERT_NE(transport_, nullptr);
    ASSERT_EQ(transport_->name(), name);
    transport_->reset();
  }
  void TearDown() override { meet(comm_, *transport_); }

  const boost::mpi::communicator comm_;
  std::unique_ptr<StealTransport> transport_;
};

TEST_P(Transports, OwnerPublishesAndTakesBack) {
  for (const Interval interval : {Interval{0, 1}, Interval{5, 9},
                                  Interval{0xffff'fffe, 0xffff'ffff}, Interval{0, 0xffff'ffff}}) {
    EXPECT_TRUE(transport_->exported().empty());
    EXPECT_TRUE(transport_->take_back().empty());
    transport_->publish(interval);
    EXPECT_EQ(transport_->exported(), interval);
    EXPECT_EQ(transport_->take_back(), interval);
  }
  EXPECT_TRUE(transport_->exported().empty());
}

TEST_P(Transports, ResetForgetsWhatWasExportedAndCounted) {
  for (int round = 0; round < 5; ++round) {
    transport_->publish({1, 5});
    transport_->begin_fetch(3);
    outcome(*transport_);
    meet(comm_, *transport_);
    transport_->reset();
    EXPECT_TRUE(transport_->exported().empty());
    meet(comm_, *transport_);
    if (comm_.rank() == comm_.size() - 1) {
      transport_->begin_fetch(2);
      EXPECT_EQ(outcome(*transport_), (Interval{0, 2}));
    }
    meet(comm_, *transport_);
    transport_->reset();
  }
}

TEST_P(Transports, ThievesOfOneIntervalAreOne) {
  for (int round = 0; round < 300; ++round) {
    const int victim = round % comm_.size();
    const auto first = static_cast<std::uint64_t>(round);
    const Interval offered{first, first + 10};
    if (comm_.rank() == victim) transport_->publish(offered);
    meet(comm_, *transport_);
    Interval mine;
    if (comm_.rank() == victim) {
      if (round % 2 == 0) mine = transport_->take_back();  // against the thieves
    } else {
      transport_->begin_steal(victim);
      mine = outcome(*transport_);
    }
    EXPECT_TRUE(mine.empty() || mine == offered);
    meet(comm_, *transport_);
    const Interval left = transport_->take_back();
    const int won = (mine.empty() ? 0 : 1) + (left.empty() ? 0 : 1);
    EXPECT_EQ(boost::mpi::all_reduce(comm_, won, std::plus<>()), 1);
    // Nobody but thieves: one of them has it.
    EXPECT_TRUE(left.empty() || round % 2 == 0 || comm_.size() == 1);
  }
}

TEST_P(Transports, CounterGivesEveryIndexOnce) {
  constexpr std::uint64_t total = 2000;
  for (int round = 0; round < 3; ++round) {
    std::vector<int> got(total);
    std::mt19937_64 random(static_cast<std::uint64_t>(10 * round + comm_.rank()));
    for (;;) {
      const std::uint64_t count = 1 + random() % 20;
      transport_->begin_fetch(count);
      const Interval block = outcome(*transport_);
      ASSERT_EQ(block.size(), count);
      for (std::uint64_t i = block.first; i < std::min(block.last, total); ++i) ++got[i];
      if (block.last >= total) break;
    }
    meet(comm_, *transport_);
    std::vector<int> sum(total);
    boost::mpi::all_reduce(comm_, got.data(), static_cast<int>(total), sum.data(), std::plus<>());
    EXPECT_EQ(sum, std::vector<int>(total, 1));
    transport_->reset();
  }
}

/// Random operations of all ranks at once. Work never disappears: what each holds at the end, with
/// what is exported, is what there was.
TEST_P(Transports, RandomOperationsConserveEveryIndex) {
  const std::uint64_t total = 400;
  std::mt19937_64 random(77 + static_cast<std::uint64_t>(comm_.rank()));
  std::vector<Interval> held{equal_part(total, static_cast<std::uint64_t>(comm_.rank()),
                                        static_cast<std::uint64_t>(comm_.size()))};
  const auto keep = [&](Interval interval) {
    if (!interval.empty()) held.push_back(interval);
  };
  bool waiting = false;
  for (int step = 0; step < 3000; ++step) {
    transport_->serve();
    if (waiting) {
      if (const auto loot = transport_->poll()) {
        keep(*loot);
        waiting = false;
      }
    }
    const std::uint64_t action = random() % 4;
    if (action == 0 && comm_.size() > 1 && !waiting) {
      const auto others = static_cast<std::uint64_t>(comm_.size() - 1);
      transport_->begin_steal((comm_.rank() + 1 + static_cast<int>(random() % others)) %
                              comm_.size());
      waiting = true;
    } else if (action == 1) {
      keep(transport_->take_back());
    } else if (action == 2 && !held.empty() && transport_->exported().empty()) {
      std::swap(held.back(), held[random() % held.size()]);
      const Interval all = held.back();
      held.pop_back();
      transport_->publish(back_half(all));
      keep(front_half(all));
    }
  }
  if (waiting) keep(outcome(*transport_));
  meet(comm_, *transport_);
  keep(transport_->take_back());
  std::vector<int> mine(total);
  for (const Interval& interval : held) {
    ASSERT_LE(interval.last, total);
    for (std::uint64_t i = interval.first; i < interval.last; ++i) ++mine[i];
  }
  std::vector<int> sum(total);
  boost::mpi::all_reduce(comm_, mine.data(), static_cast<int>(total), sum.data(), std::plus<>());
  EXPECT_EQ(sum, std::vector<int>(total, 1));
}

INSTANTIATE_TEST_SUITE_P(Kinds, Transports, testing::Values("windows", "messages"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace orbitmill
