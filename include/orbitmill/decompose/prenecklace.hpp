/// Prenecklaces in increasing order: the candidates of the leader sweep.
///
/// The n digits of a state, most significant first, are a word in the walking order of the inverse
/// step. If the state is a leader, no state within the next n-1 inverse steps is smaller, and the
/// state j steps on begins with the suffix of n-j digits: so every suffix of a leader is >= the
/// prefix of that length, that is, a leader is a prenecklace, whatever the feedback. About 2 q^n /
/// n words are. They are generated in increasing order in constant amortised time: raise the last
/// digit below q-1 and repeat the prefix that ends there (Fredricksen, Kessler, Maiorana; Ruskey,
/// Savage, Wang, "Generating necklaces", J. Algorithms 13, 1992).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>

#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// Prenecklaces over {0, 1} of length n <= 62 in the range [first, last) of integers.
class BinaryPrenecklaces {
 public:
  /// Cost O(n): moves up to the least prenecklace >= first.
  BinaryPrenecklaces(unsigned length, State first, State last);

  /// The next candidate, nothing when the range is used up.
  std::optional<State> next() {
    if (next_ >= last_) return std::nullopt;
    const State candidate = next_;
    period_ = next_period_;
    const auto ones = static_cast<unsigned>(std::countr_one(candidate));
    // The all-ones word is the last of all; 2^n ends every range.
    next_period_ = length_ - ones;
    next_ = ones >= length_ ? State{1} << length_
                            : repeat_prefix(((candidate >> ones) | 1) << ones, length_ - ones);
    return candidate;
  }

  /// Of the candidate returned last: the length of its longest prefix that is a Lyndon word (least
  /// and aperiodic among its rotations), which the candidate repeats. Prenecklaces of length n and
  /// Lyndon words of length <= n correspond one to one (Duval 1988).
  unsigned period() const noexcept { return period_; }

 private:
  /// Fills the digits below the leading `period` ones by repeating these.
  State repeat_prefix(State word, unsigned period) const {
    for (; period < length_; period *= 2) word |= word >> period;
    return word;
  }

  unsigned length_;
  State next_;
  State last_;
  unsigned next_period_ = 1;
  unsigned period_ = 1;
};

/// Prenecklaces over {0, ..., q-1}, as integers; the textbook form of the same. next() is O(n).
class DigitPrenecklaces {
 public:
  DigitPrenecklaces(unsigned length, unsigned order, State first, State last);
  std::optional<State> next();

 private:
  void repeat_prefix(unsigned period);

  unsigned length_;
  unsigned order_;
  State last_;
  bool exhausted_ = false;
  std::array<std::uint32_t, 64> digits_{};  ///< most significant first
};

}  // namespace orbitmill
