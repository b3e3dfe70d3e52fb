/// One outcome for all ranks of a step that communicates: it fails everywhere or nowhere.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <functional>

namespace orbitmill {

/// agree() of cluster/failure.hpp with the error types that write_result documents: throws on every
/// rank CannotCreateError, IoError or InternalError, whichever the lowest failing rank threw.
/// Collective.
void together(
    const boost::mpi::communicator& comm, const std::function<void()>& step,
    const std::function<void()>& clean_up = [] {});

}  // namespace orbitmill
