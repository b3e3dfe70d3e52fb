// Numbers are checked with GMP (divisibility, Miller-Rabin) and with FLINT's own factorisation.
#include "orbitmill/algebra/prime_factors.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <future>
#include <set>
#include <string>

#include "algebra/cyclotomic.hpp"
#include "algebra/factor_search.hpp"
#include "algebra/flint_handles.hpp"
#include "orbitmill/error.hpp"

namespace {

using namespace orbitmill;

bool probably_prime(const Integer& value) {
  return mpz_probab_prime_p(value.get_mpz_t(), 30) != 0;
}

/// Sorted, prime, and the product is right.
void expect_complete(std::uint64_t q, std::uint32_t degree) {
  SCOPED_TRACE(std::to_string(q) + "^" + std::to_string(degree) + " - 1");
  Integer product = 1;
  Integer last = 1;
  for (const auto& [prime, exponent] : factor_power_minus_one(q, degree)) {
    EXPECT_GT(prime, last);
    EXPECT_GE(exponent, 1U);
    EXPECT_TRUE(probably_prime(prime)) << prime;
    product *= power(prime, exponent);
    last = prime;
  }
  EXPECT_EQ(product, power(to_integer(q), degree) - 1);
}

std::vector<PrimePower> flint_factors(const Integer& value) {
  FlintInteger number(value);
  FlintIntegerFactors found;
  fmpz_factor(found.get(), number.get());
  std::vector<PrimePower> result;
  for (slong i = 0; i < found.get()->num; ++i) {
    FlintInteger prime;
    fmpz_set(prime.get(), found.get()->p + i);
    result.push_back({prime.value(), static_cast<std::uint32_t>(found.get()->exp[i])});
  }
  std::ranges::sort(result, {}, [](const PrimePower& entry) { return entry.prime; });
  return result;
}

TEST(Cyclotomic, ValuesMultiplyToThePowerMinusOne) {
  for (const std::uint64_t base : {2U, 3U, 5U, 6U, 10U, 65521U}) {
    for (std::uint32_t n = 1; n <= 130; ++n) {
      Integer product = 1;
      for (const std::uint32_t e : divisors(n)) product *= cyclotomic_value(base, e);
      EXPECT_EQ(product, power(to_integer(base), n) - 1) << base << " " << n;
    }
  }
}

TEST(Cyclotomic, LucasPolynomialsSatisfyTheirIdentity) {
  for (std::uint32_t prime = 2; prime < 200; ++prime) {
    if (!probably_prime(prime)) continue;
    const LucasPolynomials lucas = lucas_polynomials(prime);
    EXPECT_EQ(lucas.m, prime % 4 == 1 ? prime : 2 * prime);
    for (const std::uint64_t x : {2U, 3U, 10U}) {
      Integer c, d;
      for (std::size_t i = lucas.c.size(); i-- > 0;) c = c * to_integer(x) + lucas.c[i];
      for (std::size_t i = lucas.d.size(); i-- > 0;) d = d * to_integer(x) + lucas.d[i];
      EXPECT_EQ(c * c - prime * to_integer(x) * d * d, cyclotomic_value(x, lucas.m)) << prime;
    }
  }
}

TEST(Cyclotomic, SplitsExactlyWhereAurifeuilleDoes) {
  for (const std::uint32_t base : {2U, 3U, 5U, 7U, 11U, 13U, 17U, 199U}) {
    const std::uint32_t m = base % 4 == 1 ? base : 2 * base;
    const std::uint32_t period = base == 2 ? 4 : m;
    for (std::uint32_t e = 1; e <= std::max(60U, 3 * period); ++e) {
      const std::vector<Integer> parts = aurifeuillian_split(base, e);
      Integer product = 1;
      for (const Integer& part : parts) product *= part;
      EXPECT_EQ(product, cyclotomic_value(base, e));
      // Phi_4(2) = 5, Phi_12(2) = 13 and Phi_6(3) = 7 are primes: nothing to split.
      const bool trivial = (base == 2 && (e == 4 || e == 12)) || (base == 3 && e == 6);
      const bool splits = e % period == 0 && e / period % 2 == 1 && !trivial;
      EXPECT_EQ(parts.size(), splits ? 2U : 1U) << base << " " << e;
      EXPECT_EQ(std::ranges::count(parts, Integer(1)), parts.size() == 1 && product == 1 ? 1 : 0);
    }
  }
  // 2^58 + 1 = (2^29 - 2^15 + 1)(2^29 + 2^15 + 1), A. Aurifeuille 1871; 5 divides the first.
  const std::vector<Integer> parts = aurifeuillian_split(2, 116);
  EXPECT_EQ(parts.at(0), (power(2, 29) - power(2, 15) + 1) / 5);
  EXPECT_EQ(parts.at(1), power(2, 29) + power(2, 15) + 1);
}

TEST(PrimeFactors, AgreeWithFlintOnSmallNumbers) {
  for (std::uint64_t q = 2; q <= 130; ++q) {
    for (std::uint32_t degree = 1; power(to_integer(q), degree) < power(2, 72); ++degree) {
      EXPECT_EQ(factor_power_minus_one(q, degree), flint_factors(power(to_integer(q), degree) - 1))
          << q << " " << degree;
    }
  }
  for (const std::uint64_t q : {65521ULL, 65536ULL, 4294967291ULL, 18446744073709551557ULL}) {
    for (std::uint32_t degree = 1; degree <= 2; ++degree) {
      EXPECT_EQ(factor_power_minus_one(q, degree), flint_factors(power(to_integer(q), degree) - 1));
    }
  }
  EXPECT_TRUE(factor_power_minus_one(2, 1).empty());
  EXPECT_THROW(factor_power_minus_one(1, 5), InternalError);
  EXPECT_THROW(factor_power_minus_one(2, 0), InternalError);
}

TEST(PrimeFactors, MersennePrimesAndSquares) {
  for (const std::uint32_t degree : {89U, 521U, 607U, 1279U, 2203U}) {
    const auto factors = factor_power_minus_one(2, degree);
    ASSERT_EQ(factors.size(), 1U) << degree;
    EXPECT_EQ(factors.front(), (PrimePower{power(2, degree) - 1, 1}));
  }
  // 3^5 - 1 = 2 * 11^2 and 1093^2 | 2^364 - 1 (the first Wieferich prime).
  EXPECT_EQ(factor_power_minus_one(3, 5), (std::vector<PrimePower>{{2, 1}, {11, 2}}));
  const auto wieferich = factor_power_minus_one(2, 364);
  EXPECT_EQ(std::ranges::find(wieferich, Integer(1093), &PrimePower::prime)->exponent, 2U);
}

TEST(PrimeFactors, CompleteOverManyFields) {
  for (std::uint32_t degree = 1; degree <= 200; ++degree) expect_complete(2, degree);
  for (const std::uint32_t q : {3U, 4U, 5U, 7U, 8U, 9U, 16U, 25U, 31U, 256U}) {
    std::uint32_t degree = 1;
    for (; power(q, degree) < power(2, 110); ++degree) expect_complete(q, degree);
  }
}

TEST(PrimeFactors, SameAnswerFromSeveralThreads) {
  const auto work = [] {
    std::vector<std::vector<PrimePower>> all;
    for (std::uint32_t degree = 201; degree <= 240; ++degree) {
      all.push_back(factor_power_minus_one(2, degree));
    }
    return all;
  };
  std::vector<std::future<std::vector<std::vector<PrimePower>>>> runs;
  for (int i = 0; i < 4; ++i) runs.push_back(std::async(std::launch::async, work));
  const auto first = runs.front().get();
  for (std::size_t i = 1; i < runs.size(); ++i) EXPECT_EQ(runs[i].get(), first);
  for (std::uint32_t degree = 201; degree <= 240; ++degree) expect_complete(2, degree);
}

// 2^1213 - 1 has 366 digits and resisted the Cunningham Project; what is left of it has hundreds.
TEST(PrimeFactors, WhatCannotBeFactoredIsNamed) {
  for (int call = 0; call < 2; ++call) {
    try {
      factor_power_minus_one(2, 1213, 0.5);
      FAIL() << "2^1213 - 1 was factored";
    } catch (const JobError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find("2^1213 - 1"), std::string::npos) << text;
      EXPECT_NE(text.find("degree 1213 over GF(2)"), std::string::npos) << text;
      std::string digits;
      for (std::size_t i = 0; i < text.size() && digits.size() < 100; ++i) {
        const std::size_t end = text.find_first_not_of("0123456789", i);
        if (end != i) digits = text.substr(i, end - i);
        i = end == std::string::npos ? text.size() : end;
      }
      ASSERT_GE(digits.size(), 100U) << text;
      EXPECT_NE(text.find("(" + std::to_string(digits.size()) + " digits)"), std::string::npos);
      const Integer composite(digits);
      EXPECT_EQ((power(2, 1213) - 1) % composite, 0);
      EXPECT_FALSE(probably_prime(composite));
    }
  }
}

