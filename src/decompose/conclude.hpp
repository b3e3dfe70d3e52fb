/// The common end of every exhaustive engine.
#pragma once

#include "orbitmill/decompose/decompose.hpp"

namespace orbitmill {

/// Reduces the tallies of all ranks to the histogram and the sorted table, and closes the
/// certificate. Collective; throws on every rank as decompose_by_leaders.
void conclude(const boost::mpi::communicator& comm, const Register& reg, const CyclePolicy& policy,
              CycleTally&& tally, Decomposition& result);

}  // namespace orbitmill
