/// The end of a phase: exactly at the total, never above, and loss is noticed in time, not before.
#include "orbitmill/schedule/census.hpp"

#include <gtest/gtest.h>

#include <boost/mpi/collectives.hpp>
#include <string>
#include <thread>
#include <vector>

#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr duration<double> infinity{1e6};
constexpr CensusPatience for_ever{infinity, infinity};

/// A communicator for a census that does not end: its broadcast stays posted, so it is never freed.
boost::mpi::communicator doomed_communicator() {
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  return {comm, boost::mpi::comm_attach};
}

/// Calls round() on every rank until root's throws. Returns what it said, on root.
template <class Report>
std::string message_of_failure(Census& census, const boost::mpi::communicator& world,
                               Report report) {
  std::string message;
  MPI_Request over = MPI_REQUEST_NULL;
  int nothing = 0;
  if (world.rank() != 0) MPI_Ibcast(&nothing, 1, MPI_INT, 0, world, &over);
  for (int done = 0; done == 0;) {
    try {
      EXPECT_FALSE(census.round(report()));
    } catch (const InternalError& error) {
      EXPECT_EQ(world.rank(), 0);
      message = error.what();
      MPI_Ibcast(&nothing, 1, MPI_INT, 0, world, &over);
      MPI_Wait(&over, MPI_STATUS_IGNORE);
      return message;
    }
    if (world.rank() != 0) MPI_Test(&over, &done, MPI_STATUS_IGNORE);
    std::this_thread::sleep_for(milliseconds(1));
  }
  return message;
}

TEST(Census, EndsAtTheTotalPhaseAfterPhase) {
  const boost::mpi::communicator world;
  const boost::mpi::communicator leaders(world, boost::mpi::comm_duplicate);
  const auto ranks = static_cast<std::uint64_t>(world.size());
  const auto rank = static_cast<std::uint64_t>(world.rank());
  // Many phases on one communicator: a report of the last must not count in the next.
  for (std::uint64_t phase = 0; phase < 300; ++phase) {
    const std::uint64_t each = 1 + phase % 5;
    Census census(leaders, each * ranks, for_ever);
    NodeReport mine;
    for (std::uint64_t round = 0;; ++round) {
      // Dry late: the report that ends the phase and the one after it follow on each other's heels.
      if (round > (rank + phase) % 3) {
        mine.dry = mine.idle = mine.indices_done == each;
        mine.indices_done = std::min(each, mine.indices_done + 1);
        mine.cost_done = 0.5 * static_cast<double>(mine.indices_done);
      }
      if (census.round(mine)) break;
      ASSERT_LT(round, 1'000'000u);
      if (round > 100) std::this_thread::yield();
    }
    ASSERT_EQ(mine.indices_done, each);
    if (rank == 0) {
      EXPECT_DOUBLE_EQ(census.cost_done(), 0.5 * static_cast<double>(each * ranks));
    }
  }
}

TEST(Census, DoesNotEndWhileOneIndexIsMissing) {
  const boost::mpi::communicator world;
  const boost::mpi::communicator leaders(world, boost::mpi::comm_duplicate);
  const auto ranks = static_cast<std::uint64_t>(world.size());
  Census census(leaders, 10 * ranks, for_ever);
  const bool last = world.rank() == world.size() - 1;
  NodeReport mine{last ? 9U : 10U, 0, true, true};
  for (int round = 0; round < 100; ++round) {
    ASSERT_FALSE(census.round(mine));
    std::this_thread::sleep_for(milliseconds(1));
  }
  world.barrier();
  mine.indices_done = 10;
  while (!census.round(mine)) std::this_thread::yield();
}

TEST(Census, MoreThanTheTotalIsWorkDoneTwice) {
  const boost::mpi::communicator world;
  Census census(doomed_communicator(), 100, for_ever);
  const bool last = world.rank() == world.size() - 1;
  const std::string message = message_of_failure(census, world, [&] {
    return NodeReport{last ? 101U : 0U, 0, false, false};
  });
  if (world.rank() == 0) {
    EXPECT_NE(message.find("101 indices were done of 100"), std::string::npos) << message;
    EXPECT_NE(message.find("twice"), std::string::npos) << message;
  }
}

