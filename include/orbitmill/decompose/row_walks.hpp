/// 512 bit-sliced walks of one thread: their rows, and the way in and out.
///
/// A sliding history: steps append rows; when the buffer is full the last n rows move to its front.
/// States enter and leave as ordinary words, by transposition, in groups.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "orbitmill/kernel/row_kernel.hpp"

namespace orbitmill {

class RowWalks {
 public:
  explicit RowWalks(const Register& reg) : RowWalks() { reset(make_row_program(reg)); }
  /// Without a register: reset() comes first.
  RowWalks() : kernel_(row_kernel()) {}
  RowWalks(const RowWalks&) = delete;
  RowWalks& operator=(const RowWalks&) = delete;

  /// Another register; all lanes are on state 0. The memory is used again.
  void reset(RowProgram program) {
    program_ = std::move(program);
    rows_.resize(std::max<std::size_t>(rows_.size(), front + program_.length + capacity));
    newest_ = rows_.data() + front + program_.length - 1;
    std::fill(newest_ + 1 - program_.length, newest_ + 1, LaneRow{});
    steps_ = 0;
  }

  const RowProgram& program() const noexcept { return program_; }
  const RowKernel& kernel() const noexcept { return kernel_; }
  unsigned length() const noexcept { return program_.length; }

  /// Rows of one chunk.
  static constexpr unsigned chunk = max_chunk_rows;

  /// `chunk` steps of every lane: returns the place of the new rows, which the caller must fill at
  /// once by a kernel function that is given program().
  LaneRow* advance() {
    LaneRow* const start = rows_.data() + front + program_.length;
    if (newest_ + 1 + chunk > start + capacity) {
      std::copy(newest_ + 1 - program_.length, newest_ + 1, start - program_.length);
      newest_ = start - 1;
    }
    LaneRow* const fresh = newest_ + 1;
    newest_ += chunk;
    steps_ += chunk;
    return fresh;
  }
  /// Steps taken by every lane since reset().
  std::uint64_t steps() const noexcept { return steps_; }

  /// Puts lanes onto states: place() any number of lanes, then enter() once.
  void place(unsigned lane, State state) { place_word(lane, in_walking_order(state)); }
  void place_word(unsigned lane, std::uint64_t word) {
    bridge_[lane % 64].word[lane / 64] = word;
    placed_.set(lane);
  }
  void enter() {
    kernel_.transpose(bridge_.data());
    kernel_.merge(newest_ + 1 - program_.length, bridge_.data(), program_.length, placed_);
    bridge_.fill(LaneRow{});
    placed_ = LaneRow{};
  }
  /// enter() for words of all lanes, in seat order (seat_lane): faster.
  void enter_all(const std::uint64_t* words) {
    for (LaneRow& row : outgoing_) {
      std::copy_n(words, row_words, row.word.begin());
      words += row_words;
    }
    kernel_.transpose(outgoing_.data());
    std::copy_n(outgoing_.begin(), program_.length, newest_ + 1 - program_.length);
  }
  /// Words that cross the bridge together lie in the order of memory: seat s is the walk of this
  /// lane.
  static constexpr unsigned seat_lane(unsigned seat) {
    return 64 * (seat % row_words) + seat / row_words;
  }
  static constexpr unsigned lane_seat(unsigned lane) { return row_words * (lane % 64) + lane / 64; }

  /// Puts lane l onto state first + l, for all of them, without transposition. Precondition: first
  /// is a multiple of 512.
  void enter_block(State first) {
    const unsigned n = program_.length;
    for (unsigned digit = 0; digit < n; ++digit) {
      LaneRow& row = *(newest_ - (program_.forward ? n - 1 - digit : digit));
      if (digit < block_digits) {
        row = block_digit(digit);
      } else {
        row.word.fill((first >> digit & 1) != 0 ? ~std::uint64_t{0} : 0);
      }
    }
  }
  /// Digit `digit` < block_digits of the states of a block: that of the lane's number.
  static LaneRow block_digit(unsigned digit) {
    static constexpr std::array<std::uint64_t, 6> in_word = {
        0xaaaa'aaaa'aaaa'aaaa, 0xcccc'cccc'cccc'cccc, 0xf0f0'f0f0'f0f0'f0f0,
        0xff00'ff00'ff00'ff00, 0xffff'0000'ffff'0000, 0xffff'ffff'0000'0000};
    LaneRow row;
    for (unsigned w = 0; w < row_words; ++w) {
      row.word[w] = digit < in_word.size()                     ? in_word[digit]
                    : (w >> (digit - in_word.size()) & 1) != 0 ? ~std::uint64_t{0}
                                                               : 0;
    }
    return row;
  }
  static constexpr unsigned block_digits = 9;

  /// The current states of all lanes in seat order, as words in walking order; bit 63 marks the
  /// lanes that are not in `dead`. Valid until the next call. Precondition: n <= 62.
  const std::uint64_t* leave(const LaneRow& dead) {
    std::copy(newest_ + 1 - program_.length, newest_ + 1, outgoing_.begin());
    std::fill(outgoing_.begin() + program_.length, outgoing_.end() - 1, LaneRow{});
    for (unsigned w = 0; w < row_words; ++w) outgoing_[63].word[w] = ~dead.word[w];
    kernel_.transpose(outgoing_.data());
    return outgoing_.front().word.data();
  }

  /// The rows of a state from the oldest on are the bits of this word from the lowest on.
  std::uint64_t in_walking_order(State state) const {
    return program_.forward ? state : reversed(state);
  }

 private:
  /// Rows that fit the first-level cache beside n of them.
  static constexpr unsigned capacity = 256;
  /// Rows in front of the oldest state that may be read though they mean nothing: the digits of a
  /// milestone are read in fours (FreeDigits).
  static constexpr unsigned front = 4;

  std::uint64_t reversed(std::uint64_t word) const {
    // Bits within bytes, then the bytes: no loop, for walks that enter one by one.
    word = (word & 0x5555'5555'5555'5555) << 1 | (word >> 1 & 0x5555'5555'5555'5555);
    word = (word & 0x3333'3333'3333'3333) << 2 | (word >> 2 & 0x3333'3333'3333'3333);
    word = (word & 0x0f0f'0f0f'0f0f'0f0f) << 4 | (word >> 4 & 0x0f0f'0f0f'0f0f'0f0f);
    return __builtin_bswap64(word) >> (64 - program_.length);
  }

  const RowKernel& kernel_;
  RowProgram program_;
  std::vector<LaneRow> rows_;
  LaneRow* newest_ = nullptr;
  std::uint64_t steps_ = 0;
  std::array<LaneRow, 64> bridge_{};
  std::array<LaneRow, 64> outgoing_{};
  LaneRow placed_;
};

}  // namespace orbitmill
