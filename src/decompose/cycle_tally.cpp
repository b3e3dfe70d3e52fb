#include "orbitmill/decompose/cycle_tally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "orbitmill/error.hpp"
#include "packed_bytes.hpp"

namespace orbitmill {

void throw_row_limit_exceeded(std::uint64_t row_limit) {
  throw CannotCreateError(
      fmt::format("the decomposition has more than {0} cycles, and --cycles {0} allows no more "
                  "rows in /cycles; "
                  "give a larger number, --cycles all, or --cycles none (the histogram alone)",
                  row_limit));
}

void CycleTally::merge(CycleTally&& other) {
  for (const auto& [length, count] : other.counts_) counts_[length] += count;
  rows_.insert(rows_.end(), other.rows_.begin(), other.rows_.end());
  reported_rows_ += other.reported_rows_;
  states_ += other.states_;
  other.states_ = 0;
  other.counts_.clear();
  other.rows_ = {};
  other.reported_rows_ = 0;
}

void CycleTally::pack(std::vector<std::byte>& bytes) const {
  const Histogram lengths = histogram();
  const std::array<std::uint64_t, 2> sizes = {lengths.size(), rows_.size()};
  bytes.reserve(bytes.size() + sizeof(sizes) + lengths.size() * sizeof(HistogramEntry) +
                rows_.size() * sizeof(CycleRow));
  append_bytes<std::uint64_t>(bytes, sizes);
  append_bytes<HistogramEntry>(bytes, lengths);
  append_bytes<CycleRow>(bytes, rows_);
}

bool CycleTally::unpack(std::span<const std::byte> bytes) {
  std::array<std::uint64_t, 2> sizes{};
  if (!take_bytes<std::uint64_t>(bytes, sizes)) return false;
  const auto [lengths_size, rows_size] = sizes;
  // In this order no product overflows.
  if (lengths_size > bytes.size() / sizeof(HistogramEntry) ||
      rows_size > bytes.size() / sizeof(CycleRow) ||
      lengths_size * sizeof(HistogramEntry) + rows_size * sizeof(CycleRow) != bytes.size()) {
    return false;
  }
  Histogram lengths(lengths_size);
  take_bytes<HistogramEntry>(bytes, lengths);
  std::uint64_t cycles = 0;
  for (const HistogramEntry& entry : lengths) cycles += entry.count;
  if (rows_size != (budget_->keeps_rows() ? cycles : 0)) return false;

  for (const auto& [length, count] : lengths) {
    counts_[length] += count;
    states_ += length * count;
  }
  rows_.resize(rows_.size() + rows_size);
  take_bytes<CycleRow>(bytes, std::span(rows_).last(rows_size));
  report_rows();
  return true;
}

Histogram CycleTally::histogram() const {
  Histogram sorted;
  sorted.reserve(counts_.size());
  for (const auto& [length, count] : counts_) sorted.push_back({length, count});
  std::ranges::sort(sorted, {}, &HistogramEntry::length);
  return sorted;
}

Histogram merge_histograms(const Histogram& a, const Histogram& b) {
  Histogram merged;
  merged.reserve(a.size() + b.size());
  std::ranges::merge(a, b, std::back_inserter(merged), {}, &HistogramEntry::length,
                     &HistogramEntry::length);
  Histogram sum;
  for (const HistogramEntry& entry : merged) {
    if (!sum.empty() && sum.back().length == entry.length) {
      sum.back().count += entry.count;
    } else {
      sum.push_back(entry);
    }
  }
  return sum;
}

ExactHistogram to_exact(const Histogram& histogram) {
  ExactHistogram exact;
  exact.reserve(histogram.size());
  for (const auto& [length, count] : histogram) {
    exact.push_back({to_integer(length), to_integer(count)});
  }
  return exact;
}

std::optional<Histogram> to_words(const ExactHistogram& histogram) {
  Histogram words;
  words.reserve(histogram.size());
  for (const auto& [length, count] : histogram) {
    const auto short_length = to_word(length);
    const auto short_count = to_word(count);
    if (!short_length || !short_count) return std::nullopt;
    words.push_back({*short_length, *short_count});
  }
  return words;
}

HistogramSums sums_of(const ExactHistogram& histogram) {
  HistogramSums sums;
  for (const auto& [length, count] : histogram) {
    sums.states += length * count;
    sums.cycles += count;
  }
  return sums;
}

}  // namespace orbitmill
