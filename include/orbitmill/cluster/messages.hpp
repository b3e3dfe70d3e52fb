/// The message tags of orbitmill on its world communicator, in one place so that none is used
/// twice.
#pragma once

#include <cstdint>
#include <limits>

#include "orbitmill/error.hpp"

namespace orbitmill {

enum MessageTag : int {
  tag_census = 101,         ///< work done, node leader to root, during a phase
  tag_failure = 102,        ///< exit code and message of a failed rank, to root
  tag_checksum = 103,       ///< hash state, rank r to r+1
  tag_steal_request = 104,  ///< message transport: thief to victim
  tag_steal_answer = 105,   ///< message transport: victim to thief
  tag_segments = 106,       ///< milestone pass: table entries, to the rank that holds them
  tag_restored = 107,       ///< the same from a checkpoint, from root
  tag_chains = 108,         ///< contraction over nodes: finished chains, to root
};

/// MPI-3 counts are int. Throws InternalError where `count` does not fit, instead of wrapping.
inline int to_mpi_int(std::uint64_t count) {
  if (count > static_cast<std::uint64_t>(std::numeric_limits<int>::max())) {
    throw InternalError("an MPI count exceeds 2^31 - 1");
  }
  return static_cast<int>(count);
}

}  // namespace orbitmill
