/// The contraction of random tables against a naive walk, over ranks, threads and stations; tables
/// that are no permutation.
#include "orbitmill/decompose/contraction.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/utility.hpp>
#include <boost/serialization/vector.hpp>
#include <numeric>
#include <random>

#include "orbitmill/error.hpp"
#include "support/naive_table_walk.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

using test::naive_walk;
using test::Row;

/// Every kind of permutation that can go wrong by itself.
enum class Shape { identity, one_cycle, pairs, short_cycles, any, count };

template <class Generator>
std::vector<std::uint64_t> random_permutation(std::uint64_t count, Shape shape, Generator& random) {
  std::vector<std::uint64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  if (shape == Shape::identity) return order;
  std::ranges::shuffle(order, random);
  if (shape == Shape::any) return order;
  // Cycles of `size` along the shuffled order, the last one of what is left.
  const std::uint64_t size = shape == Shape::one_cycle ? count
                             : shape == Shape::pairs   ? 2
                                                       : 3 + random() % 20;
  std::vector<std::uint64_t> successor(count);
  for (std::uint64_t first = 0; first < count; first += size) {
    const std::uint64_t last = std::min(first + size, count);
    for (std::uint64_t i = first; i < last; ++i) {
      successor[order[i]] = order[i + 1 < last ? i + 1 : first];
    }
  }
  return successor;
}

class Contraction : public testing::Test {
 protected:
  /// A register whose milestones, (q-1) q^(n-2) of them, are the entries of the tables.
  template <class Generator>
  Register random_map_register(Generator& random, std::uint64_t most) {
    const test::TestField& field = test::test_fields()[random() % 7];
    for (;;) {
      Register reg(test::random_register(random, field, most).spec);
      if (reg.length() >= 2) return reg;
    }
  }

  /// Writes a table, equal on all ranks, and contracts it. The cycles of all ranks, sorted.
  std::vector<Row> contracted(const MilestoneMap& map, const SegmentFormat& format,
                              const std::vector<std::uint64_t>& successor,
                              const std::vector<std::uint64_t>& length, std::uint64_t distance,
                              unsigned threads, std::uint64_t batch_size) {
    WorkerPool pool(threads);
    ScheduleOptions options;
    options.batch_size = batch_size;
    Scheduler scheduler(comm_, pool, options);
    EXPECT_EQ(scheduler.node().size(), comm_.size());
    const NodeMemory memory(scheduler.node(), map.count() * sizeof(std::uint64_t));
    auto* const entries = memory.as<std::uint64_t>();
    std::vector<LongSegment> long_segments;
    for (std::uint64_t index = 0; index < map.count(); ++index) {
      if (comm_.rank() == 0) entries[index] = format.pack(successor[index], length[index]);
      if (length[index] >= format.escape_length()) long_segments.push_back({index, length[index]});
    }
    memory.sync();

    RowBudget budget({true, CyclePolicy::no_limit});
    CycleTally tally(budget);
    contract({map, format, long_segments, entries}, scheduler, tally, distance);
    std::vector<Row> rows;
    for (const CycleRow& row : tally.take_rows()) rows.emplace_back(row.leader, row.length);
    std::vector<std::vector<Row>> gathered;
    boost::mpi::all_gather(comm_, rows, gathered);
    rows.clear();
    for (const auto& part : gathered) rows.insert(rows.end(), part.begin(), part.end());
    std::ranges::sort(rows);
    memory.sync();  // nobody frees the table before all have read it
    return rows;
  }

  boost::mpi::communicator comm_;
};

