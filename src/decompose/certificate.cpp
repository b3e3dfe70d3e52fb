#include "orbitmill/decompose/certificate.hpp"

// The complete type of the hash state, so that it can travel between ranks. All ranks run one
// binary.
#define XXH_STATIC_LINKING_ONLY
#include <fmt/format.h>
#include <xxhash.h>

#include <bit>
#include <boost/mpi/collectives.hpp>
#include <memory>

#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

// Hashing the structs as they lie in memory is hashing pairs of little-endian uint64.
static_assert(std::endian::native == std::endian::little);
static_assert(sizeof(CycleRow) == 16 && sizeof(HistogramEntry) == 16);

}  // namespace

std::uint64_t histogram_checksum(const Histogram& histogram) {
  return XXH64(histogram.data(), histogram.size() * sizeof(HistogramEntry), 0);
}

std::uint64_t cycle_table_checksum(const boost::mpi::communicator& comm, const CycleSlice& slice) {
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  // A plain block of bytes (xxHash promises that the state may be copied); all ranks run one
  // binary.
  const int bytes = static_cast<int>(sizeof state);
  if (comm.rank() > 0) {
    MPI_Recv(&state, bytes, MPI_BYTE, comm.rank() - 1, tag_checksum, comm, MPI_STATUS_IGNORE);
  }
  XXH64_update(&state, slice.rows.data(), slice.rows.size() * sizeof(CycleRow));
  if (comm.rank() + 1 < comm.size()) {
    MPI_Send(&state, bytes, MPI_BYTE, comm.rank() + 1, tag_checksum, comm);
  }
  std::uint64_t checksum = XXH64_digest(&state);
  boost::mpi::broadcast(comm, checksum, comm.size() - 1);
  return checksum;
}

Certificate certify(const boost::mpi::communicator& comm, std::uint64_t state_count,
                    const Histogram& histogram, const CycleSlice* slice) {
  Certificate certificate;
  certificate.states = state_count;
  bool overflow = false;
  for (const HistogramEntry& entry : histogram) {
    std::uint64_t states = 0;
    overflow |= __builtin_mul_overflow(entry.length, entry.count, &states);
    overflow |=
        __builtin_add_overflow(certificate.states_accounted, states, &certificate.states_accounted);
    certificate.cycles += entry.count;
  }
  certificate.complete = !overflow && certificate.states_accounted == state_count;
  certificate.checksum = histogram_checksum(histogram);
  boost::mpi::broadcast(comm, certificate, 0);
  if (!certificate.complete) {
    throw InternalError(fmt::format(
        "the certificate does not close: the {} cycles found hold {} states of {}; work was lost "
        "or "
        "done twice, and no result was written. Please report this with the command line",
        certificate.cycles, overflow ? "too many" : std::to_string(certificate.states_accounted),
        certificate.states));
  }
  if (slice != nullptr) {
    if (slice->total_rows != certificate.cycles) {
      throw InternalError(fmt::format("the cycle table has {} rows for {} cycles",
                                      slice->total_rows, certificate.cycles));
    }
    certificate.checksum = cycle_table_checksum(comm, *slice);
    certificate.checksum_of = ChecksumOf::cycles;
  }
  return certificate;
}

}  // namespace orbitmill
