/// The result of a decomposition: histogram, certificate, and the rows of the cycle table.
#pragma once

#include <cstdint>
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
};

/// Sorted by length; no count is 0.
using ExactHistogram = std::vector<ExactHistogramEntry>;

ExactHistogram to_exact(const Histogram& histogram);

/// What `Certificate::checksum` is computed over.
enum class ChecksumOf : std::uint8_t {
  cycles,     ///< the cycle table sorted by leader: pairs (leader, length), little-endian uint64
  histogram,  ///< the histogram sorted by length: pairs (length, count), little-endian uint64
};

/// The proof that no cycle is missing: the lengths of the cycles found, each counted once by its
/// leader, sum to q^n exactly. Only `certify` (decompose/certificate.hpp) makes one.
struct Certificate {
  std::uint64_t states = 0;            ///< q^n
  std::uint64_t states_accounted = 0;  ///< sum of length * count
  std::uint64_t cycles = 0;            ///< number of cycles
  bool complete = false;               ///< states == states_accounted
  std::uint64_t checksum = 0;          ///< XXH64, seed 0; the same for every rank count and engine
  ChecksumOf checksum_of = ChecksumOf::histogram;

  friend bool operator==(const Certificate&, const Certificate&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& states& states_accounted& cycles& complete& checksum& checksum_of;
  }
};

/// A contiguous part of a table that is sorted over all ranks; rank order is row order.
struct CycleSlice {
  std::vector<CycleRow> rows;    ///< this rank's rows, sorted by leader
  std::uint64_t first_row = 0;   ///< position of rows[0] in the whole table
  std::uint64_t total_rows = 0;  ///< rows of the whole table, the same on every rank
};

}  // namespace orbitmill
