#include "orbitmill/cluster/failure.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <thread>

#include "orbitmill/cluster/messages.hpp"

namespace orbitmill {
namespace {

/// How long a failed rank waits for root to end the job. Root looks every few milliseconds while it
/// is in a phase; it does not look inside a blocking collective, and then the rank acts by itself.
constexpr std::chrono::milliseconds patience{2000};

[[noreturn]] void print_and_abort(const boost::mpi::communicator& comm, int rank,
                                  const Failure& failure) {
  const std::string where = comm.size() > 1 ? fmt::format(" (rank {})", rank) : std::string();
  fmt::print(stderr, "orbitmill: error{}: {}\n", where, failure.message);
  std::fflush(stderr);
  // A job of one process has nobody to tell, and MPI_Abort would print a page of its own.
  if (comm.size() == 1) _exit(failure.code);
  MPI_Abort(comm, failure.code);
  std::abort();  // MPI_Abort does not return
}

}  // namespace

Failure describe_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    return {static_cast<int>(error.exit_code()), error.what()};
  } catch (const std::bad_alloc&) {
    return {static_cast<int>(ExitCode::internal),
            "out of memory; use more nodes or fewer ranks per node, or --cycles none"};
  } catch (const std::exception& error) {
    return {static_cast<int>(ExitCode::internal), fmt::format("unexpected: {}", error.what())};
  } catch (...) {
    return {static_cast<int>(ExitCode::internal), "unexpected exception of unknown type"};
  }
}

void agree(const boost::mpi::communicator& comm, const std::function<void()>& action) {
  Failure failure;
  try {
    action();
  } catch (...) {
    failure = describe_current_exception();
  }
  const int mine = failure.code == 0 ? comm.size() : comm.rank();
  const int lowest = boost::mpi::all_reduce(comm, mine, boost::mpi::minimum<int>());
  if (lowest == comm.size()) return;
  boost::mpi::broadcast(comm, failure, lowest);
  throw AgreedError(static_cast<ExitCode>(failure.code), failure.message);
}

void abort_job(const boost::mpi::communicator& comm, const Failure& failure) {
  if (comm.rank() != 0) {
    boost::mpi::request sent = comm.isend(0, tag_failure, failure);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < deadline) {
      sent.test();  // drives the transfer
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  print_and_abort(comm, comm.rank(), failure);
}

void check_for_failures(const boost::mpi::communicator& comm) {
  if (comm.rank() != 0 || comm.size() == 1) return;
  if (const auto status = comm.iprobe(boost::mpi::any_source, tag_failure)) {
    Failure failure;
    comm.recv(status->source(), tag_failure, failure);
    print_and_abort(comm, status->source(), failure);
  }
}

}  // namespace orbitmill
