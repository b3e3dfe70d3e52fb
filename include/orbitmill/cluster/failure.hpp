/// How an error on one rank ends the whole job, once, with its message and exit code.
///
/// Two kinds. An *agreed* failure is known to every rank: root prints it and all ranks leave main()
/// in order. A *local* failure strikes one rank while the others compute or wait: that rank hands
/// its message to root, which prints the first one it gets and aborts the job; if root does not
/// answer in time, the rank does both itself. Nobody hangs, and the message appears once.
#pragma once

#include <boost/mpi/collectives.hpp>
#include <boost/mpi/communicator.hpp>
#include <boost/serialization/string.hpp>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "orbitmill/error.hpp"

namespace orbitmill {

/// An error that every rank throws at the same place. Only root prints it.
struct AgreedError : Error {
  using Error::Error;
};

/// Exit code and message of one failure, as it travels.
struct Failure {
  int code = 0;
  std::string message;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& code& message;
  }
};

/// Describes the exception in flight: an Error keeps its exit code, std::bad_alloc and everything
/// else count as internal (70). Call in a catch block.
Failure describe_current_exception();

/// Runs `action` on every rank; if it threw on any, every rank throws AgreedError with the failure
/// of the lowest such rank. Collective; costs one reduction of an integer, and the first call for a
/// communicator one that duplicates it. `action` may be collective itself and call agree() again: a
/// rank that fails between two inner calls is heard by the others in their next one. Where they
/// wait inside `action` for something else, a failed rank waits a limited time for their verdict,
/// then calls `clean_up` and aborts the job (abort_job). Main thread only.
void agree(
    const boost::mpi::communicator& comm, const std::function<void()>& action,
    const std::function<void()>& clean_up = [] {});

/// Runs `action` on root alone and broadcasts its result; if it threw, every rank throws
/// AgreedError. Collective. The result must be serializable.
template <class Action>
auto decide_on_root(const boost::mpi::communicator& comm, Action action) {
  std::optional<decltype(action())> result;
  agree(comm, [&] {
    if (comm.rank() == 0) result.emplace(action());
  });
  if (!result) result.emplace();
  boost::mpi::broadcast(comm, *result, 0);
  return std::move(*result);
}

/// Ends the job because of a local failure of this rank. Any rank; does not return.
[[noreturn]] void abort_job(const boost::mpi::communicator& comm, const Failure& failure);

/// On root, in every loop that waits: if a rank has reported a failure, prints it and aborts the
/// job.
void check_for_failures(const boost::mpi::communicator& comm);

}  // namespace orbitmill
