// The table by itself, entry by entry, and what it promises: 2^d - 1 for every d up to 1206.
#include <gtest/gtest.h>

#include <algorithm>

#include "orbitmill/algebra/prime_factors.hpp"

namespace {

using namespace orbitmill;

TEST(KnownFactors, EveryEntryIsAPrimitivePrimeFactor) {
  const std::vector<KnownFactor>& table = known_factors();
  ASSERT_FALSE(table.empty());
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::uint32_t e = table[i].exponent;
    const auto prime = parse_integer(table[i].prime);
    ASSERT_TRUE(prime.has_value()) << table[i].prime;
    EXPECT_NE(mpz_probab_prime_p(prime->get_mpz_t(), 30), 0) << e << " " << *prime;
    // 2 has order exactly e, so that the prime divides Phi_e(2).
    Integer residue;
    for (std::uint32_t d = 1; d <= e; ++d) {
      if (e % d != 0) continue;
      mpz_powm_ui(residue.get_mpz_t(), Integer(2).get_mpz_t(), d, prime->get_mpz_t());
      EXPECT_EQ(residue == 1, d == e) << e << " " << *prime;
    }
    if (i == 0) continue;
    const auto before = parse_integer(table[i - 1].prime);
    EXPECT_TRUE(table[i - 1].exponent < e || (table[i - 1].exponent == e && *before < *prime))
        << "not sorted, or twice: " << e << " " << *prime;
  }
}

TEST(KnownFactors, EveryPowerOfTwoMinusOneUpTo1206IsFactored) {
  for (std::uint32_t d = 1; d <= 1206; ++d) {
    Integer product = 1;
    for (const auto& [prime, exponent] : factor_power_minus_one(2, d)) {
      ASSERT_NE(mpz_probab_prime_p(prime.get_mpz_t(), 1), 0) << d << " " << prime;
      product *= power(prime, exponent);
    }
    EXPECT_EQ(product, power(2, d) - 1);
  }
}

}  // namespace
