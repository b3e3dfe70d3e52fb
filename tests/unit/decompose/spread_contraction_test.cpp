/// The contraction of random tables spread over ranks, each rank or two of them a node, against a
/// naive walk; tables that are no permutation; messages that are lost or come twice.
#include "orbitmill/decompose/spread_contraction.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/utility.hpp>
#include <boost/serialization/vector.hpp>
#include <functional>
#include <numeric>
#include <random>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/error.hpp"
#include "support/naive_table_walk.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

using test::naive_walk;
using test::Row;

/// Every kind of permutation that can go wrong by itself.
enum class Shape { identity, one_cycle, pairs, short_cycles, any, to_the_next_share, count };

template <class Generator>
std::vector<std::uint64_t> random_permutation(std::uint64_t count, Shape shape, Generator& random) {
  std::vector<std::uint64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  if (shape == Shape::identity) return order;
  if (shape == Shape::to_the_next_share) {
    // Everybody's walks go to one other rank at once.
    std::ranges::rotate(order, order.begin() + static_cast<std::ptrdiff_t>(count / 3));
    return order;
  }
  std::ranges::shuffle(order, random);
  if (shape == Shape::any) return order;
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

/// A table and how it is walked; the same on every rank.
struct Case {
  std::vector<std::uint64_t> successor, length;
  SegmentFormat format{2};
  std::vector<std::uint64_t> borders;
  std::vector<int> ranks;  ///< by share
  int ranks_per_node = 1;
  unsigned threads = 1;
  SpreadOptions options;
};

class SpreadContractionTest : public testing::Test {
 protected:
  /// A register whose milestones, (q-1) q^(n-2) of them, are the entries of the tables.
  Register random_map_register(std::uint64_t most) {
    const test::TestField& field = test::test_fields()[random_() % 7];
    for (;;) {
      Register reg(test::random_register(random_, field, most).spec);
      if (reg.length() >= 2) return reg;
    }
  }

  /// Random borders: every second share or so is empty, or has one entry, now and then.
  void split(Case& one, std::uint64_t count) {
    const auto ranks = static_cast<std::uint64_t>(comm_.size());
    one.borders = {0};
    for (std::uint64_t i = 1; i < ranks; ++i) {
      const std::uint64_t before = one.borders.back();
      const std::uint64_t draw = random_() % 4;
      one.borders.push_back(draw == 0   ? before
                            : draw == 1 ? std::min(before + 1, count)
                            : draw == 2 ? std::max(before, count * i / ranks)
                                        : before + random_() % (count - before + 1));
    }
    one.borders.push_back(count);
    one.ranks.resize(ranks);
    std::iota(one.ranks.begin(), one.ranks.end(), 0);
    one.ranks_per_node = 1 + static_cast<int>(random_() % 2);
    // The order of the shares need not be that of the ranks; ranks of a node are neighbours.
    if (one.ranks_per_node == 1) std::ranges::shuffle(one.ranks, random_);
  }

  Case random_case(const MilestoneMap& map, Shape shape, std::uint64_t distance) {
    Case one;
    one.successor = random_permutation(map.count(), shape, random_);
    one.length.resize(map.count());
    for (std::uint64_t& length : one.length) length = 1 + (random_() >> (random_() % 20 + 44));
    // Half of the tables have so few bits for lengths that most of them have to escape.
    one.format =
        random_() % 2 == 0 ? SegmentFormat(map.count()) : SegmentFormat(std::uint64_t{1} << 60);
    split(one, map.count());
    one.threads = static_cast<unsigned>(1 + random_() % 3);
    one.options.station_distance = distance;
    constexpr std::array<std::uint64_t, 5> budgets = {1, 2, 30, 500, 0};
    one.options.in_flight = budgets[random_() % budgets.size()];
    return one;
  }

  /// Contracts the table of the case. The cycles of all ranks, sorted.
  std::vector<Row> contracted(const MilestoneMap& map, const Case& one) {
    WorkerPool pool(one.threads);
    Scheduler scheduler(comm_, pool, {});
    const TableSplit split(one.borders, one.ranks);
    const boost::mpi::communicator node = comm_.split(comm_.rank() / one.ranks_per_node);
    const Interval part = split.part_of(node, comm_.rank());
    const NodeMemory memory(node, part.size() * sizeof(std::uint64_t));
    std::vector<LongSegment> long_segments;
    for (std::uint64_t index = 0; index < map.count(); ++index) {
      const bool ours = index >= part.first && index < part.last;
      if (ours && node.rank() == 0) {
        memory.as<std::uint64_t>()[index - part.first] =
            one.length[index] == 0 ? 0 : one.format.pack(one.successor[index], one.length[index]);
      }
      if (one.length[index] >= one.format.escape_length()) {
        long_segments.push_back({index, one.length[index]});
      }
    }
    RowBudget budget({true, CyclePolicy::no_limit});
    CycleTally tally(budget);
    result_ = contract_over_nodes({map, one.format, long_segments, split, part, memory}, scheduler,
                                  tally, one.options);
    std::vector<Row> rows;
    for (const CycleRow& row : tally.take_rows()) rows.emplace_back(row.leader, row.length);
    std::vector<std::vector<Row>> gathered;
    boost::mpi::all_gather(comm_, rows, gathered);
    rows.clear();
    for (const auto& some : gathered) rows.insert(rows.end(), some.begin(), some.end());
    std::ranges::sort(rows);
    return rows;
  }

  void expect_refused(const MilestoneMap& map, const Case& one, const std::string& words) {
    try {
      contracted(map, one);
      ADD_FAILURE() << "a damaged table was taken";
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::internal);
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }

  boost::mpi::communicator comm_;
  std::mt19937_64 random_{1};  // the same on every rank
  SpreadContraction result_;
};

TEST_F(SpreadContractionTest, AgreesWithANaiveWalk) {
  bool travelled = false;
  for (int round = 0; round < 90; ++round) {
    const Register reg = random_map_register(round % 10 == 0 ? 60'000 : 3000);
    const MilestoneMap map(reg, 1);
    const auto shape = static_cast<Shape>(static_cast<std::size_t>(round) %
                                          static_cast<std::size_t>(Shape::count));
    // Long chains are long tails, a message a hop: only where they are not too many.
    constexpr std::array<std::uint64_t, 6> distances = {1, 2, 7, 16, 64, 1'000'000};
    const std::uint64_t distance = distances[random_() % (map.count() < 700 ? 6 : 5)];
    Case one = random_case(map, shape, distance);
    if (map.count() > 3000 && one.options.in_flight < 500) one.options.in_flight = 500;
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ", " << map.count()
                 << " entries, q = " << reg.field().order() << ", shape " << static_cast<int>(shape)
                 << ", a station every " << distance << ", " << one.threads << " threads, "
                 << one.options.in_flight << " chains in flight, " << one.ranks_per_node
                 << " ranks a node, shares " << testing::PrintToString(one.borders));
    ASSERT_EQ(contracted(map, one), naive_walk(map, one.successor, one.length));
    travelled |= result_.bytes_sent > 0;
    ASSERT_GT(result_.rounds, 0u);
  }
  EXPECT_EQ(travelled, comm_.size() > 1);
}

/// Whatever the number of chains in flight, the same messages go out; the fewer, the more rounds.
TEST_F(SpreadContractionTest, BoundsWhatIsInFlight) {
  const Register reg({2, "", 14, {{{1, {0}}, {1, {3}}, {1, {4, 5}}}}});
  const MilestoneMap map(reg, 1);
  Case one = random_case(map, Shape::any, 16);
  one.borders = {0};
  for (int rank = 1; rank <= comm_.size(); ++rank) {
    one.borders.push_back(map.count() * static_cast<std::uint64_t>(rank) /
                          static_cast<std::uint64_t>(comm_.size()));
  }
  one.ranks_per_node = 1;
  const std::vector<Row> expected = naive_walk(map, one.successor, one.length);
  std::vector<std::uint64_t> rounds, bytes;
  for (const std::uint64_t in_flight : {10'000U, 40U, 10U}) {
    one.options.in_flight = in_flight;
    EXPECT_EQ(contracted(map, one), expected);
    rounds.push_back(result_.rounds);
    bytes.push_back(result_.bytes_sent);
    EXPECT_LE(result_.most_messages, in_flight);
  }
  EXPECT_EQ(bytes[1], bytes[0]);
  EXPECT_EQ(bytes[2], bytes[0]);
  if (comm_.size() == 1) {
    EXPECT_EQ(bytes[0], 0u);
    return;
  }
  // A message for each hop to another node and no more; the walks without a station add theirs.
  const double ranks = comm_.size();
  const double share = static_cast<double>(bytes[0]) / (24 * static_cast<double>(map.count()));
  EXPECT_NEAR(share, 1 - 1 / ranks, 0.1);
  const double leaving = static_cast<double>(map.count()) * (1 - 1 / ranks);
  EXPECT_GE(static_cast<double>(rounds[2]), leaving / (10 * ranks));
  EXPECT_EQ(result_.most_messages, 10u);
  EXPECT_GT(rounds[2], rounds[1]);
  EXPECT_GT(rounds[1], rounds[0]);
}

TEST_F(SpreadContractionTest, RefusesTablesThatAreNoPermutation) {
  for (int round = 0; round < 60; ++round) {
    const Register reg = random_map_register(1200);
    const MilestoneMap map(reg, 1);
    if (map.count() < 3) continue;
    const auto shape = static_cast<Shape>(random_() % static_cast<std::size_t>(Shape::count));
    constexpr std::array<std::uint64_t, 4> distances = {1, 3, 16, 1'000'000};
    Case one = random_case(map, shape, distances[random_() % distances.size()]);
    const std::uint64_t damaged = random_() % map.count();
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ", " << map.count() << " entries, shape "
                 << static_cast<int>(shape) << ", a station every " << one.options.station_distance
                 << ", entry " << damaged << ", " << testing::PrintToString(one.borders));
    const std::uint64_t right = one.successor[damaged];
    switch (round % 4) {
      case 0:  // two segments end at one milestone
        one.successor[damaged] = (right + 1 + random_() % (map.count() - 1)) % map.count();
        break;
      case 1:  // bent onto itself
        if (right == damaged) continue;
        one.successor[damaged] = damaged;
        break;
      case 2:  // behind the table, where an entry has bits to say so
        one.format = SegmentFormat(2 * map.count());
        one.successor[damaged] = map.count() + random_() % map.count();
        break;
      default:  // never written
        one.length[damaged] = 0;
    }
    expect_refused(map, one, "do not form cycles");
  }
}

/// With every milestone a station no chain meets another one: root finds the damage.
TEST_F(SpreadContractionTest, RefusesAWrongCycleOfStations) {
  for (int round = 0; round < 10; ++round) {
    const Register reg = random_map_register(1200);
    const MilestoneMap map(reg, 1);
    if (map.count() < 3) continue;
    Case one = random_case(map, Shape::any, 1);
    const std::uint64_t damaged = random_() % map.count();
    one.successor[damaged] = (one.successor[damaged] + 1) % map.count();
    expect_refused(map, one, "do not form cycles");
  }
}

TEST_F(SpreadContractionTest, NoticesMessagesThatAreLostOrComeTwice) {
  if (comm_.size() == 1) return;  // nothing travels
  const Register reg({2, "", 12, {{{1, {0}}, {1, {3}}, {1, {4, 5}}}}});
  const MilestoneMap map(reg, 1);
  for (int round = 0; round < 20; ++round) {
    Case one = random_case(map, Shape::any, round % 4 < 2 ? 7 : 1'000'000);
    one.borders = {0};
    for (int rank = 1; rank <= comm_.size(); ++rank) {
      one.borders.push_back(map.count() * static_cast<std::uint64_t>(rank) /
                            static_cast<std::uint64_t>(comm_.size()));
    }
    one.ranks_per_node = 1;
    one.options.in_flight = 50;
    // The last rank strikes; one that is lost leaves a chain without an end, and one that comes
    // twice walks where it has walked already.
    std::uint64_t sent = 0;
    const std::uint64_t struck = random_() % 100;
    const unsigned copies = round % 2 == 0 ? 0 : 2;
    if (comm_.rank() == comm_.size() - 1) {
      one.options.copies = [&sent, struck, copies] { return sent++ == struck ? copies : 1; };
    }
    SCOPED_TRACE(testing::Message() << "round " << round << ", message " << struck);
    expect_refused(map, one, copies == 0 ? "were lost" : "");
  }
}

/// A stop that one rank wishes ends the contraction on all.
class StoppingKeeper final : public WorkKeeper {
 public:
  explicit StoppingKeeper(bool stops) : stops_(stops) {}
  void begin(const Phase&) override {}
  std::vector<Interval> restore(Phase&) override { return {}; }
  void expect(unsigned) override {}
  unsigned request() const override { return 0; }
  void hand_over(std::vector<FinishedPart>) override {}
  bool wants_rest(bool) override { return false; }
  void end(std::vector<FinishedPart>) override {}
  bool wants_stop() const override { return stops_; }
  std::string farewell(const std::string&, double) const override { return "stopped on purpose"; }

 private:
  bool stops_;
};

TEST_F(SpreadContractionTest, StopsWhenOneRankWishes) {
  const Register reg({2, "", 12, {{{1, {0}}, {1, {3}}, {1, {4, 5}}}}});
  const MilestoneMap map(reg, 1);
  StoppingKeeper keeper(comm_.rank() == comm_.size() - 1);
  ScheduleOptions schedule;
  schedule.keeper = &keeper;
  WorkerPool pool(2);
  Scheduler scheduler(comm_, pool, schedule);
  const TableSplit split = TableSplit::over_nodes(comm_, scheduler.node(), map.count(), 1);
  const Interval part = split.part_of(scheduler.node(), comm_.rank());
  const NodeMemory memory(scheduler.node(), part.size() * sizeof(std::uint64_t));
  const SegmentFormat format(map.count());
  const std::vector<LongSegment> none;
  for (std::uint64_t index = part.first; index < part.last; ++index) {
    memory.as<std::uint64_t>()[index - part.first] = format.pack((index + 1) % map.count(), 1);
  }
  RowBudget budget({true, CyclePolicy::no_limit});
  CycleTally tally(budget);
  try {
    contract_over_nodes({map, format, none, split, part, memory}, scheduler, tally, {});
    ADD_FAILURE() << "it went on";
  } catch (const AgreedError& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::stopped);
    EXPECT_STREQ(error.what(), "stopped on purpose");
  }
}

TEST(SpreadOptions, StationsFitRootAndChainsTheirMemory) {
  for (unsigned bits = 1; bits < 50; ++bits) {
    const std::uint64_t count = std::uint64_t{1} << bits;
    for (const unsigned nodes : {1U, 2U, 16U, 1000U}) {
      const std::uint64_t distance = spread_station_distance(count, nodes);
      EXPECT_EQ(distance & (distance - 1), 0u);
      EXPECT_LE(24 * (count / distance), count * 8 / nodes / 8 + 24) << bits << " bits";
      EXPECT_LE(std::bit_width(count) + std::bit_width(count / distance), 62);
    }
    EXPECT_LE(chains_in_flight(count), std::max<std::uint64_t>(1024, count));
    EXPECT_LE(travel_bytes(count), std::max<std::uint64_t>(1024 * 96, count));
    EXPECT_LE(chains_in_flight(count) * 24, std::uint64_t{1} << 30);
  }
}

}  // namespace
}  // namespace orbitmill
