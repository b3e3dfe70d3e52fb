/// One outcome for all ranks of a step that communicates: it fails everywhere or nowhere.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <functional>

namespace orbitmill {

/// Runs `step` on every rank and compares. Returns if all succeeded; otherwise throws on every rank
/// the error of the lowest rank that failed, with its type (CannotCreateError, IoError,
/// InternalError) and message. Collective over `comm`; costs one reduction of an integer.
///
/// Unlike agree() of cluster/failure.hpp it allows `step` to be collective. HDF5 may fail on some
/// ranks and leave the others waiting inside it for ever; so a failed rank waits a limited time for
/// their verdict, then calls `clean_up` and aborts the job with its message and exit code.
void together(
    const boost::mpi::communicator& comm, const std::function<void()>& step,
    const std::function<void()>& clean_up = [] {});

}  // namespace orbitmill
