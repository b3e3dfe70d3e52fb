/// A range of indices in one 64-bit word, taken from without locks.
///
/// The word is first << 32 | last, and 0 when empty. It says everything about the range, so taking
/// a batch is one compare-and-swap, and an old value seen again is harmless: if the word is what we
/// read, the range is what we read.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace orbitmill {

/// Indices [first, last), last <= 2^32 - 1.
struct Interval {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  constexpr std::uint64_t size() const noexcept { return last - first; }
  constexpr bool empty() const noexcept { return first >= last; }
  friend bool operator==(const Interval&, const Interval&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& first& last;
  }
};

constexpr std::uint64_t pack(Interval interval) {
  return interval.first >= interval.last ? 0 : interval.first << 32 | interval.last;
}

constexpr Interval unpack(std::uint64_t word) {
  return {word >> 32, word & 0xffff'ffff};
}

/// The `part` of `parts` equal parts of [0, count): sizes differ by at most one.
constexpr Interval equal_part(std::uint64_t count, std::uint64_t part, std::uint64_t parts) {
  const auto cut = [&](std::uint64_t i) { return count / parts * i + std::min(count % parts, i); };
  return {cut(part), cut(part + 1)};
}

/// Takes up to `wanted` >= 1 indices from the front of the range in `word`; empty when none is
/// left. Any number of threads at once.
template <class AtomicWord>
Interval take_front(AtomicWord&& word, std::uint64_t wanted) {
  std::uint64_t seen = word.load(std::memory_order_relaxed);
  for (;;) {
    const Interval all = unpack(seen);
    if (all.empty()) return {};
    const Interval taken{all.first, all.first + std::min(wanted, all.size())};
    // The word guards no other data: a batch is a pair of numbers, so relaxed order suffices.
    if (word.compare_exchange_weak(seen, pack({taken.last, all.last}), std::memory_order_relaxed)) {
      return taken;
    }
  }
}

/// The half that a thief takes: the back, rounded up, so that the last index can be taken too.
constexpr Interval back_half(Interval all) {
  return {all.last - (all.size() + 1) / 2, all.last};
}

/// What is left when `back_half` is gone.
constexpr Interval front_half(Interval all) {
  return {all.first, back_half(all).first};
}

/// Takes the back half of the range in `word`; empty when nothing is there. Any number of threads.
template <class AtomicWord>
Interval take_back_half(AtomicWord&& word) {
  std::uint64_t seen = word.load(std::memory_order_relaxed);
  for (;;) {
    const Interval all = unpack(seen);
    if (all.empty()) return {};
    if (word.compare_exchange_weak(seen, pack(front_half(all)), std::memory_order_relaxed)) {
      return back_half(all);
    }
  }
}

/// Puts `interval` into an empty word. False, and no change, when the word is not empty.
template <class AtomicWord>
bool put_if_empty(AtomicWord&& word, Interval interval) {
  std::uint64_t empty = 0;
  return word.compare_exchange_strong(empty, pack(interval), std::memory_order_relaxed);
}

}  // namespace orbitmill
