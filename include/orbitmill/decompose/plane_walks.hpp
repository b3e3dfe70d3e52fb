/// 512 bit-sliced walks of one thread over GF(3), GF(4) or GF(8): what row_walks.hpp is for GF(2).
///
/// The bridge: bit p i + b of a state's word is plane b of its digit i, p planes a
/// symbol. For q = 4 and 8 the integer is that word already. For q = 3 digits are turned into bits
/// four at a time, by a table, and may take two words (3^39 < 2^63); back, the word of a plane is
/// turned into the integer with these digits eight at a time: an element is a weighted sum of its
/// planes.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "orbitmill/kernel/row_kernel.hpp"

namespace orbitmill {

class PlaneWalks {
 public:
  /// Precondition: plane_program_covers(reg).
  explicit PlaneWalks(const Register& reg)
      : kernel_(row_kernel()),
        program_(make_plane_program(reg, front + reg.length() + capacity)),
        rows_(program_.planes * static_cast<std::size_t>(program_.stride)),
        newest_(rows_.data() + front + program_.length - 1),
        bridge_((program_.bits * program_.length + 63) / 64) {
    for (unsigned i = 0; i < 8; ++i) eight_digits_ *= program_.order;
    for (unsigned byte = 0; byte < 256; ++byte) {
      for (unsigned i = 8; i-- > 0;) {
        value_[byte] = value_[byte] * program_.order + (byte >> i & 1);
      }
    }
    for (unsigned digits = 0; digits < trits_.size(); ++digits) {
      for (unsigned i = 4, rest = digits; i-- > 0; rest %= power_of_3[i]) {
        const unsigned planes = program_.planes_of(rest / power_of_3[i]);
        trits_[digits] = static_cast<std::uint8_t>(trits_[digits] | planes << (2 * i));
      }
    }
  }
  PlaneWalks(const PlaneWalks&) = delete;
  PlaneWalks& operator=(const PlaneWalks&) = delete;

  const PlaneProgram& program() const noexcept { return program_; }
  const RowKernel& kernel() const noexcept { return kernel_; }

  /// Symbols of one chunk.
  static constexpr unsigned chunk = max_chunk_rows;

  /// `chunk` steps of every lane. Returns the place of the new symbols in column 0.
  LaneRow* advance() {
    LaneRow* const start = rows_.data() + front + program_.length;
    if (newest_ + 1 + chunk > start + capacity) {
      for (unsigned plane = 0; plane < program_.planes; ++plane) {
        const LaneRow* end = column(newest_ + 1, plane);
        std::copy(end - program_.length, end, column(start - program_.length, plane));
      }
      newest_ = start - 1;
    }
    LaneRow* const fresh = newest_ + 1;
    kernel_.generate_planes(program_, fresh, chunk);
    newest_ += chunk;
    steps_ += chunk;
    return fresh;
  }
  /// Steps taken since construction by every lane.
  std::uint64_t steps() const noexcept { return steps_; }

  /// The same place in the column of a plane.
  LaneRow* column(LaneRow* row, unsigned plane) const { return row + plane * program_.stride; }
  const LaneRow* column(const LaneRow* row, unsigned plane) const {
    return row + plane * program_.stride;
  }

  /// Puts lanes onto states: place() any number of lanes, then enter() once.
  void place(unsigned lane, State state) {
    if (program_.order == 3) {
      std::array<std::uint64_t, 2> words{};
      for (unsigned digit = 0; state != 0; digit += 4, state /= trits_.size()) {
        words[digit / 32] |= std::uint64_t{trits_[state % trits_.size()]} << (digit % 32 * 2);
      }
      for (std::size_t i = 0; i < bridge_.size(); ++i) put(bridge_[i], lane, words[i]);
    } else {
      put(bridge_.front(), lane, state);
    }
    placed_.set(lane);
  }
  void enter() {
    const unsigned n = program_.length;
    for (Block& block : bridge_) kernel_.transpose(block.data());
    std::array<LaneRow, most_stages> nonzero{};
    for (unsigned plane = 0; plane < program_.bits; ++plane) {
      std::array<LaneRow, most_stages> digits;
      for (unsigned i = 0; i < n; ++i) {
        const unsigned bit = program_.bits * i + plane;
        // From the oldest symbol on: x_0 walking forward, x_{n-1} backward.
        const unsigned place = program_.forward ? i : n - 1 - i;
        digits[place] = bridge_[bit / 64][bit % 64];
        for (unsigned w = 0; w < row_words; ++w) nonzero[place].word[w] |= digits[place].word[w];
      }
      kernel_.merge(column(newest_ + 1 - n, plane), digits.data(), n, placed_);
    }
    kernel_.merge(column(newest_ + 1 - n, program_.nonzero_plane), nonzero.data(), n, placed_);
    for (Block& block : bridge_) block.fill(LaneRow{});
    placed_ = LaneRow{};
  }

  /// The element in a lane of a symbol, given by its row in column 0.
  Element element(const LaneRow* row, unsigned lane) const {
    Element sum = 0;
    for (unsigned plane = 0; plane < program_.bits; ++plane) {
      sum += column(row, plane)->test(lane) ? weight(plane) : 0;
    }
    return sum;
  }
  /// The elements as a sum of planes: over GF(3) 2 is (1,1).
  unsigned weight(unsigned plane) const { return program_.order == 3 ? 1 : 1U << plane; }
  /// The integer whose digits to base q are the lowest 8 * `eights` bits of a word.
  std::uint64_t value_of_bits(std::uint64_t bits, unsigned eights) const {
    std::uint64_t value = 0;
    while (eights-- > 0) value = value * eight_digits_ + value_[bits >> (8 * eights) & 255];
    return value;
  }

 private:
  using Block = std::array<LaneRow, 64>;

  /// 3 or 4 columns fit the first-level cache beside each other.
  static constexpr unsigned capacity = 2 * chunk;
  /// As in RowWalks.
  static constexpr unsigned front = 8;
  /// 3^39 < 2^63.
  static constexpr unsigned most_stages = 39;
  static constexpr std::array<unsigned, 4> power_of_3 = {1, 3, 9, 27};

  static void put(Block& block, unsigned lane, std::uint64_t word) {
    block[lane % 64].word[lane / 64] = word;
  }

  const RowKernel& kernel_;
  PlaneProgram program_;
  std::vector<LaneRow> rows_;
  LaneRow* newest_;  ///< in column 0
  std::uint64_t steps_ = 0;
  std::vector<Block> bridge_;
  LaneRow placed_;
  std::uint64_t eight_digits_ = 1;          ///< q^8
  std::array<std::uint32_t, 256> value_{};  ///< of eight bits as digits to base q
  std::array<std::uint8_t, 81> trits_{};    ///< the planes of four digits to base 3
};

}  // namespace orbitmill
