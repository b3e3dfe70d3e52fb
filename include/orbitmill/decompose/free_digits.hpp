/// The digits of a milestone behind its zeros, read from the rows of many walks.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "orbitmill/kernel/row_kernel.hpp"
#include "orbitmill/kernel/word_stepper.hpp"

namespace orbitmill {

/// Reads the n-k-1 digits behind the zeros of a milestone, one bit of each. In fours, so that the
/// loop has few and always as many rounds: a wrong guess costs as much as ten digits.
class FreeDigits {
 public:
  FreeDigits(unsigned length, unsigned zeros, bool forward)
      : zeros_(zeros), forward_(forward), count_(length - zeros - 1), fours_((count_ + 3) / 4) {}

  /// Bytes that hold one bit of each.
  unsigned bytes() const noexcept { return (count_ + 7) / 8; }

  /// Bit i is digit i. `newest`: the row of the state's newest symbol.
  std::uint64_t read(const LaneRow* newest, unsigned lane) const {
    const unsigned word = lane / 64;
    const unsigned bit = lane % 64;
    // Rows in front of the state exist, those behind the newest need not.
    const LaneRow* row = forward_ ? newest - zeros_ - 1 : newest + 1 - fours_ * 4;
    const std::ptrdiff_t next = forward_ ? -1 : 1;
    // The lane's bits are rotated in where they stand, and put right once at the end.
    const std::uint64_t mask = std::uint64_t{1} << bit;
    std::uint64_t digits = 0;
    for (unsigned four = 0; four < fours_; ++four) {
      for (unsigned i = 0; i < 4; ++i, row += next) {
        digits = std::rotl(digits, 1) | (row->word[word] & mask);
      }
    }
    digits = std::rotr(digits, static_cast<int>(bit));
    return forward_ ? digits >> (4 * fours_ - count_) : digits & low_mask(count_);
  }

 private:
  unsigned zeros_;
  bool forward_;
  unsigned count_;  ///< n-k-1
  unsigned fours_;  ///< fours of digits that hold them
};

}  // namespace orbitmill
