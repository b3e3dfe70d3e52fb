/// Contraction while walking: chains of places that grow, join and close into cycles.
///
/// A permutation of places (states, or milestones with the states between them) is walked by lanes.
/// Each lane extends one chain: it began at a place of its own, its start, and goes on from place
/// to place. A place has one predecessor, so a lane that meets a visited place has met the start of
/// a chain: of another one, which takes over the walked part and its start, or of its own, which is
/// then a cycle. The lane is free for a new start. Nothing is left to contract in the end, and
/// memory is one entry a place.
///
/// New starts: of M places, with w lanes, about w ln(M / w) after the first w ones, for a random
/// permutation.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "orbitmill/error.hpp"

namespace orbitmill {

/// An entry belongs to each place. While the place is free it holds what the owner of the book
/// wrote there, below 2^(bits-1); afterwards the top bit and a mark. `Entry` is an unsigned type,
/// lanes < 2^(bits-1).
template <class Entry, unsigned lanes>
class ChainBook {
 public:
  /// Forgets everything; `places` free ones. The memory is used again.
  void reset(std::uint64_t places) {
    entries_.assign(places, 0);
    cursor_ = 0;
  }
  /// The same, and the entries are the caller's to fill, all of them.
  Entry* reset_unfilled(std::uint64_t places) {
    entries_.resize(places);
    cursor_ = 0;
    return entries_.data();
  }

  static bool is_free(Entry entry) { return (entry & taken) == 0; }

  /// Some place that nobody has visited, or nothing where there is none left.
  std::optional<std::uint64_t> free_place() {
    // Several entries at a time: all are looked at once in a walk, and mostly in vain.
    constexpr std::uint64_t block = sizeof(std::uint64_t) / sizeof(Entry);
    constexpr std::uint64_t all_taken =
        ~std::uint64_t{0} / static_cast<Entry>(~Entry{0}) * std::uint64_t{taken};
    const std::uint64_t places = entries_.size();
    while (cursor_ < places) {
      if (cursor_ % block == 0 && cursor_ + block <= places) {
        std::uint64_t several = 0;
        std::memcpy(&several, entries_.data() + cursor_, sizeof several);
        if ((several & all_taken) == all_taken) {
          cursor_ += block;
          continue;
        }
      }
      if (is_free(entries_[cursor_])) return cursor_;
      ++cursor_;
    }
    return std::nullopt;
  }

  /// A new chain; returns what the entry held. Precondition: `place` is free. `step`: the steps
  /// that the lanes have taken.
  Entry open(unsigned lane, std::uint64_t place, std::uint64_t step) {
    const Entry entry = entries_[place];
    entries_[place] = static_cast<Entry>(first_start + lane);
    start_[lane] = place;
    born_[lane] = step;
    return entry;
  }

  /// A lane has come to `place`; returns what the entry held. Where that is free the lane goes on,
  /// else meet() must be called.
  Entry visit(std::uint64_t place) { return visit(entries_.data(), place); }
  /// The same for loops that keep the address of the entries.
  static Entry visit(Entry* entries, std::uint64_t place) {
    const Entry entry = entries[place];
    if (is_free(entry)) entries[place] = inner;
    return entry;
  }

  /// The lane has come to the start of a chain after `step` steps, and its own chain ends: returns
  /// the length of the cycle that it closes, or 0 where it joins another chain. Throws
  /// InternalError where the walk is no permutation.
  std::uint64_t meet(unsigned lane, std::uint64_t place, std::uint64_t step) {
    const Entry mark = entries_[place];
    if (mark < first_start) {
      throw InternalError(
          "the walks do not form cycles: two of them end at the same state. This is a defect of "
          "orbitmill or of the machine; no result was written");
    }
    entries_[place] = inner;
    const auto owner = static_cast<unsigned>(mark - first_start);
    const std::uint64_t length = step - born_[lane];
    if (owner == lane) return length;
    // As if the owner had started where this lane did.
    born_[owner] -= length;
    start_[owner] = start_[lane];
    entries_[start_[owner]] = static_cast<Entry>(first_start + owner);
    return 0;
  }

 private:
  static constexpr Entry taken = static_cast<Entry>(Entry{1} << (8 * sizeof(Entry) - 1));
  static constexpr Entry inner = taken;
  static constexpr Entry first_start = taken + 1;  ///< + lane: the start of this lane's chain

  std::vector<Entry> entries_;
  std::uint64_t cursor_ = 0;  ///< no free place before it
  std::array<std::uint64_t, lanes> start_{};
  /// The step at which the chain would have begun had this lane walked it alone; modulo 2^64.
  std::array<std::uint64_t, lanes> born_{};
};

}  // namespace orbitmill
