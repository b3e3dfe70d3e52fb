#include "orbitmill/decompose/campaign_rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/decompose/certificate.hpp"
#include "packed_bytes.hpp"

namespace orbitmill {

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::shorter:
      return "shorter";
    case Verdict::maximum:
      return "maximum";
    case Verdict::de_bruijn:
      return "de Bruijn";
    case Verdict::singular:
      return "singular";
    case Verdict::failed:
      break;
  }
  return "failed";
}

CampaignRow CampaignRows::operator[](std::size_t index) const {
  const Row& row = rows_[index];
  CampaignRow result;
  const char* text = bytes_.data() + row.text;
  result.canonical = {text, row.canonical_bytes};
  result.asked = {text + row.canonical_bytes, row.asked_bytes};
  result.reason = {text + row.canonical_bytes + row.asked_bytes, row.reason_bytes};
  result.histogram = {entries_.data() + row.entry, row.entries};
  result.verdict = row.verdict;
  result.certified = row.certified;
  result.longest_cycle = row.longest_cycle;
  result.cycles = row.cycles;
  result.checksum = row.checksum;
  result.witness = row.witness;
  result.seconds = row.seconds;
  return result;
}

void CampaignRows::add(const CampaignRow& row) {
  Row own;
  own.text = bytes_.size();
  own.entry = entries_.size();
  own.longest_cycle = row.longest_cycle;
  own.cycles = row.cycles;
  own.checksum = row.checksum;
  own.witness = row.witness;
  own.seconds = row.seconds;
  own.canonical_bytes = static_cast<std::uint32_t>(row.canonical.size());
  own.asked_bytes = static_cast<std::uint32_t>(row.asked.size());
  own.reason_bytes = static_cast<std::uint32_t>(row.reason.size());
  own.entries = static_cast<std::uint32_t>(row.histogram.size());
  own.verdict = row.verdict;
  own.certified = row.certified;
  for (const std::string_view text : {row.canonical, row.asked, row.reason}) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  entries_.insert(entries_.end(), row.histogram.begin(), row.histogram.end());
  rows_.push_back(own);
}

void CampaignRows::append(CampaignRows&& other) {
  if (rows_.empty()) {
    *this = std::move(other);
    return;
  }
  for (Row& row : other.rows_) {
    row.text += bytes_.size();
    row.entry += entries_.size();
  }
  rows_.insert(rows_.end(), other.rows_.begin(), other.rows_.end());
  bytes_.insert(bytes_.end(), other.bytes_.begin(), other.bytes_.end());
  entries_.insert(entries_.end(), other.entries_.begin(), other.entries_.end());
  other = CampaignRows();
}

namespace {

/// Texts of a row, entries of its histogram, and its numbers.
constexpr std::size_t packed_words = 10;
constexpr std::uint64_t certified_bit = 1 << 8;

}  // namespace

void CampaignRows::pack(std::vector<std::byte>& bytes) const {
  std::vector<std::uint64_t> words = {rows_.size(), bytes_.size(), entries_.size()};
  words.reserve(words.size() + packed_words * rows_.size());
  for (const Row& row : rows_) {
    words.insert(
        words.end(),
        {row.canonical_bytes, row.asked_bytes, row.reason_bytes, row.entries, row.longest_cycle,
         row.cycles, row.checksum, row.witness, std::bit_cast<std::uint64_t>(row.seconds),
         static_cast<std::uint64_t>(row.verdict) | (row.certified ? certified_bit : 0)});
  }
  append_bytes<std::uint64_t>(bytes, words);
  append_bytes<HistogramEntry>(bytes, entries_);
  append_bytes<char>(bytes, bytes_);
}

