#include "orbitmill/algebra/polynomial.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <random>

#include "orbitmill/algebra/integer.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "support/slow_polynomial.hpp"

namespace {

using namespace orbitmill;
using test::Coefficients;

Register make_register(const test::FieldPair& pair, const ParsedRegister& parsed) {
  RegisterSpec spec;
  spec.field_order = pair.order;
  spec.modulus = pair.modulus;
  spec.length = parsed.length;
  spec.feedback = parsed.feedback;
  return Register(spec);
}

/// The least number of stages of a linear register that yields the sequence (Massey, 1969).
std::size_t linear_complexity(const Field& field, const std::vector<Element>& sequence) {
  std::vector<Element> connection{1}, previous{1};
  std::size_t length = 0;
  std::size_t gap = 1;
  Element previous_discrepancy = 1;
  for (std::size_t n = 0; n < sequence.size(); ++n) {
    Element discrepancy = 0;
    for (std::size_t i = 0; i < connection.size() && i <= n; ++i) {
      discrepancy = field.add(discrepancy, field.multiply(connection[i], sequence[n - i]));
    }
    if (discrepancy == 0) {
      ++gap;
      continue;
    }
    const std::vector<Element> before = connection;
    const Element scale =
        field.negate(field.multiply(discrepancy, field.inverse(previous_discrepancy)));
    connection.resize(std::max(connection.size(), previous.size() + gap));
    for (std::size_t i = 0; i < previous.size(); ++i) {
      connection[i + gap] = field.add(connection[i + gap], field.multiply(scale, previous[i]));
    }
    if (2 * length <= n) {
      length = n + 1 - length;
      previous = before;
      previous_discrepancy = discrepancy;
      gap = 1;
    } else {
      ++gap;
    }
  }
  return length;
}

TEST(Integer, ReadsAndWritesNumbersOfAnySize) {
  EXPECT_EQ(to_word(to_integer(~std::uint64_t{0})), ~std::uint64_t{0});
  EXPECT_EQ(to_word(power(2, 64)), std::nullopt);
  EXPECT_EQ(to_word(Integer(-1)), std::nullopt);
  EXPECT_EQ(power(2, 64) - 1, to_integer(~std::uint64_t{0}));
  EXPECT_EQ(power(7, 0), 1);
  EXPECT_EQ(parse_integer("340282366920938463463374607431768211456"), power(2, 128));
  EXPECT_EQ(parse_integer("007"), Integer(7));
  for (const char* text : {"", "-1", "+1", " 1", "1 ", "0x10", "1.0", "1e3"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(Polynomial, ProductAndFactorsAgreeWithSchoolbookArithmetic) {
  std::mt19937_64 random(1);
  for (const test::FieldPair& pair : test::field_pairs()) {
    const Field field = pair.fast();
    for (int trial = 0; trial < 150; ++trial) {
      const Coefficients slow = test::random_monic(random, pair.slow, 1 + random() % 24);
      const Coefficients other = test::random_monic(random, pair.slow, 1 + random() % 24);
      EXPECT_EQ(test::to_slow(multiply(test::to_fast(slow), test::to_fast(other), field)),
                test::slow_multiply(pair.slow, slow, other));

      const auto factors = factor(test::to_fast(slow), field);
      SCOPED_TRACE(fmt::format("GF({}) {}", pair.order, print_polynomial(test::to_fast(slow))));
      Coefficients product = {1};
      for (std::size_t i = 0; i < factors.size(); ++i) {
        const Coefficients found = test::to_slow(factors[i].factor);
        ASSERT_EQ(found.back(), 1U);
        ASSERT_GE(factors[i].multiplicity, 1U);
        for (std::uint32_t k = 0; k < factors[i].multiplicity; ++k) {
          product = test::slow_multiply(pair.slow, product, found);
        }
        if (test::longest_degree(pair.order, 5000) >= (found.size() - 1) / 2) {
          EXPECT_TRUE(test::slow_is_irreducible(pair.slow, found));
        }
        if (i == 0) continue;
        const Coefficients before = test::to_slow(factors[i - 1].factor);
        const bool ascending = before.size() != found.size()
                                   ? before.size() < found.size()
                                   : Coefficients(before.rbegin(), before.rend()) <
                                         Coefficients(found.rbegin(), found.rend());
        EXPECT_TRUE(ascending);
      }
      EXPECT_EQ(product, slow);
    }
  }
}

TEST(Polynomial, ZeroHasAProductAndAText) {
  const Field field(3);
  const Polynomial zero;
  EXPECT_TRUE(multiply(zero, Polynomial{{1, 2}}, field).is_zero());
  EXPECT_EQ(print_polynomial(zero), "0");
  EXPECT_EQ(print_polynomial({{1, 2, 0, 1}}), "x^3 + 2*x + 1");
  EXPECT_THROW(factor(zero, field), InternalError);
  EXPECT_THROW(factor(Polynomial{{1}}, field), InternalError);
  EXPECT_THROW(factor(Polynomial{{1, 2}}, field), InternalError);
}

TEST(Polynomial, TheTextOfTheCharacteristicPolynomialReadsBack) {
  std::mt19937_64 random(2);
  for (const test::FieldPair& pair : test::field_pairs()) {
    const Field field = pair.fast();
    for (int trial = 0; trial < 50; ++trial) {
      const Coefficients slow = test::random_monic(random, pair.slow, 1 + random() % 30);
      // x^n alone belongs to f = 0, which no notation accepts.
      if (std::count(slow.begin(), slow.end(), 0U) + 1 == std::ssize(slow)) continue;
      const Polynomial polynomial = test::to_fast(slow);
      const std::string text = print_polynomial(polynomial);
      const Register reg = make_register(pair, parse_polynomial(text, field));
      EXPECT_EQ(characteristic_polynomial(reg), polynomial) << text;
      EXPECT_EQ(print_polynomial(reg.feedback(), field, reg.length()), text);
    }
  }
  RegisterSpec product;
  product.length = 3;
  product.feedback.terms = {{1, {0}}, {1, {1, 2}}};
  EXPECT_THROW(characteristic_polynomial(Register(product)), JobError);
}

// All sequences satisfy the minimal polynomial, and one of them needs all of its degree.
TEST(Polynomial, TheMinimalPolynomialIsThatOfTheSequences) {
  std::mt19937_64 random(3);
  for (const test::FieldPair& pair : test::field_pairs()) {
    const Field field = pair.fast();
    for (int trial = 0; trial < 40; ++trial) {
      const std::size_t degree = 1 + random() % test::longest_degree(pair.order, 3000);
      const Polynomial wanted = test::to_fast(test::random_monic(random, pair.slow, degree));
      RegisterSpec spec;
      spec.field_order = pair.order;
      spec.modulus = pair.modulus;
      spec.length = static_cast<std::uint32_t>(degree);
      for (std::uint32_t i = 0; i < degree; ++i) {
        const Element c = field.negate(wanted.coefficients[i]);
        if (c != 0) spec.feedback.terms.push_back({c, {i}});
      }
      const bool affine = trial % 2 == 0;
      if (affine) {
        spec.feedback.terms.push_back({static_cast<Element>(1 + random() % (pair.order - 1)), {}});
      }
      if (spec.feedback.terms.empty()) continue;
      const Register reg(spec);
      const Polynomial minimal = minimal_polynomial(reg);
      EXPECT_EQ(minimal.degree(), degree + (affine ? 1 : 0));
      EXPECT_EQ(minimal.coefficients.back(), 1U);

      std::size_t greatest = 0;
      for (State start = 0; start < reg.state_count(); ++start) {
        std::vector<Element> sequence;
        State state = start;
        for (std::size_t i = 0; i < 2 * degree + 4; ++i, state = reg.next(state)) {
          sequence.push_back(static_cast<Element>(state % pair.order));
        }
        for (std::size_t i = 0; i + minimal.degree() < sequence.size(); ++i) {
          Element sum = 0;
          for (std::size_t j = 0; j <= minimal.degree(); ++j) {
            sum = field.add(sum, field.multiply(minimal.coefficients[j], sequence[i + j]));
          }
          ASSERT_EQ(sum, 0U) << print_anf(reg.feedback());
        }
        greatest = std::max(greatest, linear_complexity(field, sequence));
      }
      EXPECT_EQ(greatest, minimal.degree()) << print_anf(reg.feedback());
    }
  }
}

TEST(Polynomial, TheReciprocalHasTheInverseRoots) {
  std::mt19937_64 random(4);
  for (const test::FieldPair& pair : test::field_pairs()) {
    const Field field = pair.fast();
    for (int trial = 0; trial < 50; ++trial) {
      Coefficients slow = test::random_monic(random, pair.slow, 1 + random() % 20);
      slow.front() = 1 + random() % (pair.order - 1);
      const Polynomial polynomial = test::to_fast(slow);
      const Polynomial reversed = reciprocal(polynomial, field);
      ASSERT_EQ(reversed.degree(), polynomial.degree());
      EXPECT_EQ(reversed.coefficients.back(), 1U);
      const auto value = [&](const Polynomial& of, Element at) {
        Element sum = 0;
        for (std::size_t i = of.coefficients.size(); i-- > 0;) {
          sum = field.add(field.multiply(sum, at), of.coefficients[i]);
        }
        return sum;
      };
      for (Element a = 1; a < pair.order; ++a) {
        EXPECT_EQ(value(polynomial, a) == 0, value(reversed, field.inverse(a)) == 0);
      }
      EXPECT_EQ(reciprocal(reversed, field), polynomial);
    }
  }
  EXPECT_THROW(reciprocal(Polynomial{{0, 1}}, Field(2)), InternalError);
}

}  // namespace
