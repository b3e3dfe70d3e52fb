/// Cycles counted by length, in a small sorted table that is used again.
#pragma once

#include <algorithm>
#include <cstdint>

#include "orbitmill/decompose/decomposition.hpp"

namespace orbitmill {

class LengthCounts {
 public:
  void clear() {
    entries_.clear();
    states_ = 0;
  }
  /// O(log k) for k lengths, O(k) for a new one: the k lengths of q^n states are few, for their sum
  /// is at most q^n.
  void add(std::uint64_t length, std::uint64_t count = 1) {
    states_ += length * count;
    const auto at = std::ranges::lower_bound(entries_, length, {}, &HistogramEntry::length);
    if (at != entries_.end() && at->length == length) {
      at->count += count;
    } else {
      entries_.insert(at, {length, count});
    }
  }
  /// Sum of the lengths.
  std::uint64_t states() const noexcept { return states_; }
  const Histogram& histogram() const noexcept { return entries_; }

 private:
  Histogram entries_;
  std::uint64_t states_ = 0;
};

}  // namespace orbitmill
