/// The recurrence on rows against the textbook step, and its division into far and near terms.
#include "orbitmill/kernel/row_program.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "orbitmill/error.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

std::vector<std::vector<unsigned>> factors_of(const RowTerms& terms) {
  std::vector<std::vector<unsigned>> all;
  for (const unsigned distance : terms.linear) all.push_back({distance});
  for (std::size_t i = 0; i < terms.pairs.size(); i += 2) {
    all.push_back({terms.pairs[i], terms.pairs[i + 1]});
  }
  auto next = terms.product_factors.begin();
  for (const unsigned degree : terms.product_degrees) {
    EXPECT_GT(degree, 2u);
    all.emplace_back(next, next + degree);
    next += degree;
  }
  EXPECT_EQ(next, terms.product_factors.end());
  return all;
}

unsigned least_of(const std::vector<std::vector<unsigned>>& terms) {
  unsigned least = ~0U;
  for (const auto& factors : terms) least = std::min(least, *std::ranges::min_element(factors));
  return least;
}

/// The least distance of one direction, straight from the definition in the header.
unsigned least_distance(const Register& reg, bool forward) {
  unsigned least = reg.length();
  for (const Term& term : reg.feedback().terms) {
    for (const std::uint32_t stage : term.stages) {
      if (stage != 0) least = std::min(least, forward ? reg.length() - stage : stage);
    }
  }
  return least;
}

TEST(RowProgram, IsTheStepOrItsInverse) {
  std::mt19937_64 random(1);
  int forward = 0;
  int with_near = 0;
  for (int round = 0; round < 3000; ++round) {
    const unsigned length = 8 + static_cast<unsigned>(random() % 55);
    const Register reg(test::random_binary_register(random, length).spec);
    const RowProgram program = make_row_program(reg);
    SCOPED_TRACE(testing::Message() << "round " << round << ", n = " << length);
    ASSERT_EQ(program.length, length);
    const auto far = factors_of(program.far);
    const auto near = factors_of(program.near);

    // The direction with more room, and no row needed before it is there.
    EXPECT_EQ(program.forward, least_distance(reg, true) >= least_distance(reg, false));
    EXPECT_GE(least_of(far), RowProgram::tile_rows);
    EXPECT_EQ(program.has_near_terms(), !near.empty());
    for (const auto& factors : near) EXPECT_LT(least_of({factors}), RowProgram::tile_rows);
    if (!near.empty()) {
      EXPECT_TRUE(program.near_rows == 1 || program.near_rows == 2 || program.near_rows == 4);
      EXPECT_LE(program.near_rows, least_of(near));
    }
    forward += program.forward ? 1 : 0;
    with_near += near.empty() ? 0 : 1;

    for (int sample = 0; sample < 20; ++sample) {
      const State state = random() % reg.state_count();
      // The row at distance d holds x_{n-d} forward, and x_{d-1} backward.
      const auto row = [&](unsigned distance) {
        return (state >> (program.forward ? length - distance : distance - 1) & 1) != 0;
      };
      bool sum = program.complemented;
      for (const auto* terms : {&far, &near}) {
        for (const auto& factors : *terms) sum ^= std::ranges::all_of(factors, row);
      }
      const State newest = program.forward ? reg.next(state) >> (length - 1) : reg.prev(state) & 1;
      ASSERT_EQ(sum, newest != 0) << "state " << state;
    }
  }
  EXPECT_GT(forward, 500);
  EXPECT_LT(forward, 2500);
  EXPECT_GT(with_near, 500);
  EXPECT_LT(with_near, 2900);
}

TEST(RowProgram, RefusesWhatItDoesNotCover) {
  const auto program = [](std::uint64_t order, unsigned length, std::vector<Term> terms) {
    return make_row_program(Register({order, "", length, {std::move(terms)}}));
  };
  EXPECT_EQ(program(2, 8, {{1, {0}}}).length, 8u);
  EXPECT_EQ(program(2, 62, {{1, {0}}}).length, 62u);
  EXPECT_THROW(program(2, 7, {{1, {0}}}), InternalError);
  EXPECT_THROW(program(2, 63, {{1, {0}}}), InternalError);
  EXPECT_THROW(program(2, 8, {{1, {1}}}), InternalError);
  EXPECT_THROW(program(3, 8, {{1, {0}}}), InternalError);
}

}  // namespace
}  // namespace orbitmill
