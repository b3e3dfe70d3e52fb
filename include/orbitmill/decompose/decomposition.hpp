/// The result of a decomposition: histogram, certificate, and the rows of the cycle table.
#pragma once

#include <boost/serialization/vector.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orbitmill/algebra/integer.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// One cycle: its least state as an integer, and its number of states.
struct CycleRow {
  State leader = 0;
  std::uint64_t length = 0;

  friend auto operator<=>(const CycleRow&, const CycleRow&) = default;
};

/// How many cycles have one length.
struct HistogramEntry {
  std::uint64_t length = 0;
  std::uint64_t count = 0;

  friend bool operator==(const HistogramEntry&, const HistogramEntry&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& length& count;
  }
};

/// All lengths that occur, sorted by length; no count is 0.
using Histogram = std::vector<HistogramEntry>;

/// The same with numbers of any size: what theory says, and what a result file holds.
struct ExactHistogramEntry {
  Integer length;
  Integer count;

  friend bool operator==(const ExactHistogramEntry&, const ExactHistogramEntry&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& length& count;
  }
};

/// Sorted by length; no count is 0.
using ExactHistogram = std::vector<ExactHistogramEntry>;

ExactHistogram to_exact(const Histogram& histogram);
/// The same in words; nothing where a length or a count is 2^64 or more.
std::optional<Histogram> to_words(const ExactHistogram& histogram);

/// What the histogram adds up to. Cost: one multiplication an entry.
struct HistogramSums {
  Integer states;  ///< sum of length * count
  Integer cycles;  ///< sum of count
};
HistogramSums sums_of(const ExactHistogram& histogram);

/// What `Certificate::checksum` is computed over.
enum class ChecksumOf : std::uint8_t {
  cycles,     ///< the cycle table sorted by leader: pairs (leader, length), little-endian uint64
  histogram,  ///< the histogram sorted by length: pairs (length, count), little-endian uint64
  /// the same where a value is 2^64 or more, as decimal text: a line "length,count\n" an entry
  histogram_text,
};

/// What is known from algebra (decompose/closed_form.hpp) about the histogram.
enum class Theory : std::uint8_t {
  not_linear,    ///< the feedback has products: there is no theory to compare with
  not_compared,  ///< linear or affine, but the theory could not be worked out (or by an old
                 ///< version)
  agrees,        ///< the cycles that were walked are those that theory predicts
  is_result,     ///< the histogram is the theory itself; nothing was walked
};

/// The proof that no cycle is missing: the lengths of the cycles found, each counted once by its
/// leader, and the states that lead into them sum to q^n exactly. Only `certify` and
/// `certify_closed_form` (decompose/certificate.hpp) make one.
struct Certificate {
  Integer states;              ///< q^n
  Integer states_accounted;    ///< sum of length * count, and the transient states
  Integer cycles;              ///< number of cycles
  Integer transient_states;    ///< states on no cycle; 0 for a nonsingular register
  std::uint32_t height = 0;    ///< steps after which every state is on a cycle
  bool complete = false;       ///< states == states_accounted
  std::uint64_t checksum = 0;  ///< XXH64, seed 0; the same for every rank count and engine
  ChecksumOf checksum_of = ChecksumOf::histogram;
  Theory theory = Theory::not_linear;
  ExactHistogram predicted;  ///< where theory was compared, what it predicts

  friend bool operator==(const Certificate&, const Certificate&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& states& states_accounted& cycles& transient_states& height& complete& checksum&
        checksum_of& theory& predicted;
  }
};

/// A contiguous part of a table that is sorted over all ranks; rank order is row order.
struct CycleSlice {
  std::vector<CycleRow> rows;    ///< this rank's rows, sorted by leader
  std::uint64_t first_row = 0;   ///< position of rows[0] in the whole table
  std::uint64_t total_rows = 0;  ///< rows of the whole table, the same on every rank
};

}  // namespace orbitmill
