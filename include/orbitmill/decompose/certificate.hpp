/// The certificate: the proof by counting that a decomposition is complete.
///
/// The step of a nonsingular register is a bijection, so its cycles partition the q^n states. An
/// engine reports each cycle once, by its leader. If the lengths reported sum to q^n, no cycle is
/// missing and none was counted twice. For a linear or affine register there is a second,
/// independent proof: the whole histogram follows from the characteristic polynomial, and the two
/// must agree.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <optional>
#include <string>

#include "orbitmill/decompose/decomposition.hpp"

namespace orbitmill {

struct ClosedForm;

/// XXH64 (seed 0) over the histogram as pairs (length, count) of little-endian uint64.
std::uint64_t histogram_checksum(const Histogram& histogram);

/// The checksum of a histogram of numbers of any size, and what it was computed over: the pairs of
/// words where all values are below 2^64 (the value of histogram_checksum), else the text.
struct ExactChecksum {
  std::uint64_t value = 0;
  ChecksumOf of = ChecksumOf::histogram;
};
ExactChecksum exact_checksum(const ExactHistogram& histogram);

/// XXH64 (seed 0) over a cycle table that is spread over ranks, as if it were one. Collective; the
/// hash state travels from rank to rank, so the value does not depend on the partition.
std::uint64_t cycle_table_checksum(const boost::mpi::communicator& comm, const CycleSlice& slice);

/// Closes the certificate. Collective; `histogram` counts on rank 0, `slice` is null on every rank
/// where no table was kept. Every rank gets the certificate. Throws InternalError on every rank
/// when the states accounted for are not q^n, or when the table and the histogram disagree in the
/// number of cycles: such a result must not be written.
Certificate certify(const boost::mpi::communicator& comm, std::uint64_t state_count,
                    const Histogram& histogram, const CycleSlice* slice);

/// Root compares the histogram of a linear or affine register with the closed form and notes the
/// outcome in the certificate of every rank. Collective; `histogram` counts on rank 0. Throws
/// InternalError on every rank, naming the first difference, where they disagree. A theory that
/// cannot be worked out (JobError) is noted, for the count alone is a proof.
void compare_with_theory(const boost::mpi::communicator& comm, const Register& reg,
                         const Histogram& histogram, Certificate& certificate);

/// "length 5: 3 cycles found, 4 predicted": the first difference in order of length, or nothing.
std::optional<std::string> first_difference(const ExactHistogram& found,
                                            const ExactHistogram& predicted);

/// The certificate of a closed form, which is its own theory. One rank calls it. Throws
/// InternalError where its cycles and transient states do not make up q^n.
Certificate certify_closed_form(const Register& reg, const ClosedForm& closed_form);

}  // namespace orbitmill
