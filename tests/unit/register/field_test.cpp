// Field against schoolbook polynomial arithmetic on digit vectors, with moduli written down here.
#include "orbitmill/register/field.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "orbitmill/error.hpp"
#include "random_register.hpp"

namespace orbitmill {
namespace {

using testing::Random;
using Digits = std::vector<std::uint32_t>;

struct KnownField {
  std::uint32_t q;
  std::uint32_t p;
  std::string modulus;
  Digits modulus_digits;  ///< coefficients of x^0, ..., x^m; {0, 1} for a prime field
};

// Conway polynomials: F. Luebeck, http://www.math.rwth-aachen.de/~Frank.Luebeck/data/ConwayPol
const std::vector<KnownField> known_fields{
    {2, 2, "", {0, 1}},
    {3, 3, "", {0, 1}},
    {4, 2, "x^2 + x + 1", {1, 1, 1}},
    {5, 5, "", {0, 1}},
    {7, 7, "", {0, 1}},
    {8, 2, "x^3 + x + 1", {1, 1, 0, 1}},
    {9, 3, "x^2 + 2*x + 2", {2, 2, 1}},
    {16, 2, "x^4 + x + 1", {1, 1, 0, 0, 1}},
    {25, 5, "x^2 + 4*x + 2", {2, 4, 1}},
    {27, 3, "x^3 + 2*x + 1", {1, 2, 0, 1}},
    {49, 7, "x^2 + 6*x + 3", {3, 6, 1}},
    {121, 11, "x^2 + 7*x + 2", {2, 7, 1}},
    {125, 5, "x^3 + 3*x + 3", {3, 3, 0, 1}},
    {243, 3, "x^5 + 2*x + 1", {1, 2, 0, 0, 0, 1}},
    {256, 2, "x^8 + x^4 + x^3 + x^2 + 1", {1, 0, 1, 1, 1, 0, 0, 0, 1}},
    {59049, 3, "x^10 + 2*x^6 + 2*x^5 + 2*x^4 + x + 2", {2, 1, 0, 0, 2, 2, 2, 0, 0, 0, 1}},
    {65521, 65521, "", {0, 1}},
    {65536, 2, "x^16 + x^5 + x^3 + x^2 + 1", {1, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
};

/// GF(p)[x] modulo a monic polynomial, as one learns it.
class SchoolbookField {
 public:
  SchoolbookField(std::uint32_t p, Digits modulus) : p_(p), modulus_(std::move(modulus)) {}

  std::uint32_t add(std::uint32_t a, std::uint32_t b) const {
    Digits x = digits(a);
    const Digits y = digits(b);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = (x[i] + y[i]) % p_;
    return integer(x);
  }
  std::uint32_t multiply(std::uint32_t a, std::uint32_t b) const {
    const std::size_t m = modulus_.size() - 1;
    const Digits x = digits(a);
    const Digits y = digits(b);
    std::vector<std::uint64_t> product(2 * m, 0);
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < m; ++j) {
        product[i + j] = (product[i + j] + std::uint64_t{x[i]} * y[j]) % p_;
      }
    }
    for (std::size_t i = product.size() - 1; i >= m; --i) {
      for (std::size_t j = 0; j < m; ++j) {
        product[i - m + j] = (product[i - m + j] + product[i] * (p_ - modulus_[j])) % p_;
      }
    }
    return integer({product.begin(), product.begin() + static_cast<std::ptrdiff_t>(m)});
  }

 private:
  Digits digits(std::uint32_t a) const {
    Digits result(modulus_.size() - 1);
    for (std::uint32_t& digit : result) {
      digit = a % p_;
      a /= p_;
    }
    return result;
  }
  std::uint32_t integer(const Digits& digits) const {
    std::uint32_t a = 0;
    for (auto it = digits.rbegin(); it != digits.rend(); ++it) a = a * p_ + *it;
    return a;
  }

  std::uint32_t p_;
  Digits modulus_;
};

void expect_agreement(const Field& field, const SchoolbookField& expected, Element a, Element b) {
  ASSERT_EQ(field.add(a, b), expected.add(a, b)) << a << " + " << b;
  ASSERT_EQ(field.multiply(a, b), expected.multiply(a, b)) << a << " * " << b;
  ASSERT_EQ(expected.add(field.subtract(a, b), b), a) << a << " - " << b;
  ASSERT_EQ(expected.add(field.negate(a), a), 0U) << "-" << a;
  if (a != 0) {
    ASSERT_EQ(expected.multiply(field.inverse(a), a), 1U) << "1/" << a;
  }
}

void expect_agreement_everywhere(const Field& field, const SchoolbookField& expected) {
  const std::uint32_t q = field.order();
  if (q <= 64) {
    for (Element a = 0; a < q; ++a) {
      for (Element b = 0; b < q; ++b) expect_agreement(field, expected, a, b);
    }
    return;
  }
  Random random(q);
  for (int i = 0; i < 4000; ++i) {
    const Element a = testing::corner_below(random, q);
    expect_agreement(field, expected, a, testing::corner_below(random, q));
  }
}

std::string message_of(std::uint64_t order, const std::string& modulus = {}) {
  try {
    Field field(order, modulus);
  } catch (const JobError& error) {
    return error.what();
  }
  return "no JobError";
}

TEST(Field, AgreesWithSchoolbookArithmetic) {
  for (const KnownField& known : known_fields) {
    SCOPED_TRACE("GF(" + std::to_string(known.q) + ")");
    const Field field(known.q);
    EXPECT_EQ(field.order(), known.q);
    EXPECT_EQ(field.characteristic(), known.p);
    EXPECT_EQ(field.degree(), known.modulus_digits.size() - 1);
    EXPECT_EQ(field.is_prime(), known.q == known.p);
    EXPECT_EQ(field.modulus(), known.modulus);
    expect_agreement_everywhere(field, SchoolbookField(known.p, known.modulus_digits));
  }
}

TEST(Field, ObeysTheAxioms) {
  for (const KnownField& known : known_fields) {
    SCOPED_TRACE("GF(" + std::to_string(known.q) + ")");
    const Field field(known.q);
    Random random(known.q + 1);
    for (int i = 0; i < 500; ++i) {
      const Element a = testing::corner_below(random, known.q);
      const Element b = testing::corner_below(random, known.q);
      const Element c = testing::corner_below(random, known.q);
      EXPECT_EQ(field.add(a, b), field.add(b, a));
      EXPECT_EQ(field.add(field.add(a, b), c), field.add(a, field.add(b, c)));
      EXPECT_EQ(field.multiply(a, b), field.multiply(b, a));
      EXPECT_EQ(field.multiply(field.multiply(a, b), c), field.multiply(a, field.multiply(b, c)));
      EXPECT_EQ(field.multiply(a, field.add(b, c)),
                field.add(field.multiply(a, b), field.multiply(a, c)));
      EXPECT_EQ(field.add(a, 0), a);
      EXPECT_EQ(field.multiply(a, 1), a);
    }
  }
}

TEST(Field, TakesAnotherModulus) {
  // x^4 + x^3 + 1 is primitive. In the next three x has order 5 (x^5 - 1 = (x - 1)(x^4 + ... + 1)),
  // 4 and 51 only, so that a primitive element other than x must be found. (The last is the AES
  // modulus, FIPS 197, section 4.2.)
  const std::vector<KnownField> fields{
      {16, 2, "x^4 + x^3 + 1", {1, 0, 0, 1, 1}},
      {16, 2, "x^4 + x^3 + x^2 + x + 1", {1, 1, 1, 1, 1}},
      {9, 3, "x^2 + 1", {1, 0, 1}},
      {256, 2, "x^8 + x^4 + x^3 + x + 1", {1, 1, 0, 1, 1, 0, 0, 0, 1}},
  };
  for (const KnownField& known : fields) {
    SCOPED_TRACE(known.modulus);
    const Field field(known.q, known.modulus);
    EXPECT_EQ(field.modulus(), known.modulus);
    expect_agreement_everywhere(field, SchoolbookField(known.p, known.modulus_digits));
  }
}

TEST(Field, WritesTheModulusInItsCanonicalForm) {
  EXPECT_EQ(Field(9, " 2 +X^2\t- 1*x ").modulus(), "x^2 + 2*x + 2");
  EXPECT_EQ(Field(4, "x+x^2-1").modulus(), "x^2 + x + 1");
  EXPECT_EQ(Field(8, "0*x^5 + x^3 + x^1 + 1").modulus(), "x^3 + x + 1");
}

TEST(Field, CanBeBuiltForExactlyThePrimePowers) {
  // Sieve of Eratosthenes and powers, against the factoring inside Field.
  std::vector<bool> composite(Field::max_order + 1);
  std::vector<bool> expected(Field::max_order + 1);
  for (std::uint64_t p = 2; p <= Field::max_order; ++p) {
    if (composite[p]) continue;
    for (std::uint64_t multiple = p * p; multiple <= Field::max_order; multiple += p) {
      composite[multiple] = true;
    }
    for (std::uint64_t order = p; order <= Field::max_order; order *= p) expected[order] = true;
  }
  // Primes are dense and alike: beyond the small ones every 16th number is tried, but all powers.
  for (std::uint64_t order = 0; order <= Field::max_order; ++order) {
    const bool is_power = expected[order] && composite[order];
    if (order > 4096 && order % 16 != 1 && !is_power) continue;
    if (!expected[order]) {
      EXPECT_THROW(Field{order}, JobError) << order;
      continue;
    }
    const Field field(order);
    ASSERT_EQ(field.order(), order);
    ASSERT_EQ(field.modulus().empty(), field.is_prime());
    const Element a = field.order() - 1;
    ASSERT_EQ(field.multiply(a, field.inverse(a)), 1U) << order;
    ASSERT_EQ(field.add(a, field.negate(a)), 0U) << order;
  }
}

TEST(Field, NamesTheNearestPrimePowers) {
  EXPECT_NE(message_of(6).find("order \"6\""), std::string::npos);
  EXPECT_NE(message_of(6).find("5 and 7"), std::string::npos);
  EXPECT_NE(message_of(12).find("11 and 13"), std::string::npos);
  EXPECT_NE(message_of(65535).find("65521 and 65536"), std::string::npos);
  EXPECT_NE(message_of(0).find("smallest field is GF(2)"), std::string::npos);
  EXPECT_NE(message_of(1).find("smallest field is GF(2)"), std::string::npos);
  for (const std::uint64_t order : {65537ULL, 1ULL << 32, ~0ULL}) {
    EXPECT_NE(message_of(order).find("65536 = 2^16"), std::string::npos) << order;
  }
}

TEST(Field, RefusesABadModulus) {
  const struct {
    std::uint64_t order;
    std::string modulus;
    std::string expected;
  } cases[] = {
      {5, "x + 1", "prime field"},
      {2, "x", "prime field"},
      {16, "x^4 + 1", "reducible over GF(2)"},
      {16, "x^4 + x^2 + 1", "Conway polynomial x^4 + x + 1"},  // (x^2 + x + 1)^2
      {9, "x^2 + 2", "reducible over GF(3)"},
      {16, "x^3 + x + 1", "needs a modulus of degree 4"},
      {16, "x^5 + x^2 + 1", "the degree is 5"},
      {9, "2*x^2 + x + 1", "not monic"},
      {9, "-x^2 + 1", "not monic"},
      {9, "x^2 + 3", "not an element of GF(3)"},
      {9, "x^2 + x + x + 2", "occurs twice"},
      {9, "0*x", "zero"},
      {9, "1", "the degree is 0"},
      {9, " ", "empty"},
      {9, "y^2 + 1", "unexpected character \"y\""},
      {9, "x^99999999999999999999999 + 1", "above the greatest one"},
  };
  for (const auto& bad : cases) {
    const std::string message = message_of(bad.order, bad.modulus);
    EXPECT_NE(message.find(bad.expected), std::string::npos) << bad.modulus << " -> " << message;
    EXPECT_NE(message.find('"' + bad.modulus + '"'), std::string::npos) << message;
  }
}

TEST(Field, HasNoInverseOfZero) {
  EXPECT_THROW(Field(2).inverse(0), InternalError);
  EXPECT_THROW(Field(9).inverse(0), InternalError);
}

}  // namespace
}  // namespace orbitmill
