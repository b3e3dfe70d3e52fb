/// The board of one node: all ranks take from all words at once, and the sums say what happened.
#include "orbitmill/schedule/node_board.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

namespace orbitmill {
namespace {

TEST(NodeBoard, ResetGivesEachRankItsChunkAndClearsTheRest) {
  const boost::mpi::communicator node;
  NodeBoard board(node);
  ASSERT_EQ(board.ranks(), node.size());
  ASSERT_EQ(board.rank(), node.rank());
  const auto ranks = static_cast<std::uint64_t>(node.size());
  for (std::uint64_t round = 0; round < 20; ++round) {
    const std::uint64_t size = 3 + round;
    const std::uint64_t first = size * static_cast<std::uint64_t>(node.rank());
    board.reset({first, first + size});
    EXPECT_FALSE(board.is_stopped());
    for (std::uint64_t rank = 0; rank < ranks; ++rank) {
      EXPECT_EQ(unpack(board.work(static_cast<int>(rank)).load()),
                (Interval{size * rank, size * (rank + 1)}));
    }
    EXPECT_EQ(board.indices_left(), size * ranks);
    EXPECT_EQ(board.indices_done(), 0u);
    EXPECT_EQ(board.running(), 0u);
    EXPECT_EQ(board.busy_s(), 0);
    EXPECT_EQ(board.cost_done(), 0);
    node.barrier();  // the others look before the figures change
    board.enter_batch();
    board.leave_batch(5, 2.5, 0.25);
    board.enter_batch();
    node.barrier();
    EXPECT_EQ(board.indices_done(), 5 * ranks);
    EXPECT_DOUBLE_EQ(board.cost_done(), 2.5 * static_cast<double>(ranks));
    EXPECT_DOUBLE_EQ(board.busy_s(), 0.25 * static_cast<double>(ranks));
    EXPECT_EQ(board.running(), ranks);
  }
}

TEST(NodeBoard, RefillFillsOnlyAnEmptyWordAndCounts) {
  const boost::mpi::communicator node;
  NodeBoard board(node);
  std::mt19937_64 random(31);  // the same on every rank
  for (int phase = 0; phase < 3; ++phase) {
    board.reset({7, 9});
    std::vector<Interval> words(static_cast<std::size_t>(board.ranks()), Interval{7, 9});
    std::vector<std::uint64_t> refills(words.size());
    for (int i = 0; i < 300; ++i) {
      const std::size_t at = random() % words.size();
      const auto rank = static_cast<int>(at);
      const std::uint64_t first = random() % 1000;
      const Interval loot{first, first + 1 + random() % 3};
      const bool take = random() % 2 == 0;
      if (node.rank() == 0 && take) {
        const Interval taken = take_front(board.work(rank), 2);
        EXPECT_EQ(taken.first, words[at].first);
      } else if (node.rank() == 0) {
        EXPECT_EQ(board.refill(rank, loot), words[at].empty());
      }
      if (take) {
        words[at].first = std::min(words[at].first + 2, words[at].last);
        if (words[at].empty()) words[at] = {};
      } else if (words[at].empty()) {
        words[at] = loot;
        ++refills[at];
      }
      node.barrier();
      ASSERT_EQ(unpack(board.work(rank).load()), words[at]);
      ASSERT_EQ(board.refills(rank), refills[at]);
      node.barrier();
    }
  }
}

TEST(NodeBoard, StopIsSeenByEveryRank) {
  const boost::mpi::communicator node;
  NodeBoard board(node);
  for (int round = 0; round < 50; ++round) {
    board.reset({});
    EXPECT_FALSE(board.is_stopped());
    node.barrier();
    if (node.rank() == 0) board.stop();
    while (!board.is_stopped()) std::this_thread::yield();  // a hang is the failure
  }
}

TEST(NodeBoard, RanksAndThreadsTakeEveryIndexOnce) {
  const boost::mpi::communicator node;
  NodeBoard board(node);
  constexpr std::uint64_t count = 3000;
  for (int round = 0; round < 200; ++round) {
    board.reset(equal_part(count, static_cast<std::uint64_t>(node.rank()),
                           static_cast<std::uint64_t>(node.size())));
    std::vector<std::atomic<int>> taken(count);
    const auto work = [&](unsigned seed) {
      std::uint64_t size = 1 + seed % 5;
      for (unsigned turn = seed; board.indices_left() > 0; ++turn) {
        const auto word = board.work(static_cast<int>(turn) % board.ranks());
        const Interval batch = turn % 3 == 0 ? take_back_half(word) : take_front(word, size);
        if (batch.empty()) continue;
        board.enter_batch();
        for (std::uint64_t i = batch.first; i < batch.last; ++i) ++taken[i];
        board.leave_batch(batch.size(), static_cast<double>(batch.size()), 1.0);
        size = size % 7 + 1;
      }
    };
    std::thread other(work, 3 + static_cast<unsigned>(node.rank()));
    work(static_cast<unsigned>(node.rank()) * 2);
    other.join();

    const std::vector<int> mine(taken.begin(), taken.end());
    std::vector<int> sum(count);
    boost::mpi::all_reduce(node, mine.data(), static_cast<int>(count), sum.data(), std::plus<>());
    ASSERT_EQ(sum, std::vector<int>(count, 1));
    ASSERT_EQ(board.indices_done(), count);
    ASSERT_DOUBLE_EQ(board.cost_done(), count);
    ASSERT_EQ(board.running(), 0u);
    ASSERT_EQ(board.indices_left(), 0u);
  }
}

}  // namespace
}  // namespace orbitmill