std::optional<std::span<const std::byte>> CampaignRows::unpack(std::span<const std::byte> bytes) {
  std::array<std::uint64_t, 3> sizes{};
  if (!take_bytes<std::uint64_t>(bytes, sizes)) return std::nullopt;
  const auto [row_count, text_bytes, entry_count] = sizes;
  // In this order no product overflows, and nothing is allocated that the bytes do not hold.
  constexpr std::size_t row_bytes = packed_words * sizeof(std::uint64_t);
  if (row_count > bytes.size() / row_bytes) return std::nullopt;
  const std::uint64_t behind_rows = bytes.size() - row_count * row_bytes;
  if (entry_count > behind_rows / sizeof(HistogramEntry) ||
      text_bytes > behind_rows - entry_count * sizeof(HistogramEntry)) {
    return std::nullopt;
  }
  CampaignRows found;
  found.rows_.resize(row_count);
  found.entries_.resize(entry_count);
  found.bytes_.resize(text_bytes);
  std::uint64_t text = 0, entry = 0;
  for (Row& row : found.rows_) {
    std::array<std::uint64_t, packed_words> words{};
    take_bytes<std::uint64_t>(bytes, words);
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    if (std::ranges::max(std::span(words).first(4)) > most) return std::nullopt;
    const std::uint64_t verdict = words[9] & ~certified_bit;
    if (verdict > static_cast<std::uint64_t>(Verdict::singular)) return std::nullopt;
    row.text = text;
    row.entry = entry;
    row.canonical_bytes = static_cast<std::uint32_t>(words[0]);
    row.asked_bytes = static_cast<std::uint32_t>(words[1]);
    row.reason_bytes = static_cast<std::uint32_t>(words[2]);
    row.entries = static_cast<std::uint32_t>(words[3]);
    row.longest_cycle = words[4];
    row.cycles = words[5];
    row.checksum = words[6];
    row.witness = words[7];
    row.seconds = std::bit_cast<double>(words[8]);
    row.verdict = static_cast<Verdict>(verdict);
    row.certified = (words[9] & certified_bit) != 0;
    text += words[0] + words[1] + words[2];
    entry += words[3];
  }
  if (text != text_bytes || entry != entry_count) return std::nullopt;
  take_bytes<HistogramEntry>(bytes, found.entries_);
  take_bytes<char>(bytes, found.bytes_);
  append(std::move(found));
  return bytes;
}

/// Rows on their way to other ranks: the three arenas, one transfer each.
class RowExchange {
 public:
  RowExchange(const boost::mpi::communicator& comm, const CampaignRows& rows,
              const std::vector<std::uint64_t>& order, const std::vector<std::size_t>& cuts)
      : comm_(comm) {
    // Copied in the order of the destinations, so that each gets contiguous pieces.
    for (std::size_t rank = 0; rank + 1 < cuts.size(); ++rank) {
      const std::size_t bytes = sorted_.bytes_.size();
      const std::size_t entries = sorted_.entries_.size();
      for (std::size_t i = cuts[rank]; i < cuts[rank + 1]; ++i) {
        sorted_.add(rows[order[i]]);
        sorted_.rows_.back().text -= bytes;
        sorted_.rows_.back().entry -= entries;
      }
      row_counts_.push_back(cuts[rank + 1] - cuts[rank]);
      byte_counts_.push_back(sorted_.bytes_.size() - bytes);
      entry_counts_.push_back(sorted_.entries_.size() - entries);
    }
  }

  CampaignRows execute() {
    CampaignRows result;
    const auto rows = send(sorted_.rows_, row_counts_, result.rows_);
    const auto bytes = send(sorted_.bytes_, byte_counts_, result.bytes_);
    const auto entries = send(sorted_.entries_, entry_counts_, result.entries_);
    std::size_t row = 0;
    std::uint64_t text = 0, entry = 0;
    for (std::size_t rank = 0; rank < rows.size(); ++rank) {
      for (const std::size_t end = row + rows[rank]; row < end; ++row) {
        result.rows_[row].text += text;
        result.rows_[row].entry += entry;
      }
      text += bytes[rank];
      entry += entries[rank];
    }
    return result;
  }

 private:
  /// Returns how many values came from each rank.
  template <class Value>
  std::vector<std::uint64_t> send(std::vector<Value>& values,
                                  const std::vector<std::uint64_t>& counts,
                                  std::vector<Value>& received) {
    std::vector<std::uint64_t> incoming;
    boost::mpi::all_to_all(comm_, counts, incoming);
    const auto starts_of = [](const std::vector<std::uint64_t>& lengths) {
      std::vector<int> sizes, starts;
      std::uint64_t start = 0;
      for (const std::uint64_t length : lengths) {
        sizes.push_back(to_mpi_int(length));
        starts.push_back(to_mpi_int(start));
        start += length;
      }
      return std::pair(sizes, starts);
    };
    const auto [send_sizes, send_starts] = starts_of(counts);
    const auto [receive_sizes, receive_starts] = starts_of(incoming);
    received.resize(std::accumulate(incoming.begin(), incoming.end(), std::uint64_t{0}));
    // As one datatype, so that the counts are values and stay within int. Plain blocks of bytes:
    // all ranks run one binary.
    MPI_Datatype type = MPI_DATATYPE_NULL;
    MPI_Type_contiguous(static_cast<int>(sizeof(Value)), MPI_BYTE, &type);
    MPI_Type_commit(&type);
    MPI_Alltoallv(values.data(), send_sizes.data(), send_starts.data(), type, received.data(),
                  receive_sizes.data(), receive_starts.data(), type, comm_);
    MPI_Type_free(&type);
    values = {};
    return incoming;
  }

