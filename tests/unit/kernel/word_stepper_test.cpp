/// The word kernel against the textbook step, symbol by symbol.
#include "orbitmill/kernel/word_stepper.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support/random_register.hpp"

namespace orbitmill {
namespace {

/// Number of zeros at the most significant end of an n-digit word.
unsigned leading_zeros(State state, unsigned length) {
  unsigned zeros = 0;
  while (zeros < length && ((state >> (length - 1 - zeros)) & 1) == 0) ++zeros;
  return zeros;
}

void compare(const Register& reg, std::mt19937_64& random) {
  const WordStepper stepper(reg);
  const unsigned length = reg.length();
  const unsigned symbols = stepper.symbols();
  ASSERT_GE(symbols, 1u);
  ASSERT_LE(symbols + length, 64u);
  WordLanes states{};
  for (unsigned lane = 0; lane < WordLanes::count; ++lane) {
    // Half of the states begin with many zeros: the runs that the marks are about.
    states.set(lane,
               random() & low_mask(length) & (lane % 2 == 0 ? low_mask(length / 3) : ~State{0}));
  }
  const WordLanes windows = stepper.window(states);
  const WordLanes last = stepper.last_state(windows);
  const unsigned zeros = static_cast<unsigned>(random() % (length + 1));
  const WordLanes marks = stepper.zero_run_marks(windows, zeros);
  for (unsigned lane = 0; lane < WordLanes::count; ++lane) {
    const std::uint64_t window = stepper.window(states[lane]);
    EXPECT_EQ(window, windows[lane]);
    EXPECT_EQ(stepper.state_in(window, 0), states[lane]);
    State expected = states[lane];
    std::uint64_t expected_marks = 0;
    for (unsigned step = 1; step <= symbols; ++step) {
      expected = stepper.is_forward() ? reg.next(expected) : reg.prev(expected);
      ASSERT_EQ(stepper.state_in(window, step), expected);
      for (unsigned bit = 0; bit < symbols; ++bit) {
        if (stepper.step_of_mark(bit) == step && leading_zeros(expected, length) >= zeros) {
          expected_marks |= std::uint64_t{1} << bit;
        }
      }
    }
    EXPECT_EQ(last[lane], expected);
    EXPECT_EQ(marks[lane], expected_marks) << "zeros = " << zeros;
  }
}

TEST(WordStepper, AgreesWithTheTextbookStep) {
  std::mt19937_64 random(1);
  int backward = 0;
  for (int round = 0; round < 3000; ++round) {
    const auto [spec, slow] =
        test::random_register(random, test::test_fields()[0], State{1} << (1 + random() % 61));
    const Register reg(spec);
    SCOPED_TRACE(testing::Message() << "n = " << spec.length << ", round " << round);
    compare(reg, random);
    backward += WordStepper(reg).is_forward() ? 0 : 1;
  }
  EXPECT_GT(backward, 100);
}

TEST(WordStepper, TakesTheDirectionWithMoreSymbols) {
  const auto stepper = [](std::uint32_t length, std::vector<Term> terms) {
    return WordStepper(Register({2, "", length, {std::move(terms)}}));
  };
  const WordStepper low_taps = stepper(24, {{1, {0}}, {1, {2}}, {1, {5, 9}}});
  EXPECT_TRUE(low_taps.is_forward());
  EXPECT_EQ(low_taps.symbols(), 15u);
  const WordStepper high_taps = stepper(24, {{1, {0}}, {1, {20}}, {1, {19, 22}}});
  EXPECT_FALSE(high_taps.is_forward());
  EXPECT_EQ(high_taps.symbols(), 19u);
  EXPECT_EQ(stepper(62, {{1, {0}}}).symbols(), 2u);  // 64 bits bound the window
}

}  // namespace
}  // namespace orbitmill
