/// The certificate: the proof by counting that a decomposition is complete.
///
/// The step of a nonsingular register is a bijection, so its cycles partition the q^n states. An
/// engine reports each cycle once, by its leader. If the lengths reported sum to q^n, no cycle is
/// missing and none was counted twice.
#pragma once

#include <boost/mpi/communicator.hpp>

#include "orbitmill/decompose/decomposition.hpp"

namespace orbitmill {

/// XXH64 (seed 0) over the histogram as pairs (length, count) of little-endian uint64.
std::uint64_t histogram_checksum(const Histogram& histogram);

/// XXH64 (seed 0) over a cycle table that is spread over ranks, as if it were one. Collective; the
/// hash state travels from rank to rank, so the value does not depend on the partition.
std::uint64_t cycle_table_checksum(const boost::mpi::communicator& comm, const CycleSlice& slice);

/// Closes the certificate. Collective; `histogram` counts on rank 0, `slice` is null on every rank
/// where no table was kept. Every rank gets the certificate. Throws InternalError on every rank
/// when the states accounted for are not q^n, or when the table and the histogram disagree in the
/// number of cycles: such a result must not be written.
Certificate certify(const boost::mpi::communicator& comm, std::uint64_t state_count,
                    const Histogram& histogram, const CycleSlice* slice);

}  // namespace orbitmill
