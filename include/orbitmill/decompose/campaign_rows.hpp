/// The results of a campaign, one row a register, as compact as a million of them demand.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "orbitmill/decompose/decomposition.hpp"

namespace orbitmill {

/// What a campaign says about a register. The numbers stand in result files.
enum class Verdict : std::uint8_t {
  shorter = 0,    ///< the longest cycle is shorter than
  maximum = 1,    ///< q^n - 1: all states but one fixed point
  de_bruijn = 2,  ///< q^n: all states
  failed = 3,     ///< no answer; the reason says why
  singular = 4,   ///< some states lie on no cycle; the histogram is that of the others
};
std::string_view name_of(Verdict verdict);

/// One row. Views into the store that it comes from.
struct CampaignRow {
  std::string_view canonical;  ///< register_key() of the canonical register: the row's name
  std::string_view asked;      ///< of the least register of the class that was asked for
  Verdict verdict = Verdict::failed;
  bool certified = false;  ///< all cycles are known; they and the states on no cycle are q^n
  std::uint64_t longest_cycle = 0;            ///< 0 where the task did not need to know
  std::uint64_t cycles = 0;                   ///< likewise
  std::uint64_t checksum = 0;                 ///< of the histogram where certified
  std::span<const HistogramEntry> histogram;  ///< task decompose
  std::string_view reason;                    ///< of a failure
  // Exempt from equality: they depend on who computed the row, and how.
  std::uint64_t witness = 0;  ///< length of a cycle that rules maximum period out, 0: none known
  double seconds = 0;
};

/// A growing table of rows; columns and arenas, no allocation a row.
class CampaignRows {
 public:
  std::size_t size() const noexcept { return rows_.size(); }
  CampaignRow operator[](std::size_t row) const;
  void add(const CampaignRow& row);
  /// Moves the rows of `other` behind these.
  void append(CampaignRows&& other);

  std::uint64_t text_bytes() const noexcept { return bytes_.size(); }

  /// The rows as bytes (little-endian words, as all machines here have them), for unpack().
  void pack(std::vector<std::byte>& bytes) const;
  /// Adds rows that were packed at the front of `bytes`, and returns what is behind them. Nothing,
  /// and no change, where there are none.
  std::optional<std::span<const std::byte>> unpack(std::span<const std::byte> bytes);

 private:
  struct Row {
    std::uint64_t text = 0;  ///< canonical, asked and reason, one after the other
    std::uint64_t entry = 0;
    std::uint64_t longest_cycle = 0, cycles = 0, checksum = 0, witness = 0;
    double seconds = 0;
    std::uint32_t canonical_bytes = 0, asked_bytes = 0, reason_bytes = 0, entries = 0;
    Verdict verdict = Verdict::failed;
    bool certified = false;
  };

  std::vector<Row> rows_;
  std::vector<char> bytes_;
  std::vector<HistogramEntry> entries_;

  friend class RowExchange;
};

/// This rank's contiguous part of a table that is sorted over all ranks.
struct CampaignSlice {
  CampaignRows rows;
  std::uint64_t first_row = 0;
  std::uint64_t total_rows = 0;  ///< the same on every rank
};

/// Sorts rows by the key of the canonical register over all ranks, and keeps one of several of the
/// same: the one whose `asked` is least. Collective. Sample sort, as sort_over_ranks; a row travels
/// at most once.
CampaignSlice sort_rows_over_ranks(const boost::mpi::communicator& comm, CampaignRows rows);

/// What a full decomposition says. `histogram` must outlive the row.
CampaignRow row_of_histogram(const Histogram& histogram, std::uint64_t states);

}  // namespace orbitmill
