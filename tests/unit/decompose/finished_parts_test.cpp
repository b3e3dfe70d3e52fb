/// Finished work of both engines, taken out in the middle by some workers and given to others: the
/// result is the same to the byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <functional>
#include <memory>
#include <random>
#include <span>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/decompose/decompose.hpp"
#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/decompose/milestone_pass.hpp"
#include "orbitmill/decompose/short_cycles.hpp"
#include "orbitmill/schedule/remaining_phase.hpp"
#include "orbitmill/schedule/scheduler.hpp"
#include "support/memory_keeper.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

using test::MemoryKeeper;
using test::share;
using test::store;
using test::StoredPart;

/// Does the indices of `phase` that `stored` has not yet: random batches by random workers, handed
/// over at random moments, at most `batches` of them. Then the phase holds the result of all that
/// is in `stored` or was done. Returns true when nothing is left.
bool go_on(Phase& phase, unsigned workers, std::mt19937_64& random, std::uint64_t batches,
           std::vector<StoredPart>& stored) {
  phase.prepare(workers);
  std::vector<Interval> done;
  for (const StoredPart& part : stored) {
    EXPECT_TRUE(phase.restore(part.ranges, part.payload));
    done.insert(done.end(), part.ranges.begin(), part.ranges.end());
  }
  std::ranges::sort(done, {}, &Interval::first);
  const std::vector<Interval> left = complement(done, phase.index_count());
  if (left.empty()) return true;
  RemainingPhase rest(phase, left);
  std::vector<Interval> pieces;
  for (std::uint64_t first = 0; first < rest.index_count();) {
    const std::uint64_t last =
        std::min(rest.index_count(), first + 1 + random() % (1 + rest.index_count() / 8));
    pieces.push_back({first, last});
    first = last;
  }
  std::ranges::shuffle(pieces, random);
  std::vector<std::vector<Interval>> finished(workers);
  const auto hand_over = [&](unsigned worker) {
    std::ranges::sort(finished[worker], {}, &Interval::first);
    if (!finished[worker].empty()) store(stored, rest.take_finished(worker, finished[worker]));
    finished[worker].clear();
  };
  for (const Interval& piece : pieces) {
    if (batches-- == 0) return false;  // what was not handed over is lost
    const auto worker = static_cast<unsigned>(random() % workers);
    rest.run_batch(worker, piece.first, piece.last);
    finished[worker].push_back(piece);
    if (random() % 4 == 0) hand_over(worker);
  }
  return true;
}

/// Runs of a phase, each interrupted after some batches, until one gets to the end.
template <class MakePhase>
auto run_with_interruptions(std::mt19937_64& random, MakePhase make) {
  std::vector<StoredPart> stored;
  for (;;) {
    auto phase = make();
    if (go_on(*phase, 1 + static_cast<unsigned>(random() % 3), random, 1 + random() % 12, stored)) {
      return phase;
    }
  }
}

void expect_equal_tallies(CycleTally a, CycleTally b) {
  EXPECT_EQ(a.states(), b.states());
  EXPECT_EQ(a.histogram(), b.histogram());
  std::vector<CycleRow> rows_a = a.take_rows(), rows_b = b.take_rows();
  std::ranges::sort(rows_a);
  std::ranges::sort(rows_b);
  EXPECT_EQ(rows_a, rows_b);
}

