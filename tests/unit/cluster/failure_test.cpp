/// Agreed failures reach every rank; the lowest failing rank speaks.
#include "orbitmill/cluster/failure.hpp"

#include <gtest/gtest.h>

#include <boost/mpi/communicator.hpp>
#include <boost/serialization/vector.hpp>
#include <new>
#include <string>
#include <vector>

#include "orbitmill/cluster/messages.hpp"

namespace orbitmill {
namespace {

template <class Action>
Failure failure_of(Action action) {
  try {
    action();
  } catch (...) {
    return describe_current_exception();
  }
  return {};
}

TEST(Failure, DescribesEveryKindOfException) {
  EXPECT_EQ(failure_of([] { throw JobError("a"); }).code, 65);
  EXPECT_EQ(failure_of([] { throw IoError("b"); }).message, "b");
  EXPECT_EQ(failure_of([] { throw std::bad_alloc(); }).code, 70);
  EXPECT_NE(failure_of([] { throw std::bad_alloc(); }).message.find("memory"), std::string::npos);
  EXPECT_EQ(failure_of([] { throw std::runtime_error("c"); }).message, "unexpected: c");
  EXPECT_EQ(failure_of([] { throw 1; }).code, 70);
}

/// Found by fuzzing: --engine and keys of a job file were quoted as they are.
TEST(Failure, MessagesCannotSteerTheTerminal) {
  EXPECT_EQ(failure_of([] { throw UsageError("a\x1b[31m\r\x7f\n\xc3\xa4\tb"); }).message,
            "a\\x1b[31m\\x0d\\x7f\n\xc3\xa4\\x09"
            "b");
  EXPECT_EQ(failure_of([] { throw std::runtime_error("\b"); }).message, "unexpected: \\x08");
  const std::string message = failure_of([] { throw JobError(std::string(1 << 20, 'x')); }).message;
  EXPECT_LT(message.size(), 5000U);
  EXPECT_TRUE(message.ends_with("x..."));
}

TEST(Failure, AgreeThrowsEverywhereWithTheLowestFailingRank) {
  const boost::mpi::communicator comm;
  EXPECT_NO_THROW(agree(comm, [] {}));
  for (int failing = 0; failing < comm.size(); ++failing) {
    try {
      agree(comm, [&] {
        if (comm.rank() >= failing) throw IoError("rank " + std::to_string(comm.rank()));
      });
      FAIL() << "no exception on rank " << comm.rank();
    } catch (const AgreedError& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::io_error);
      EXPECT_EQ(error.what(), "rank " + std::to_string(failing));
    }
  }
}

/// A rank fails at one of the levels, before or behind an inner call that the others make.
TEST(Failure, NestedAgreementsEndTogetherWhereverARankFails) {
  const boost::mpi::communicator comm;
  constexpr int places = 5;
  for (int failing = 0; failing < comm.size(); ++failing) {
    for (int place = 0; place < places; ++place) {
      const auto pass = [&](int at) {
        if (at == place && comm.rank() == failing) throw IoError("place " + std::to_string(at));
      };
      int reached = 0;
      const auto nested = [&] {
        pass(0);
        agree(comm, [&] {
          pass(1);
          agree(comm, [&] { pass(2); });
          pass(3);
        });
        pass(4);
        ++reached;
      };
      try {
        agree(comm, nested);
        FAIL() << "no exception on rank " << comm.rank();
      } catch (const AgreedError& error) {
        EXPECT_EQ(error.exit_code(), ExitCode::io_error);
        EXPECT_EQ(error.what(), "place " + std::to_string(place));
      }
      EXPECT_EQ(reached, place == 4 && comm.rank() != failing ? 1 : 0);
      // Nothing of it is left.
      EXPECT_NO_THROW(agree(comm, [&] { agree(comm, [] {}); }));
    }
  }
}

/// The verdict must not meet a collective operation of the action: the others have begun one that
/// the failed rank never joins in here, and completes afterwards.
TEST(Failure, AnActionMayCommunicate) {
  const boost::mpi::communicator comm;
  for (int failing = 0; failing < comm.size(); ++failing) {
    const int one = 1;
    int sum = 0;
    MPI_Request request = MPI_REQUEST_NULL;
    const auto add = [&] { MPI_Iallreduce(&one, &sum, 1, MPI_INT, MPI_SUM, comm, &request); };
    EXPECT_THROW(agree(comm,
                       [&] {
                         if (comm.rank() == failing) throw IoError("early");
                         add();
                       }),
                 AgreedError);
    if (comm.rank() == failing) add();
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    EXPECT_EQ(sum, comm.size());
  }
}

TEST(Failure, RootDecidesForAll) {
  const boost::mpi::communicator comm;
  const auto decided = decide_on_root(comm, [] { return std::vector<int>{1, 2, 3}; });
  EXPECT_EQ(decided, (std::vector<int>{1, 2, 3}));
  EXPECT_THROW(decide_on_root(comm, []() -> int { throw UsageError("no"); }), AgreedError);
}

TEST(Messages, CountsThatDoNotFitAreRefused) {
  EXPECT_EQ(to_mpi_int(0x7fff'ffff), 0x7fff'ffff);
  EXPECT_THROW(to_mpi_int(0x8000'0000), InternalError);
}

}  // namespace
}  // namespace orbitmill