TEST_F(Contraction, AgreesWithANaiveWalk) {
  std::mt19937_64 random(1);  // the same on every rank
  bool ragged = false;
  for (int round = 0; round < 120; ++round) {
    const Register reg = random_map_register(random, round % 8 == 0 ? 100'000 : 6000);
    const MilestoneMap map(reg, 1);
    const auto shape = static_cast<Shape>(static_cast<std::size_t>(round) %
                                          static_cast<std::size_t>(Shape::count));
    constexpr std::array<std::uint64_t, 6> distances = {1, 2, 7, 64, 256, 1'000'000};
    const std::uint64_t distance = distances[random() % distances.size()];
    ragged |= distance < map.count() && map.count() % distance != 0;
    // Half of the tables have so few bits for lengths that most of them have to escape.
    const SegmentFormat format =
        round % 2 == 0 ? SegmentFormat(map.count()) : SegmentFormat(std::uint64_t{1} << 60);
    const std::vector<std::uint64_t> successor = random_permutation(map.count(), shape, random);
    std::vector<std::uint64_t> length(map.count());
    for (std::uint64_t& one : length) one = 1 + (random() >> (random() % 20 + 44));
    const auto threads = static_cast<unsigned>(1 + random() % 3);
    const std::uint64_t batch_size = random() % 3 == 0 ? 0 : 1 + random() % 300;
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ", " << map.count()
                 << " entries, q = " << reg.field().order() << ", shape " << static_cast<int>(shape)
                 << ", a station every " << distance << ", " << threads << " threads");
    ASSERT_EQ(contracted(map, format, successor, length, distance, threads, batch_size),
              naive_walk(map, successor, length));
  }
  EXPECT_TRUE(ragged);
}

/// With every milestone a station no chain meets another one, and root finds the damage in the
/// table of the stations: an error that all ranks agree on. What the chains find ends the job; see
/// milestone_damage_test.py.
TEST_F(Contraction, RefusesTwoSegmentsWithTheSameEnd) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 40; ++round) {
    const Register reg = random_map_register(random, 3000);
    const MilestoneMap map(reg, 1);
    if (map.count() < 2) continue;
    const auto shape = static_cast<Shape>(static_cast<std::size_t>(round) %
                                          static_cast<std::size_t>(Shape::count));
    std::vector<std::uint64_t> successor = random_permutation(map.count(), shape, random);
    const std::uint64_t damaged = random() % map.count();
    successor[damaged] = (successor[damaged] + 1 + random() % (map.count() - 1)) % map.count();
    const std::vector<std::uint64_t> length(map.count(), 1);
    SCOPED_TRACE(testing::Message() << "round " << round << ", entry " << damaged);
    try {
      contracted(map, SegmentFormat(map.count()), successor, length, 1, 2, 0);
      ADD_FAILURE() << "a table that is no permutation was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::internal);
      EXPECT_NE(std::string(error.what()).find("do not form cycles"), std::string::npos)
          << error.what();
    }
  }
}

TEST(SegmentTable, KnowsTheLengthsThatStandElsewhere) {
  const Register reg({2, "", 10, {{{1, {0}}}}});
  const MilestoneMap map(reg, 2);
  const SegmentFormat format(std::uint64_t{1} << 60);
  ASSERT_EQ(format.escape_length(), 7u);
  const std::vector<LongSegment> long_segments = {{3, 7}, {5, 1000}, {99, 8}};
  const SegmentTable table{map, format, long_segments, nullptr};
  for (const std::uint64_t mark : {std::uint64_t{0}, SegmentFormat::visited}) {
    EXPECT_EQ(table.length_of(3, format.pack(0, 7) | mark), 7u);
    EXPECT_EQ(table.length_of(5, format.pack(1, 1000) | mark), 1000u);
    EXPECT_EQ(table.length_of(99, format.pack(2, 8) | mark), 8u);
    EXPECT_EQ(table.length_of(4, format.pack(2, 6) | mark), 6u);
  }
  for (const std::uint64_t index : {0U, 4U, 6U, 100U}) {
    EXPECT_THROW(table.length_of(index, format.pack(0, 7)), InternalError) << index;
  }
}

}  // namespace
}  // namespace orbitmill
