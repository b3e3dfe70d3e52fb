#include "orbitmill/algebra/polynomial_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "orbitmill/register/notation.hpp"
#include "support/slow_polynomial.hpp"

namespace {

using namespace orbitmill;
using test::Coefficients;

TEST(PolynomialOrder, AgreesWithStepping) {
  std::mt19937_64 random(1);
  for (const test::FieldPair& pair : test::field_pairs()) {
    const Field field = pair.fast();
    for (int trial = 0; trial < 150; ++trial) {
      const std::size_t degree = 1 + random() % test::longest_degree(pair.order, 1 << 14);
      const Coefficients slow = test::random_monic(random, pair.slow, degree);
      const PolynomialAnalysis analysis = analyse(test::to_fast(slow), field);
      SCOPED_TRACE(print_polynomial(analysis.polynomial));
      ASSERT_EQ(test::to_slow(analysis.polynomial), slow);

      const auto prime_to_x = std::ranges::find_if(slow, [](auto c) { return c != 0; });
      EXPECT_EQ(analysis.order,
                to_integer(test::slow_order(pair.slow, Coefficients(prime_to_x, slow.end()))));
      for (const FactorOrder& entry : analysis.factors) {
        const Coefficients factor = test::to_slow(entry.factor);
        if (factor == Coefficients{0, 1}) {
          EXPECT_EQ(entry.order, 0);
          EXPECT_FALSE(entry.primitive);
          EXPECT_EQ(entry.multiplicity, prime_to_x - slow.begin());
          continue;
        }
        EXPECT_EQ(entry.order, to_integer(test::slow_order(pair.slow, factor)));
        EXPECT_EQ(entry.primitive,
                  entry.order == power(to_integer(pair.order), factor.size() - 1) - 1);
      }
      EXPECT_EQ(analysis.irreducible, test::slow_is_irreducible(pair.slow, slow));
      EXPECT_EQ(analysis.primitive,
                analysis.irreducible &&
                    analysis.order == power(to_integer(pair.order), degree) - 1 &&
                    slow.front() != 0);
    }
  }
}

TEST(PolynomialOrder, PowersOfXAlone) {
  const PolynomialAnalysis cube = analyse(Polynomial{{0, 0, 0, 1}}, Field(5));
  EXPECT_EQ(cube.order, 1);
  EXPECT_FALSE(cube.irreducible);
  const PolynomialAnalysis x = analyse(Polynomial{{0, 1}}, Field(2));
  EXPECT_TRUE(x.irreducible);
  EXPECT_FALSE(x.primitive);
}

// Primitive trinomials: N. Zierler, "Primitive trinomials whose degree is a Mersenne exponent",
// Information and Control 15 (1969), which has these for 521, 607 and 1279.
TEST(PolynomialOrder, PrimitiveTrinomialsOfMersenneDegree) {
  const Field field(2);
  const std::pair<std::uint32_t, std::uint32_t> trinomials[] = {{521, 32}, {607, 105}, {1279, 216}};
  for (const auto& [degree, middle] : trinomials) {
    Polynomial polynomial{std::vector<Element>(degree + 1)};
    for (const std::uint32_t i : {0U, middle, degree}) polynomial.coefficients[i] = 1;
    const PolynomialAnalysis analysis = analyse(polynomial, field);
    EXPECT_TRUE(analysis.primitive) << degree;
    EXPECT_EQ(analysis.order, power(2, degree) - 1);
  }
}

// (x^d - 1)^(p^k) has order d p^k, whatever the factors of x^d - 1 are.
TEST(PolynomialOrder, RepeatedFactorsOfHighDegree) {
  for (const std::uint64_t q : {2U, 3U, 4U, 9U}) {
    const Field field(q);
    for (const std::uint32_t d : {35U, 91U}) {
      std::uint64_t repeat = 1;
      for (int k = 0; k < 4; ++k, repeat *= field.characteristic()) {
        Polynomial polynomial{std::vector<Element>(d * repeat + 1)};
        polynomial.coefficients.front() = field.negate(1);
        polynomial.coefficients.back() = 1;
        const PolynomialAnalysis analysis = analyse(polynomial, field);
        EXPECT_EQ(analysis.order, to_integer(d * repeat));
        for (const FactorOrder& entry : analysis.factors) {
          EXPECT_EQ(entry.multiplicity, repeat);
          EXPECT_EQ(d % entry.order.get_ui(), 0U);
        }
      }
    }
  }
}

}  // namespace
