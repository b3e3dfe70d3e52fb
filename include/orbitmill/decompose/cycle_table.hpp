/// The cycle table: rows found anywhere, sorted over all ranks; and the sequences that belong to
/// them.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstdint>
#include <vector>

#include "orbitmill/decompose/decomposition.hpp"

namespace orbitmill {

/// Sorts `rows` by leader over all ranks of `comm`: rank r gets a contiguous part of the whole
/// table, of about equal size. Collective. Sample sort with regular sampling (Shi and Schaeffer,
/// "Parallel sorting by regular sampling", 1992): O((c/R) log c) time, each row travels at most
/// once.
CycleSlice sort_over_ranks(const boost::mpi::communicator& comm, std::vector<CycleRow> rows);

/// The output symbols x_0 of every state of every cycle in `rows`, from the leader on in step
/// direction, one cycle after the other. Precondition: q <= 256. Cost: one step per state.
std::vector<std::uint8_t> output_sequences(const Register& reg, const std::vector<CycleRow>& rows);

}  // namespace orbitmill
