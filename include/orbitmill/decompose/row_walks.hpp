/// 512 bit-sliced walks of one thread: their rows, and the way in and out.
///
/// A sliding history: steps append rows; when the buffer is full the last n rows move to its front.
/// States enter and leave as ordinary words, by transposition, in groups.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "orbitmill/kernel/row_kernel.hpp"

namespace orbitmill {

class RowWalks {
 public:
  explicit RowWalks(const Register& reg)
      : kernel_(row_kernel()),
        program_(make_row_program(reg)),
        rows_(front + program_.length + capacity + back),
        newest_(rows_.data() + front + program_.length - 1) {}
  RowWalks(const RowWalks&) = delete;
  RowWalks& operator=(const RowWalks&) = delete;

  const RowProgram& program() const noexcept { return program_; }
  const RowKernel& kernel() const noexcept { return kernel_; }
  unsigned length() const noexcept { return program_.length; }

  /// Rows that one advance() computes.
  static constexpr unsigned chunk = max_chunk_rows;

  /// `chunk` steps of every lane. Returns the first of the new rows.
  const LaneRow* advance() {
    LaneRow* const start = rows_.data() + front + program_.length;
    if (newest_ + 1 + chunk > start + capacity) {
      std::copy(newest_ + 1 - program_.length, newest_ + 1, start - program_.length);
      newest_ = start - 1;
    }
    LaneRow* const fresh = newest_ + 1;
    kernel_.generate(program_, fresh, chunk);
    newest_ += chunk;
    steps_ += chunk;
    return fresh;
  }
  /// Steps taken since construction by every lane.
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

  /// Puts lane l onto state first + l, for all of them, without transposition. Precondition: first
  /// is a multiple of 512.
  void enter_block(State first) {
    static constexpr std::array<std::uint64_t, 6> counter = {
        0xaaaa'aaaa'aaaa'aaaa, 0xcccc'cccc'cccc'cccc, 0xf0f0'f0f0'f0f0'f0f0,
        0xff00'ff00'ff00'ff00, 0xffff'0000'ffff'0000, 0xffff'ffff'0000'0000};
    const unsigned n = program_.length;
    for (unsigned digit = 0; digit < n; ++digit) {
      LaneRow& row = *(newest_ - (program_.forward ? n - 1 - digit : digit));
      if (digit < counter.size()) {
        row.word.fill(counter[digit]);
      } else if (digit < 9) {
        for (unsigned w = 0; w < row_words; ++w) {
          row.word[w] = (w >> (digit - 6) & 1) != 0 ? ~std::uint64_t{0} : 0;
        }
      } else {
        row.word.fill((first >> digit & 1) != 0 ? ~std::uint64_t{0} : 0);
      }
    }
  }

  /// The current states of all lanes, lane l at [l % 64].word[l / 64], as words in walking order.
  /// Valid until the next call.
  const std::array<LaneRow, 64>& leave() {
    std::copy(newest_ + 1 - program_.length, newest_ + 1, outgoing_.begin());
    std::fill(outgoing_.begin() + program_.length, outgoing_.end(), LaneRow{});
    kernel_.transpose(outgoing_.data());
    return outgoing_;
  }

  /// The rows of a state from the oldest on are the bits of this word from the lowest on.
  std::uint64_t in_walking_order(State state) const {
    return program_.forward ? state : reversed(state);
  }

 private:
  /// Rows that fit the first-level cache beside n of them.
  static constexpr unsigned capacity = 256;
  /// Room for what the kernels read too much: whole tiles at both ends.
  static constexpr unsigned front = 16;
  static constexpr unsigned back = 16;

  std::uint64_t reversed(std::uint64_t word) const {
    std::uint64_t result = 0;
    for (unsigned i = 0; i < program_.length; ++i) result = result << 1 | (word >> i & 1);
    return result;
  }

  const RowKernel& kernel_;
  RowProgram program_;
  std::vector<LaneRow> rows_;
  LaneRow* newest_;
  std::uint64_t steps_ = 0;
  std::array<LaneRow, 64> bridge_{};
  std::array<LaneRow, 64> outgoing_{};
  LaneRow placed_;
};

}  // namespace orbitmill
