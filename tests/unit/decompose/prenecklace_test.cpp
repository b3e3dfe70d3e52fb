/// The generators against the definition: every suffix is >= the prefix of its length.
#include "orbitmill/decompose/prenecklace.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace orbitmill {
namespace {

bool is_prenecklace(State word, unsigned length, unsigned order) {
  std::vector<State> digits(length);
  for (unsigned i = length; i-- > 0; word /= order) digits[i] = word % order;
  for (unsigned suffix = 1; suffix < length; ++suffix) {
    for (unsigned i = suffix; i < length; ++i) {
      if (digits[i] > digits[i - suffix]) break;
      if (digits[i] < digits[i - suffix]) return false;
    }
  }
  return true;
}

template <class Generator>
std::vector<State> collect(Generator generator) {
  std::vector<State> words;
  while (const auto word = generator.next()) words.push_back(*word);
  return words;
}

State power(unsigned order, unsigned length) {
  State states = 1;
  for (unsigned i = 0; i < length; ++i) states *= order;
  return states;
}

TEST(Prenecklace, GeneratorsFollowTheDefinitionOnWholeAndRandomRanges) {
  std::mt19937_64 random(3);
  for (const unsigned order : {2u, 3u, 4u, 5u, 9u}) {
    for (unsigned length = 1; power(order, length) <= 20000; ++length) {
      const State states = power(order, length);
      for (int round = 0; round < 6; ++round) {
        State first = round == 0 ? 0 : random() % states;
        State last = round == 0 ? states : random() % (states + 1);
        if (first > last) std::swap(first, last);
        std::vector<State> expected;
        for (State word = first; word < last; ++word) {
          if (is_prenecklace(word, length, order)) expected.push_back(word);
        }
        EXPECT_EQ(collect(DigitPrenecklaces(length, order, first, last)), expected);
        if (order == 2) {
          EXPECT_EQ(collect(BinaryPrenecklaces(length, first, last)), expected);
        }
      }
    }
  }
}

TEST(Prenecklace, LargestLengthsEndWhereTheyShould) {
  // Length 62: the largest word is all ones, and the word below it that ends in 0 is 0111...1.
  const State all = (State{1} << 62) - 1;
  EXPECT_EQ(collect(BinaryPrenecklaces(62, all - 5, all + 1)), std::vector<State>{all});
  const std::vector<State> top = {(State{1} << 61) - 1, all};
  EXPECT_EQ(collect(BinaryPrenecklaces(62, (State{1} << 61) - 1, all + 1)), top);
  EXPECT_EQ(collect(DigitPrenecklaces(62, 2, (State{1} << 61) - 1, all + 1)), top);
}

}  // namespace
}  // namespace orbitmill
