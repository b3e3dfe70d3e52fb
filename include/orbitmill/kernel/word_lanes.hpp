/// Eight 64-bit words side by side, with the operations that the word kernel needs.
///
/// Four vectors of two words, the width that every x86-64 has (SSE2). One vector of eight words
/// would be shorter to write, but GCC 12 lowers wide vectors to scalar code in places, and the
/// kernel ran 4 times slower with it.
#pragma once

#include <array>
#include <cstdint>

namespace orbitmill {

class WordLanes {
 public:
  static constexpr unsigned count = 8;

  WordLanes() = default;

  std::uint64_t operator[](unsigned lane) const { return parts_[lane / 2][lane % 2]; }
  void set(unsigned lane, std::uint64_t word) { parts_[lane / 2][lane % 2] = word; }

  /// True when any bit of any lane is set.
  bool any() const {
    const Part all = (parts_[0] | parts_[1]) | (parts_[2] | parts_[3]);
    return (all[0] | all[1]) != 0;
  }

  WordLanes& operator^=(const WordLanes& other) {
    return apply(other, [](Part& a, const Part& b) { a ^= b; });
  }
  WordLanes& operator&=(const WordLanes& other) {
    return apply(other, [](Part& a, const Part& b) { a &= b; });
  }
  WordLanes& operator|=(const WordLanes& other) {
    return apply(other, [](Part& a, const Part& b) { a |= b; });
  }
  /// The same word or shift for all lanes.
  WordLanes& operator^=(std::uint64_t word) {
    return each([word](Part& part) { part ^= word; });
  }
  WordLanes& operator&=(std::uint64_t word) {
    return each([word](Part& part) { part &= word; });
  }
  WordLanes& operator<<=(unsigned shift) {
    return each([shift](Part& part) { part <<= shift; });
  }
  WordLanes& operator>>=(unsigned shift) {
    return each([shift](Part& part) { part >>= shift; });
  }
  WordLanes operator~() const {
    WordLanes result = *this;
    return result ^= ~std::uint64_t{0};
  }

  template <class Other>
  friend WordLanes operator^(WordLanes a, const Other& b) {
    return a ^= b;
  }
  template <class Other>
  friend WordLanes operator&(WordLanes a, const Other& b) {
    return a &= b;
  }
  friend WordLanes operator|(WordLanes a, const WordLanes& b) { return a |= b; }
  friend WordLanes operator<<(WordLanes a, unsigned shift) { return a <<= shift; }
  friend WordLanes operator>>(WordLanes a, unsigned shift) { return a >>= shift; }

 private:
  using Part = std::uint64_t __attribute__((vector_size(16)));

  template <class Operation>
  [[gnu::always_inline]] WordLanes& apply(const WordLanes& other, Operation operation) {
    for (unsigned i = 0; i < 4; ++i) operation(parts_[i], other.parts_[i]);
    return *this;
  }
  template <class Operation>
  [[gnu::always_inline]] WordLanes& each(Operation operation) {
    for (unsigned i = 0; i < 4; ++i) operation(parts_[i]);
    return *this;
  }

  Part parts_[4] = {};
};

}  // namespace orbitmill
