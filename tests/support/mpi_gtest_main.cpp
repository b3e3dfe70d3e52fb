/// main() of the tests that run under mpirun.
///
/// All ranks run all tests, in step. Rank 0 prints what GoogleTest prints, the others only their
/// failures. A test that fails on any rank is failed on rank 0 too, and every rank leaves with the
/// same exit status. Nothing may hang: an exception that escapes on one rank, or a failed ASSERT
/// that left the other ranks waiting in a collective call, ends the job with MPI_Abort.
#include <gtest/gtest.h>
#include <mpi.h>

#include <boost/mpi/environment.hpp>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

/// How long a rank that failed a test waits for the others to reach the end of the same test.
/// Longer than any honest difference between ranks, far shorter than the ctest time limit.
constexpr std::chrono::seconds patience{20};

struct Ranks {
  MPI_Comm comm = MPI_COMM_NULL;  ///< our own, so that no message of a test can match
  int rank = 0;
  int size = 1;
};

/// Kept here because UnitTest::current_test_info() takes the lock under which GoogleTest calls
/// OnTestPartResult: asking it there would never return.
std::string current_test = "outside any test";

/// One write a message: lines of several ranks must not mix.
void print_from_rank(int rank, const std::string& text) {
  const std::string line = "[rank " + std::to_string(rank) + "] " + text + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

/// Prints the failures of a rank that is not rank 0.
class FailurePrinter : public testing::EmptyTestEventListener {
 public:
  explicit FailurePrinter(int rank) : rank_(rank) {}

  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    const std::string file = result.file_name() == nullptr ? "unknown file" : result.file_name();
    print_from_rank(rank_, file + ":" + std::to_string(result.line_number()) + ": Failure in " +
                               current_test + "\n" + result.message());
  }

 private:
  int rank_;
};

/// Brings the ranks together after each test. GoogleTest calls OnTestEnd in reverse order of
/// registration, so a failure added here is seen by rank 0's printer before it prints its verdict.
class Agreement : public testing::EmptyTestEventListener {
 public:
  explicit Agreement(const Ranks& ranks) : ranks_(ranks) {}

  void OnTestStart(const testing::TestInfo& info) override {
    current_test = std::string(info.test_suite_name()) + "." + info.name();
  }

  void OnTestEnd(const testing::TestInfo& info) override {
    const int failed = info.result()->Failed() ? 1 : 0;
    std::vector<int> failed_on(static_cast<std::size_t>(ranks_.size));
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Iallgather(&failed, 1, MPI_INT, failed_on.data(), 1, MPI_INT, ranks_.comm, &request);
    const auto start = std::chrono::steady_clock::now();
    int done = 0;
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE), done == 0) {
      if (failed != 0 && std::chrono::steady_clock::now() - start > patience) {
        print_from_rank(ranks_.rank, current_test + " failed here and another rank does not " +
                                         "reach its end (waiting for this one?): aborting");
        MPI_Abort(ranks_.comm, 1);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    for (std::size_t rank = 1; ranks_.rank == 0 && rank < failed_on.size(); ++rank)
      if (failed_on[rank] != 0) ADD_FAILURE() << "failed on rank " << rank;
    current_test = "outside any test";
  }

 private:
  Ranks ranks_;
};

}  // namespace

int main(int argc, char** argv) {
  const boost::mpi::environment environment(argc, argv, boost::mpi::threading::funneled);
  testing::InitGoogleTest(&argc, argv);
  // An exception must reach us: GoogleTest would go on with the next test, the other ranks not.
  GTEST_FLAG_SET(catch_exceptions, false);

  Ranks ranks;
  MPI_Comm_dup(MPI_COMM_WORLD, &ranks.comm);
  MPI_Comm_rank(ranks.comm, &ranks.rank);
  MPI_Comm_size(ranks.comm, &ranks.size);

  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  if (ranks.rank != 0) {
    const std::unique_ptr<testing::TestEventListener> printer(
        listeners.Release(listeners.default_result_printer()));
    // --gtest_output: rank 0 alone writes the file.
    const std::unique_ptr<testing::TestEventListener> xml(
        listeners.Release(listeners.default_xml_generator()));
    listeners.Append(new FailurePrinter(ranks.rank));
  }
  listeners.Append(new Agreement(ranks));

  int failed = 0;
  try {
    failed = RUN_ALL_TESTS();
  } catch (const std::exception& error) {
    print_from_rank(ranks.rank, current_test + ": uncaught exception: " + error.what());
    MPI_Abort(ranks.comm, 1);
  } catch (...) {
    print_from_rank(ranks.rank, current_test + ": uncaught exception of unknown type");
    MPI_Abort(ranks.comm, 1);
  }
  int failed_anywhere = 0;
  MPI_Allreduce(&failed, &failed_anywhere, 1, MPI_INT, MPI_MAX, ranks.comm);
  MPI_Comm_free(&ranks.comm);
  return failed_anywhere;
}
