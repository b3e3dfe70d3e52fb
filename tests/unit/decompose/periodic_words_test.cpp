#include "orbitmill/decompose/periodic_words.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "oracle/bitmap_walk.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "support/random_register.hpp"

namespace {

using namespace orbitmill;

/// The longest zero run of a cycle of `period` states through `state`, counted around its end.
unsigned longest_zero_run(const Register& reg, State state, unsigned period) {
  unsigned longest = 0;
  unsigned run = 0;
  for (unsigned i = 0; i < 2 * period; ++i, state = reg.next(state)) {
    run = (state & 1) == 0 ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

TEST(PeriodicWords, FindTheCyclesOfABitmapWalk) {
  std::mt19937_64 random(21);
  PeriodicWords words;
  unsigned with_cycles = 0;
  for (unsigned i = 0; i < 150; ++i) {
    const auto pair = test::random_binary_register(random, 8 + i % 7);
    const Register reg(pair.spec);
    const RowProgram program = make_row_program(reg);
    const auto cycles =
        oracle::bitmap_walk(reg.state_count(), [&](State state) { return reg.next(state); });
    const unsigned zeros = 1 + static_cast<unsigned>(random() % 8);
    // Periods above n, too.
    for (unsigned period = 1; period <= 17; ++period) {
      std::uint64_t all = 0;
      std::uint64_t without_run = 0;
      for (const auto& [leader, length] : cycles) {
        if (length != period) continue;
        ++all;
        if (leader != 0 && longest_zero_run(reg, leader, period) < zeros) ++without_run;
      }
      EXPECT_EQ(words.any_cycle(program, period), all > 0)
          << print_anf(reg.feedback()) << ", length " << reg.length() << ", period " << period;
      EXPECT_EQ(words.count_cycles(program, period, zeros), without_run)
          << print_anf(reg.feedback()) << ", length " << reg.length() << ", period " << period;
      with_cycles += all > 0 ? 1 : 0;
    }
  }
  EXPECT_GT(with_cycles, 100U);
}

/// Every necklace of 20 digits is a cycle of the register that repeats its output after n = 20.
TEST(PeriodicWords, TryEveryWord) {
  RegisterSpec spec;
  spec.length = 20;
  spec.feedback.terms = {{1, {0}}};
  const RowProgram program = make_row_program(Register(spec));
  PeriodicWords words;
  // Lyndon words, OEIS A001037.
  const std::vector<std::pair<unsigned, std::uint64_t>> expected = {{1, 1}, {2, 1},   {4, 3},
                                                                    {5, 6}, {10, 99}, {20, 52377}};
  for (const auto& [period, count] : expected) {
    EXPECT_EQ(words.count_cycles(program, period, 63), count) << period;
  }
  for (const unsigned period : {3U, 6U, 7U, 19U}) {
    EXPECT_FALSE(words.any_cycle(program, period)) << period;
  }
  EXPECT_THROW(words.any_cycle(program, 0), InternalError);
  EXPECT_THROW(words.any_cycle(program, PeriodicWords::max_period + 1), InternalError);
}

}  // namespace
