#include "orbitmill/decompose/periodic_words.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>

#include "orbitmill/decompose/prenecklace.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// The Lyndon words of one length, 512 to a block, a row for each digit.
struct LyndonRows {
  std::vector<LaneRow> rows;
  std::uint64_t words = 0;
};

LyndonRows make_lyndon_rows(unsigned period) {
  LyndonRows result;
  BinaryPrenecklaces words(period, 0, State{1} << period);
  while (const auto word = words.next()) {
    if (words.period() != period) continue;
    const auto lane = static_cast<unsigned>(result.words++ % row_lanes);
    if (lane == 0) result.rows.resize(result.rows.size() + period);
    LaneRow* const digits = result.rows.data() + result.rows.size() - period;
    for (unsigned i = 0; i < period; ++i) {
      if ((*word >> (period - 1 - i) & 1) != 0) digits[i].set(lane);
    }
  }
  return result;
}

/// Made when first asked for, for all threads.
const LyndonRows& lyndon_rows(unsigned period) {
  static std::array<LyndonRows, PeriodicWords::max_period + 1> all;
  static std::array<std::once_flag, PeriodicWords::max_period + 1> made;
  if (period < 1 || period > PeriodicWords::max_period) {
    throw InternalError("periodic words are tried up to a length that the caller knows");
  }
  std::call_once(made[period], [period] { all[period] = make_lyndon_rows(period); });
  return all[period];
}

/// The first lanes, as many as there are words from this block on.
LaneRow lanes_of_block(const LyndonRows& words, std::uint64_t block) {
  const std::uint64_t left = words.words - block * row_lanes;
  LaneRow lanes;
  for (unsigned w = 0; w < row_words && 64 * w < left; ++w) {
    lanes.word[w] =
        left - 64 * w >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (left - 64 * w)) - 1;
  }
  return lanes;
}

/// A Lyndon word begins with its longest zero run, also counted around its end.
unsigned leading_zeros(const LaneRow* digits, unsigned period, unsigned lane) {
  unsigned zeros = 0;
  while (zeros < period && !digits[zeros].test(lane)) ++zeros;
  return zeros;
}

}  // namespace

LaneRow PeriodicWords::cycles_among(const RowProgram& program, unsigned period,
                                    const LaneRow* digits, LaneRow lanes) {
  constexpr unsigned tile = RowProgram::tile_rows;
  const unsigned n = program.length;
  rows_.resize(std::max<std::size_t>(rows_.size(), n + period + tile));
  for (unsigned have = 0; have < n; have += period) {
    std::copy_n(digits, std::min(period, n - have), rows_.begin() + have);
  }
  unsigned expected = n % period;
  // Any p rows in a row make the whole sequence; what a tile has beyond them holds, too.
  for (unsigned checked = 0; checked < period && lanes.any(); checked += tile) {
    LaneRow* const fresh = rows_.data() + n + checked;
    kernel_.generate(program, fresh, tile);
    for (unsigned r = 0; r < tile; ++r) {
      for (unsigned w = 0; w < row_words; ++w) {
        lanes.word[w] &= ~(fresh[r].word[w] ^ digits[expected].word[w]);
      }
      expected = expected + 1 == period ? 0 : expected + 1;
    }
  }
  return lanes;
}

bool PeriodicWords::any_cycle(const RowProgram& program, unsigned period) {
  const LyndonRows& words = lyndon_rows(period);
  for (std::uint64_t block = 0; block * row_lanes < words.words; ++block) {
    const LaneRow* const digits = words.rows.data() + block * period;
    if (cycles_among(program, period, digits, lanes_of_block(words, block)).any()) return true;
  }
  return false;
}

std::uint64_t PeriodicWords::count_cycles(const RowProgram& program, unsigned period,
                                          unsigned zeros) {
  const LyndonRows& words = lyndon_rows(period);
  std::uint64_t count = 0;
  for (std::uint64_t block = 0; block * row_lanes < words.words; ++block) {
    const LaneRow* const digits = words.rows.data() + block * period;
    const LaneRow found = cycles_among(program, period, digits, lanes_of_block(words, block));
    for (unsigned w = 0; w < row_words; ++w) {
      for (std::uint64_t bits = found.word[w]; bits != 0; bits &= bits - 1) {
        const unsigned lane = 64 * w + static_cast<unsigned>(std::countr_zero(bits));
        const unsigned run = leading_zeros(digits, period, lane);
        // The word 0 is one endless run.
        if (run < zeros && run < period) ++count;
      }
    }
  }
  return count;
}

}  // namespace orbitmill