TEST(Census, LostWorkIsNoticedWhenAllAreDryAndPatienceIsOver) {
  const boost::mpi::communicator world;
  constexpr duration<double> patience{0.25};
  Census census(doomed_communicator(), 100, {patience, infinity});
  const bool last = world.rank() == world.size() - 1;
  world.barrier();
  const auto start = Clock::now();
  // While one node still works nothing is lost, however long it takes.
  const auto dry_from = start + milliseconds(700);
  const std::string message = message_of_failure(census, world, [&] {
    const bool dry = !last || Clock::now() >= dry_from;
    return NodeReport{last ? 1U : 0U, 0, dry, dry};
  });
  if (world.rank() == 0) {
    // The step before the last node ran dry counts, a quarter of the patience at most.
    EXPECT_GE(Clock::now() - dry_from, 0.75 * patience);
    EXPECT_NE(message.find("1 of 100 indices"), std::string::npos) << message;
    EXPECT_NE(message.find("lost"), std::string::npos) << message;
  }
}

TEST(Census, FrozenNodeIsNotTakenForLostWork) {
  const boost::mpi::communicator world;
  const boost::mpi::communicator leaders(world, boost::mpi::comm_duplicate);
  constexpr duration<double> patience{0.1};
  Census census(leaders, 5, {patience, infinity});
  // The last node says that it is dry, then falls silent with the work in its hands; or, with one
  // node, root itself does.
  const bool frozen = world.rank() == world.size() - 1;
  for (int round = 0; frozen && round < 3; ++round) {
    ASSERT_FALSE(census.round({0, 0, true, true}));
    std::this_thread::sleep_for(milliseconds(1));
  }
  if (frozen) std::this_thread::sleep_for(milliseconds(800));
  const NodeReport mine{frozen ? 5U : 0U, frozen ? 2.5 : 0.0, true, true};
  while (!census.round(mine)) std::this_thread::sleep_for(milliseconds(1));
  // It has not thrown, and what ended it is the report of the frozen node.
  if (world.rank() == 0) {
    EXPECT_EQ(census.cost_done(), 2.5);
  }
}

TEST(Census, SilentNodeIsGivenUpAndNamed) {
  const boost::mpi::communicator world;
  const int last = world.size() - 1;
  std::vector<std::string> names;
  for (int node = 0; node <= last; ++node) names.push_back("name" + std::to_string(node));
  // Twice: while work is left, and when the others have done all there was and it is dry itself.
  for (const std::uint64_t total : {100U, 3U}) {
    if (last == 0) break;
    constexpr duration<double> patience{0.25};
    Census census(doomed_communicator(), total, {infinity, patience}, names);
    world.barrier();
    const auto start = Clock::now();
    const auto silent_from = start + milliseconds(400);
    const auto done_from = start + milliseconds(500);
    std::string message;
    MPI_Request over = MPI_REQUEST_NULL;
    int nothing = 0;
    if (world.rank() != 0) MPI_Ibcast(&nothing, 1, MPI_INT, 0, world, &over);
    for (int done = 0; done == 0 && message.empty();) {
      const auto now = Clock::now();
      const std::uint64_t mine = world.rank() == 0 && now >= done_from ? 3 : 0;
      bool is_over = false;
      try {
        // Whoever has left the phase in order must not be asked again.
        if (world.rank() != last || now < silent_from) {
          is_over = census.round({mine, 0, false, false});
        }
      } catch (const InternalError& error) {
        EXPECT_EQ(world.rank(), 0);
        EXPECT_GE(Clock::now() - start, milliseconds(400));  // a busy node is not silent
        message = error.what();
      }
      if (is_over) MPI_Wait(&over, MPI_STATUS_IGNORE);
      if (is_over) break;
      if (world.rank() != 0) MPI_Test(&over, &done, MPI_STATUS_IGNORE);
      std::this_thread::sleep_for(milliseconds(1));
    }
    if (world.rank() == 0) {
      MPI_Ibcast(&nothing, 1, MPI_INT, 0, world, &over);
      MPI_Wait(&over, MPI_STATUS_IGNORE);
      EXPECT_NE(message.find("\"name" + std::to_string(last) + "\""), std::string::npos) << message;
      EXPECT_NE(message.find("frozen"), std::string::npos) << message;
    }
  }
}

}  // namespace
}  // namespace orbitmill
