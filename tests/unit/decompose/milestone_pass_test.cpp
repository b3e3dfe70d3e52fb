/// The whole table of segments over ranks and threads, written in place or brought in afterwards.
#include "orbitmill/decompose/milestone_pass.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <random>
#include <span>

#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/schedule/scheduler.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

/// What one worker of one rank writes in one go: the walkers have their own tests.
struct Table {
  std::vector<std::uint64_t> entries;
  std::vector<LongSegment> long_segments;
};

Table table_of(const MilestoneMap& map, const SegmentFormat& format) {
  Table table;
  table.entries.resize(map.count());
  SegmentSink sink(format, 0, table.entries.data(), table.long_segments);
  make_segment_walker(map)->walk(0, map.count(), sink);
  std::ranges::sort(table.long_segments);
  return table;
}

TEST(MilestonePass, FillsTheTableFromRanksThatSeeItAndRanksThatDoNot) {
  const boost::mpi::communicator comm;
  std::mt19937_64 random(1);  // the same on every rank
  for (int round = 0; round < 80; ++round) {
    const test::TestField& field = test::test_fields()[static_cast<std::size_t>(round / 2) % 7];
    RegisterSpec spec;
    do {
      spec =
          round % 2 == 0
              ? test::random_binary_register(random, 8 + static_cast<unsigned>(random() % 9)).spec
              : test::random_register(random, field, 30'000).spec;
    } while (spec.length < 2);
    const Register reg(spec);
    const MilestoneMap map(reg,
                           1 + static_cast<unsigned>(random() % std::min(reg.length() - 1, 3U)));
    const SegmentFormat format =
        round % 3 == 0 ? SegmentFormat(std::uint64_t{1} << 59) : SegmentFormat(map.count());
    // Ranks that do not see the table stand for those of other nodes; root always does.
    const std::uint64_t seeing = round % 4 == 0 ? 1 : 1 | random();
    const bool sees = (seeing >> comm.rank() & 1) != 0;
    const auto threads = static_cast<unsigned>(1 + random() % 3);
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ", q = " << reg.field().order() << ", n = " << reg.length()
                 << ", k = " << map.zeros() << ", ranks that see the table: " << seeing % 16);

    ScheduleOptions options;
    options.batch_size = random() % 3;
    options.mode = mode_names[random() % mode_names.size()].mode;
    WorkerPool pool(threads);
    Scheduler scheduler(comm, pool, options);
    const NodeMemory memory(comm, map.count() * sizeof(std::uint64_t));
    MilestonePass pass(map, format, sees ? memory.as<std::uint64_t>() : nullptr,
                       scheduler.all_workers());
    scheduler.run(pass);
    pass.gather(comm);
    memory.sync();

    const Table expected = table_of(map, format);
    const auto* const entries = memory.as<std::uint64_t>();
    EXPECT_TRUE(std::ranges::equal(std::span(entries, map.count()), expected.entries));
    EXPECT_EQ(pass.long_segments(), expected.long_segments);
    std::uint64_t states = 0;
    for (const std::uint64_t entry : expected.entries) {
      const std::uint64_t length = format.length(entry);
      states += length < format.escape_length() ? length : 0;
    }
    for (const LongSegment& segment : expected.long_segments) states += segment.length;
    EXPECT_EQ(boost::mpi::all_reduce(comm, pass.states(), std::plus<>()), states);
    memory.sync();
  }
}

/// The cost model times a piece of the work first; nothing of that may stay.
TEST(MilestonePass, ThrowsItsSamplesAway) {
  const Register reg({2, "", 14, {{{1, {0}}, {1, {3}}, {1, {4, 5}}}}});
  const MilestoneMap map(reg, 2);
  const SegmentFormat format(map.count());
  const Table expected = table_of(map, format);
  std::vector<std::uint64_t> entries(map.count());
  MilestonePass pass(map, format, entries.data(), 1);
  pass.prepare(1);
  pass.sample(0, pass.index_count());
  EXPECT_EQ(entries, std::vector<std::uint64_t>(map.count()));
  EXPECT_EQ(pass.states(), 0u);
  pass.run_batch(0, 0, pass.index_count());
  EXPECT_EQ(entries, expected.entries);
}

}  // namespace
}  // namespace orbitmill