  const boost::mpi::communicator& comm_;
  CampaignRows sorted_;
  std::vector<std::uint64_t> row_counts_, byte_counts_, entry_counts_;
};

namespace {

/// Row numbers in the order of the table.
std::vector<std::uint64_t> order_of(const CampaignRows& rows) {
  std::vector<std::uint64_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::uint64_t{0});
  std::ranges::sort(order, [&](std::uint64_t a, std::uint64_t b) {
    const CampaignRow left = rows[a], right = rows[b];
    return std::pair(left.canonical, left.asked) < std::pair(right.canonical, right.asked);
  });
  return order;
}

/// Sorted, one row a register.
CampaignRows sorted_without_repeats(const CampaignRows& rows) {
  CampaignRows result;
  for (const std::uint64_t row : order_of(rows)) {
    const CampaignRow next = rows[row];
    if (result.size() > 0 && result[result.size() - 1].canonical == next.canonical) continue;
    result.add(next);
  }
  return result;
}

/// First key of every rank but the first, by regular sampling.
std::vector<std::string> choose_splitters(const boost::mpi::communicator& comm,
                                          const CampaignRows& rows,
                                          const std::vector<std::uint64_t>& order) {
  const auto ranks = static_cast<std::size_t>(comm.size());
  std::vector<std::string> samples, all;
  for (std::size_t i = 0; i < ranks && !order.empty(); ++i) {
    samples.emplace_back(rows[order[i * order.size() / ranks]].canonical);
  }
  std::vector<std::vector<std::string>> gathered;
  boost::mpi::all_gather(comm, samples, gathered);
  for (const auto& part : gathered) all.insert(all.end(), part.begin(), part.end());
  std::ranges::sort(all);
  std::vector<std::string> splitters;
  for (std::size_t i = 1; i < ranks && !all.empty(); ++i) {
    splitters.push_back(all[i * all.size() / ranks]);
  }
  return splitters;
}

}  // namespace

CampaignSlice sort_rows_over_ranks(const boost::mpi::communicator& comm, CampaignRows rows) {
  CampaignSlice slice;
  if (comm.size() == 1) {
    slice.rows = sorted_without_repeats(rows);
  } else {
    std::vector<std::uint64_t> order = order_of(rows);
    const std::vector<std::string> splitters = choose_splitters(comm, rows, order);
    std::vector<std::size_t> cuts{0};
    for (const std::string& splitter : splitters) {
      const auto place =
          std::ranges::lower_bound(order, std::string_view(splitter), {},
                                   [&](std::uint64_t row) { return rows[row].canonical; });
      cuts.push_back(static_cast<std::size_t>(place - order.begin()));
    }
    cuts.resize(static_cast<std::size_t>(comm.size()), order.size());
    cuts.push_back(order.size());
    RowExchange exchange(comm, rows, order, cuts);
    rows = CampaignRows();
    order = {};
    slice.rows = sorted_without_repeats(exchange.execute());
  }
  const auto own = static_cast<std::uint64_t>(slice.rows.size());
  slice.first_row = boost::mpi::scan(comm, own, std::plus<>()) - own;
  slice.total_rows = boost::mpi::all_reduce(comm, own, std::plus<>());
  return slice;
}

CampaignRow row_of_histogram(const Histogram& histogram, std::uint64_t states) {
  CampaignRow row;
  row.certified = true;
  row.histogram = histogram;
  row.longest_cycle = histogram.back().length;
  for (const HistogramEntry& entry : histogram) row.cycles += entry.count;
  row.checksum = histogram_checksum(histogram);
  row.verdict = row.longest_cycle == states       ? Verdict::de_bruijn
                : row.longest_cycle == states - 1 ? Verdict::maximum
                                                  : Verdict::shorter;
  return row;
}

}  // namespace orbitmill
