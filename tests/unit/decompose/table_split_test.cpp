/// Shares of a table against counting them one by one, and entries on their way home.
#include "orbitmill/decompose/table_split.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <numeric>
#include <random>

#include "orbitmill/cluster/node_memory.hpp"

namespace orbitmill {
namespace {

TEST(TableSplit, EveryEntryHasOneOwnerWhoseShareHoldsIt) {
  std::mt19937_64 random(31);
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t ranks = 1 + random() % 9;
    std::vector<std::uint64_t> borders = {0};
    for (std::uint64_t i = 0; i < ranks; ++i) {
      borders.push_back(borders.back() + random() % 3 * (random() % 20));
    }
    std::vector<int> order(ranks);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::shuffle(order, random);
    const TableSplit split(borders, order);
    EXPECT_EQ(split.entries(), borders.back());
    std::uint64_t most = 0;
    for (std::uint64_t i = 0; i < ranks; ++i) {
      const Interval share = split.share_of(order[i]);
      EXPECT_EQ(share.first, borders[i]);
      EXPECT_EQ(share.last, borders[i + 1]);
      for (std::uint64_t index = share.first; index < share.last; ++index) {
        EXPECT_EQ(split.owner_of(index), order[i]);
      }
      most = std::max(most, share.size());
    }
    EXPECT_EQ(split.most_entries(), most);
    EXPECT_TRUE(split.share_of(static_cast<int>(ranks)).empty());
  }
  const TableSplit root = TableSplit::on_root(7);
  EXPECT_EQ(root.owner_of(6), 0);
  EXPECT_EQ(root.share_of(0), (Interval{0, 7}));
  EXPECT_TRUE(root.share_of(1).empty());
}

/// Ranks that are numbered round the nodes: each node has one contiguous part all the same.
TEST(TableSplit, NodesHaveOnePartEachWhateverTheOrderOfTheirRanks) {
  const boost::mpi::communicator comm;
  for (const int nodes : {1, 2, 3}) {
    const boost::mpi::communicator node = comm.split(comm.rank() % nodes);
    for (const std::uint64_t entries : {std::uint64_t{1}, std::uint64_t{5}, std::uint64_t{1000}}) {
      for (const std::uint64_t stride : {std::uint64_t{1}, std::uint64_t{7}, std::uint64_t{512}}) {
        const TableSplit split = TableSplit::over_nodes(comm, node, entries, stride);
        const Interval part = split.part_of(node, comm.rank());
        const Interval own = split.share_of(comm.rank());
        EXPECT_TRUE(own.empty() || (own.first >= part.first && own.last <= part.last));
        EXPECT_TRUE(own.first % stride == 0 || own.empty());
        EXPECT_EQ(boost::mpi::all_reduce(comm, own.size(), std::plus<>()), entries);
        EXPECT_LE(split.most_entries(),
                  (entries / stride / static_cast<std::uint64_t>(comm.size()) + 1) * stride);
      }
    }
  }
}

TEST(BringHome, EntriesFromAnywhereFindTheirPlace) {
  const boost::mpi::communicator comm;
  std::mt19937_64 random(32);  // the same on every rank
  const auto ranks = static_cast<std::uint64_t>(comm.size());
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t count = 1 + random() % 5000;
    const bool on_root = round % 4 == 0;
    const int ranks_per_node = 1 + round % 2;
    const boost::mpi::communicator node = comm.split(comm.rank() / ranks_per_node);
    const TableSplit split = on_root ? TableSplit::on_root(count)
                                     : TableSplit::over_nodes(comm, node, count, 1 + random() % 50);
    const Interval part = split.part_of(node, comm.rank());
    const NodeMemory memory(node, part.size() * sizeof(std::uint64_t));
    auto* const entries = memory.as<std::uint64_t>();
    // Pieces of the table, each written by one rank: in place where it can, or strayed.
    std::vector<std::vector<std::uint64_t>> kept;
    std::vector<std::uint64_t> firsts;
    for (std::uint64_t first = 0; first < count;) {
      const std::uint64_t last = std::min(count, first + 1 + random() % (1 + count / 4));
      const bool mine = random() % ranks == static_cast<std::uint64_t>(comm.rank());
      for (std::uint64_t index = first; mine && index < last; ++index) {
        if (index >= part.first && index < part.last) {
          entries[index - part.first] = 3 * index + 1;
          continue;
        }
        if (kept.empty() || firsts.back() + kept.back().size() != index) {
          firsts.push_back(index);
          kept.emplace_back();
        }
        kept.back().push_back(3 * index + 1);
      }
      first = last;
    }
    std::vector<StrayEntries> strays;
    for (std::size_t i = 0; i < kept.size(); ++i) strays.push_back({firsts[i], kept[i]});
    bring_home(comm, split, part, entries, strays);
    memory.sync();
    for (std::uint64_t index = part.first; index < part.last; ++index) {
      ASSERT_EQ(entries[index - part.first], 3 * index + 1) << "round " << round;
    }
    memory.sync();
  }
}

}  // namespace
}  // namespace orbitmill
