#include "agreement.hpp"

#include <mpi.h>

#include <boost/mpi/collectives/broadcast.hpp>
#include <chrono>
#include <thread>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {

namespace {

/// Only a job that has failed already waits this long, so the value decides how it ends, not
/// whether: ranks that are merely slow in the same transfer should still be allowed to end in
/// order. ROMIO is the case in point: it reports a full disk to some ranks only (Open MPI 4.1.4,
/// seen with 2 to 4 ranks), and HDF5 1.10 goes on communicating on the others.
constexpr std::chrono::seconds patience{10};

[[noreturn]] void raise(const Failure& failure) {
  switch (static_cast<ExitCode>(failure.code)) {
    case ExitCode::cannot_create:
      throw CannotCreateError(failure.message);
    case ExitCode::io_error:
      throw IoError(failure.message);
    default:
      throw InternalError(failure.message);
  }
}

}  // namespace

void together(const boost::mpi::communicator& comm, const std::function<void()>& step,
              const std::function<void()>& clean_up) {
  Failure failure;
  try {
    step();
  } catch (...) {
    failure = describe_current_exception();
  }
  const bool failed = failure.code != 0;

  const int mine = failed ? comm.rank() : comm.size();
  int lowest = mine;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallreduce(&mine, &lowest, 1, MPI_INT, MPI_MIN, comm, &request);
  if (failed) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
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
  raise(failure);
}

}  // namespace orbitmill
