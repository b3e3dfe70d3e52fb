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

/// How long a rank whose action failed waits for the others' verdict. Only a job that has failed
/// already waits, so the value decides how it ends, not whether: ranks that are merely slow should
/// still end in order. ROMIO is the case in point: it reports a full disk to some ranks only (Open
/// MPI 4.1.4, seen with 2 to 4 ranks), and HDF5 1.10 goes on communicating on the others.
constexpr std::chrono::seconds verdict_patience{10};

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

void agree(const boost::mpi::communicator& comm, const std::function<void()>& action,
           const std::function<void()>& clean_up) {
  Failure failure;
  try {
    action();
  } catch (...) {
    failure = describe_current_exception();
  }
  const bool failed = failure.code != 0;
  const int mine = failed ? comm.rank() : comm.size();
  int lowest = mine;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallreduce(&mine, &lowest, 1, MPI_INT, MPI_MIN, comm, &request);
  if (failed) {
    const auto deadline = std::chrono::steady_clock::now() + verdict_patience;
    int done = 0;
    while (MPI_Test(&request, &done, MPI_STATUS_IGNORE), done == 0) {
      if (std::chrono::steady_clock::now() > deadline) {
        clean_up();
        abort_job(comm, failure);
      }
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  } else {
    MPI_Wait(&request, MPI_STATUS_IGNORE);
  }
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