/// Two primes of about `digits` each.
std::set<Integer> two_primes(std::uint32_t digits) {
  Integer first, second;
  mpz_nextprime(first.get_mpz_t(), Integer(power(10, digits)).get_mpz_t());
  mpz_nextprime(second.get_mpz_t(), Integer(3 * power(10, digits)).get_mpz_t());
  return {first, second};
}

void expect_split(std::uint32_t digits) {
  const std::set<Integer> primes = two_primes(digits);
  const Integer product = *primes.begin() * *primes.rbegin();
  // Every odd number is = 1 mod 2.
  const FactorSearch search =
      search_factors(product, 2, std::chrono::steady_clock::now() + std::chrono::minutes(2));
  EXPECT_EQ(std::set<Integer>(search.primes.begin(), search.primes.end()), primes);
  EXPECT_TRUE(search.composites.empty());
}

TEST(FactorSearch, SieveAndCurves) {
  for (const std::uint32_t digits : {10U, 13U, 18U, 23U, 25U}) expect_split(digits);
  const Integer prime = *two_primes(20).begin();
  const FactorSearch cube = search_factors(
      power(prime, 3), 2, std::chrono::steady_clock::now() + std::chrono::minutes(1));
  EXPECT_EQ(cube.primes, std::vector<Integer>(3, prime));
}

// FLINT's sieve crashes where it cannot create its file; then curves alone must do.
TEST(FactorSearch, WorksInAFolderThatCannotBeWritten) {
  char here[PATH_MAX];
  ASSERT_NE(::getcwd(here, sizeof here), nullptr);
  char folder[] = "deleted-folder-XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  ASSERT_EQ(::chdir(folder), 0);
  ASSERT_EQ(::rmdir((std::string(here) + "/" + folder).c_str()), 0);
  expect_split(15);
  ASSERT_EQ(::chdir(here), 0);
}

}  // namespace
