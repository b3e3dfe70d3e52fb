#include "orbitmill/decompose/cycle_tally.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "orbitmill/error.hpp"

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
