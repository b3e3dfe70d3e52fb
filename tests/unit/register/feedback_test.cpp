#include "orbitmill/register/feedback.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "random_register.hpp"

namespace orbitmill {
namespace {

using testing::Random;

TEST(Feedback, SortsLinearTermsThenProductsThenTheConstant) {
  Feedback feedback{
      {{1, {}}, {1, {4, 0, 2}}, {1, {5}}, {1, {3, 1}}, {1, {0, 9}}, {1, {0}}, {1, {1, 2}}}};
  feedback.sort_terms();
  const Feedback expected{
      {{1, {0}}, {1, {5}}, {1, {0, 9}}, {1, {1, 2}}, {1, {1, 3}}, {1, {0, 2, 4}}, {1, {}}}};
  EXPECT_EQ(feedback, expected);
}

TEST(Feedback, SortingForgetsTheOrderOfWriting) {
  Random random(11);
  for (int i = 0; i < 500; ++i) {
    // random_anf builds the canonical order in a way of its own.
    const Feedback expected =
        testing::random_anf(random, 1 + static_cast<std::uint32_t>(random() % 9));
    Feedback shuffled = expected;
    std::shuffle(shuffled.terms.begin(), shuffled.terms.end(), random);
    for (Term& term : shuffled.terms) {
      std::shuffle(term.stages.begin(), term.stages.end(), random);
    }
    shuffled.sort_terms();
    EXPECT_EQ(shuffled, expected);
  }
}

TEST(Feedback, AnswersAgreeWithCounting) {
  Random random(12);
  for (int i = 0; i < 2000; ++i) {
    const auto n = 1 + static_cast<std::uint32_t>(random() % 12);
    const Feedback feedback =
        i % 2 == 0 ? testing::random_anf(random, n) : testing::random_affine(random, 7, n);
    std::vector<Element> linear(n + 2, 0);
    Element constant = 0;
    std::size_t products = 0;
    std::size_t products_with_x0 = 0;
    for (const Term& term : feedback.terms) {
      if (term.stages.empty()) constant = term.coefficient;
      if (term.stages.size() == 1) linear[term.stages[0]] = term.coefficient;
      if (term.stages.size() < 2) continue;
      ++products;
      const bool has_x0 = std::count(term.stages.begin(), term.stages.end(), 0U) > 0;
      products_with_x0 += has_x0 ? 1 : 0;
    }
    EXPECT_EQ(feedback.is_affine(), products == 0);
    EXPECT_EQ(feedback.is_linear(), products == 0 && constant == 0);
    EXPECT_EQ(feedback.constant(), constant);
    EXPECT_EQ(feedback.is_nonsingular(), linear[0] != 0 && products_with_x0 == 0);
    for (std::uint32_t stage = 0; stage < linear.size(); ++stage) {
      EXPECT_EQ(feedback.linear_coefficient(stage), linear[stage]) << stage;
    }
  }
}

TEST(Feedback, WithoutTermsIsTheZeroFunction) {
  const Feedback zero;
  EXPECT_TRUE(zero.is_linear());
  EXPECT_TRUE(zero.is_affine());
  EXPECT_FALSE(zero.is_nonsingular());
  EXPECT_EQ(zero.constant(), 0U);
  EXPECT_EQ(zero.linear_coefficient(0), 0U);
}

TEST(Feedback, X0InsideAProductIsSingular) {
  EXPECT_TRUE((Feedback{{{1, {0}}, {1, {1, 2}}}}).is_nonsingular());
  EXPECT_FALSE((Feedback{{{1, {0}}, {1, {0, 2}}}}).is_nonsingular());
  EXPECT_FALSE((Feedback{{{1, {1}}, {1, {0, 2}}}}).is_nonsingular());
}

}  // namespace
}  // namespace orbitmill