TEST(FinishedParts, OfSweepsAddUp) {
  std::mt19937_64 random(21);
  for (unsigned round = 0; round < 60; ++round) {
    const Register reg(
        round % 2 == 0
            ? test::random_binary_register(random, 8 + round % 9).spec
            : test::random_register(random, test::test_fields()[1 + round % 6], 20'000).spec);
    RowBudget budget({round % 3 != 0, CyclePolicy::no_limit});
    const bool whole = round % 4 < 2 || reg.length() < 3;
    const SweepPart part =
        whole ? whole_sweep(reg) : level_sweep(reg, 1, round % 5, reg.state_count());
    LeaderSweep undisturbed(reg, budget, part);
    undisturbed.prepare(1);
    undisturbed.run_batch(0, 0, undisturbed.index_count());
    const auto disturbed = run_with_interruptions(
        random, [&] { return std::make_unique<LeaderSweep>(reg, budget, part); });
    EXPECT_GT(disturbed->lane_steps(), 0u);
    expect_equal_tallies(disturbed->take_tally(), undisturbed.take_tally());
  }
}

TEST(FinishedParts, OfShortCyclesAddUp) {
  std::mt19937_64 random(22);
  for (unsigned round = 0; round < 40; ++round) {
    const auto length = static_cast<unsigned>(8 + random() % 10);
    const Register reg(test::random_binary_register(random, length).spec);
    RowBudget budget({round % 2 == 0, CyclePolicy::no_limit});
    const auto longest = static_cast<unsigned>(3 + random() % (length - 3));
    ShortCycles undisturbed(reg, longest, 4, budget);
    undisturbed.prepare(1);
    undisturbed.run_batch(0, 0, undisturbed.index_count());
    const auto disturbed = run_with_interruptions(
        random, [&] { return std::make_unique<ShortCycles>(reg, longest, 4, budget); });
    expect_equal_tallies(disturbed->take_tally(), undisturbed.take_tally());
  }
}

/// Entries written in place, or kept by a worker that does not see the table.
TEST(FinishedParts, OfTheMilestonePassAddUp) {
  const boost::mpi::communicator comm;
  std::mt19937_64 random(23);
  for (unsigned round = 0; round < 60; ++round) {
    const auto length = static_cast<unsigned>(8 + random() % 9);
    const Register reg(test::random_binary_register(random, length).spec);
    const MilestoneMap map(reg, 1 + static_cast<unsigned>(random() % 3));
    // Few bits for the length: many long segments.
    const SegmentFormat format =
        round % 3 == 0 ? SegmentFormat(std::uint64_t{1} << 59) : SegmentFormat(map.count());
    const std::uint64_t stride = 1 + random() % (1 + map.count() / 8);
    std::vector<std::uint64_t> expected(map.count());
    MilestonePass undisturbed(map, format, expected.data(), 1, stride);
    undisturbed.prepare(1);
    undisturbed.run_batch(0, 0, undisturbed.index_count());

    std::vector<StoredPart> stored;
    // Elsewhere first: this worker has no table.
    MilestonePass away(map, format, nullptr, 1, stride);
    go_on(away, 2, random, 1 + random() % 8, stored);
    std::vector<std::uint64_t> table;
    std::unique_ptr<MilestonePass> pass;
    do {
      table.assign(map.count(), 0);
      pass = std::make_unique<MilestonePass>(map, format, table.data(), 1, stride);
    } while (
        !go_on(*pass, 1 + static_cast<unsigned>(random() % 3), random, 1 + random() % 12, stored));
    EXPECT_EQ(table, expected);
    EXPECT_EQ(pass->states(), undisturbed.states());
    const boost::mpi::communicator self(MPI_COMM_SELF, boost::mpi::comm_attach);
    pass->gather(self);
    undisturbed.gather(self);
    EXPECT_EQ(pass->long_segments(), undisturbed.long_segments());
  }
}

/// Sizes inside a payload are not believed.
TEST(FinishedParts, RefuseAPayloadThatDoesNotFit) {
  std::mt19937_64 random(24);
  const Register reg({2, "", 14, {{{1, {0}}, {1, {3}}, {1, {4, 5}}}}});
  const MilestoneMap map(reg, 2);
  const SegmentFormat format(std::uint64_t{1} << 59);
  RowBudget budget({true, CyclePolicy::no_limit});
  std::vector<std::uint64_t> table(map.count());
  const std::vector<std::function<std::unique_ptr<Phase>()>> makers = {
      [&] { return std::make_unique<LeaderSweep>(reg, budget, whole_sweep(reg)); },
      [&] { return std::make_unique<ShortCycles>(reg, 9, 4, budget); },
      [&] { return std::make_unique<MilestonePass>(map, format, table.data(), 1, 64); }};
  for (const auto& make : makers) {
    const auto phase = make();
    phase->prepare(1);
    phase->run_batch(0, 0, phase->index_count());
    std::vector<StoredPart> stored;
    store(stored, phase->take_finished(0, {{0, phase->index_count()}}));
    ASSERT_EQ(stored.size(), 1u);
    const StoredPart whole = stored.front();
    for (unsigned round = 0; round < 60; ++round) {
      std::vector<std::byte> payload = whole.payload;
      if (round % 2 == 0) {
        payload.resize(random() % payload.size());
      } else {
        // The sizes stand in the first three words.
        const std::size_t word = random() % 2 == 0 && payload.size() > 24 ? 1 : 0;
        const std::size_t at = dynamic_cast<LeaderSweep*>(phase.get()) != nullptr ? word + 1 : word;
        if (dynamic_cast<MilestonePass*>(phase.get()) != nullptr && at != 0) continue;
        payload[8 * at + random() % 8] ^= static_cast<std::byte>(1U << random() % 8);
      }
      const auto other = make();
      other->prepare(1);
      EXPECT_FALSE(other->restore(whole.ranges, payload)) << round;
    }
  }
}

/// The same of a spread table: whatever was done where, root restores it, and every rank finds the
/// entries of its own share.
TEST(FinishedParts, OfASpreadTableGoToWhoHoldsThem) {
  const boost::mpi::communicator comm;
  std::mt19937_64 random(26);  // the same on every rank
  for (unsigned round = 0; round < 40; ++round) {
    const auto length = static_cast<unsigned>(8 + random() % 9);
    const Register reg(test::random_binary_register(random, length).spec);
    const MilestoneMap map(reg, 1 + static_cast<unsigned>(random() % 3));
    const SegmentFormat format =
        round % 3 == 0 ? SegmentFormat(std::uint64_t{1} << 59) : SegmentFormat(map.count());
    const std::uint64_t stride = 1 + random() % (1 + map.count() / 8);
    std::vector<std::uint64_t> expected(map.count());
    MilestonePass undisturbed(map, format, expected.data(), 1, stride);
    undisturbed.prepare(1);
    undisturbed.run_batch(0, 0, undisturbed.index_count());
    const boost::mpi::communicator self(MPI_COMM_SELF, boost::mpi::comm_attach);
    undisturbed.gather(self);

    const boost::mpi::communicator node = comm.split(comm.rank());
    const TableSplit split = TableSplit::over_nodes(comm, node, map.count(), stride);
    const Interval part = split.part_of(node, comm.rank());
    std::vector<std::uint64_t> entries(part.size());
    // Each rank does some of its indices, in place and away from it, and hands them over.
    std::vector<StoredPart> stored;
    MilestonePass before(map, format, comm, split, part, entries.data(), stride);
    before.prepare(1);
    const Interval all{0, before.index_count()};
    std::vector<Interval> left;
    for (std::uint64_t index = all.first; index < all.last; ++index) {
      const auto draw = random() % (static_cast<std::uint64_t>(comm.size()) + 1);
      if (draw == static_cast<std::uint64_t>(comm.size())) left.push_back({index, index + 1});
      if (draw != static_cast<std::uint64_t>(comm.rank())) continue;
      before.run_batch(0, index, index + 1);
      store(stored, before.take_finished(0, {{index, index + 1}}));
    }
    MemoryKeeper::Store kept = {stored};
    share(comm, kept);

    // Another run.
    std::fill(entries.begin(), entries.end(), 0);
    MilestonePass after(map, format, comm, split, part, entries.data(), stride);
    after.prepare(1);
    for (const StoredPart& one : kept.front()) {
      if (comm.rank() == 0) {
        EXPECT_TRUE(after.restore(one.ranges, one.payload));
      }
    }
    after.end_restore();
    for (std::size_t i = 0; i < left.size(); ++i) {
      if (i % static_cast<std::size_t>(comm.size()) != static_cast<std::size_t>(comm.rank())) {
        continue;
      }
      after.run_batch(0, left[i].first, left[i].last);
    }
    after.gather(comm);
    EXPECT_TRUE(std::ranges::equal(entries, std::span(expected).subspan(part.first, part.size())));
    EXPECT_EQ(boost::mpi::all_reduce(comm, after.states(), std::plus<>()), undisturbed.states());
    EXPECT_EQ(after.long_segments(), undisturbed.long_segments());
  }
}

/// Both engines, stopped by any rank at any moment, continued by other ranks and threads.
TEST(FinishedParts, OfWholeRunsAddUp) {
  const boost::mpi::communicator comm;
  std::mt19937_64 random(25);  // the same on every rank
  int stops = 0;
  // How often a run is stopped before its end is a matter of time.
  for (unsigned round = 0; round < 24 || (stops <= 20 && round < 500); ++round) {
    const Register reg(test::random_binary_register(random, 10 + round % 6).spec);
    const CyclePolicy policy{round % 3 != 0, CyclePolicy::no_limit};
    MilestoneOptions milestones;
    milestones.zeros = 2 + static_cast<unsigned>(random() % 3);
    milestones.short_cycles = static_cast<unsigned>(random() % 8);
    milestones.stride = 1 + random() % 40;
    milestones.spread = round % 4 == 1;
    milestones.ranks_per_node = 1;
    milestones.station_distance = milestones.spread ? 8 : 256;
    const auto decompose = [&](Scheduler& scheduler) {
      return round % 2 == 0 ? decompose_by_leaders(reg, policy, scheduler)
                            : decompose_by_milestones(reg, policy, milestones, scheduler);
    };
    WorkerPool one(1);
    Scheduler plain(comm, one, {});
    const Decomposition expected = decompose(plain);

    MemoryKeeper::Store kept;
    for (bool over = false; !over;) {
      const int ranks = 1 + static_cast<int>(random() % static_cast<unsigned>(comm.size()));
      const auto threads = 1 + static_cast<unsigned>(random() % 3);
      const auto stopper = static_cast<int>(random() % static_cast<unsigned>(ranks));
      const auto after = static_cast<unsigned>(1 + random() % 12);
      ScheduleOptions options;
      options.mode = mode_names[random() % mode_names.size()].mode;
      options.batch_size = 1 + random() % 50;
      MemoryKeeper keeper(kept, comm.rank() == stopper ? after : ~0U);
      options.keeper = &keeper;
      const bool takes_part = comm.rank() < ranks;
      const boost::mpi::communicator some = comm.split(takes_part ? 0 : 1);
      int finished = 0;
      if (takes_part) {
        WorkerPool pool(threads);
        Scheduler scheduler(some, pool, options);
        try {
          const Decomposition result = decompose(scheduler);
          EXPECT_EQ(result.certificate, expected.certificate);
          EXPECT_EQ(result.histogram, some.rank() == 0 ? expected.histogram : Histogram{});
          finished = 1;
        } catch (const AgreedError& error) {
          EXPECT_EQ(error.exit_code(), ExitCode::stopped);
        }
      } else {
        kept.clear();
      }
      share(comm, kept);
      over = boost::mpi::all_reduce(comm, finished, std::plus<>()) == ranks;
      stops += over ? 0 : 1;
    }
  }
  EXPECT_GT(stops, 20);
}

}  // namespace
}  // namespace orbitmill
