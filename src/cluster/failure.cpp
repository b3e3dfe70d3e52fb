#include "orbitmill/cluster/failure.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <memory>
#include <new>
#include <string_view>
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
/// The same for what strikes one rank alone, such as memory that it does not get.
constexpr std::chrono::seconds local_verdict_patience{2};

/// What agree() knows of a communicator; lives as an attribute of it.
struct Verdicts {
  /// A communicator for verdicts alone. An action may be collective itself: were the verdict given
  /// on the same one, that of a failed rank would meet whatever collective operation of the action
  /// the others have come to, and both would read nonsense.
  MPI_Comm comm = MPI_COMM_NULL;
  int depth = 0;  ///< calls of agree() under way, one inside the other
  /// The level that the last failure was agreed on. A rank that fails between two inner calls gives
  /// its verdict on the outer one, and the others hear it in the next inner one.
  int concluded = std::numeric_limits<int>::max();
};

/// Made by the first call for `comm`, which is collective.
Verdicts& verdicts_of(const boost::mpi::communicator& comm) {
  static const int key = [] {
    int created = MPI_KEYVAL_INVALID;
    MPI_Comm_create_keyval(
        MPI_COMM_NULL_COPY_FN,
        [](MPI_Comm /*of*/, int /*key*/, void* value, void* /*state*/) {
          const std::unique_ptr<Verdicts> verdicts(static_cast<Verdicts*>(value));
          return MPI_Comm_free(&verdicts->comm);
        },
        &created, nullptr);
    return created;
  }();
  void* value = nullptr;
  int found = 0;
  MPI_Comm_get_attr(comm, key, static_cast<void*>(&value), &found);
  if (found != 0) return *static_cast<Verdicts*>(value);
  auto made = std::make_unique<Verdicts>();
  MPI_Comm_dup(comm, &made->comm);
  MPI_Comm_set_attr(comm, key, made.get());
  return *made.release();
}

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

/// Messages quote what job files, flags and damaged files hold: no byte of that may steer the
/// terminal, and no megabytes of it may bury what was to be said.
std::string presentable(std::string_view message) {
  constexpr std::size_t most_bytes = 4000;
  std::string text;
  for (const char c : message) {
    if (text.size() >= most_bytes) return text + "...";
    const auto code = static_cast<unsigned char>(c);
    if ((code < 0x20 && c != '\n') || code == 0x7f)
      text += fmt::format("\\x{:02x}", code);
    else
      text += c;
  }
  return text;
}

}  // namespace

Failure describe_current_exception() {
  try {
    throw;
  } catch (const Error& error) {
    return {static_cast<int>(error.exit_code()), presentable(error.what())};
  } catch (const std::bad_alloc&) {
    return {static_cast<int>(ExitCode::internal),
            "out of memory; use more nodes or fewer ranks per node, or --cycles none"};
  } catch (const std::exception& error) {
    return {static_cast<int>(ExitCode::internal),
            presentable(fmt::format("unexpected: {}", error.what()))};
  } catch (...) {
    return {static_cast<int>(ExitCode::internal), "unexpected exception of unknown type"};
  }
}

void agree(const boost::mpi::communicator& comm, const std::function<void()>& action,
           const std::function<void()>& clean_up) {
  Verdicts& verdicts = verdicts_of(comm);
  const int depth = ++verdicts.depth;
  Failure failure;
  try {
    action();
  } catch (...) {
    failure = describe_current_exception();
  }
  --verdicts.depth;
  const bool failed = failure.code != 0;
  if (failed && verdicts.concluded <= depth) {
    if (verdicts.concluded == depth) verdicts.concluded = std::numeric_limits<int>::max();
    throw AgreedError(static_cast<ExitCode>(failure.code), failure.message);
  }
  // The outermost failure, of those the one of the lowest rank.
  const auto mine = failed ? static_cast<std::int64_t>(depth) * comm.size() + comm.rank()
                           : std::numeric_limits<std::int64_t>::max();
  std::int64_t first = mine;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallreduce(&mine, &first, 1, MPI_INT64_T, MPI_MIN, verdicts.comm, &request);
  if (failed) {
    const bool local = failure.code == static_cast<int>(ExitCode::internal);
    const auto deadline =
        std::chrono::steady_clock::now() + (local ? local_verdict_patience : verdict_patience);
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
  if (first == std::numeric_limits<std::int64_t>::max()) return;
  boost::mpi::broadcast({verdicts.comm, boost::mpi::comm_attach}, failure,
                        static_cast<int>(first % comm.size()));
  if (const auto level = static_cast<int>(first / comm.size()); level < depth) {
    verdicts.concluded = level;
  }
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
