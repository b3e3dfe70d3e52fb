/// The search for prime factors of a number about which nothing but its form is known.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "orbitmill/algebra/integer.hpp"

namespace orbitmill {

using Deadline = std::chrono::steady_clock::time_point;

/// Proved below 2^64, above that BPSW (FLINT); no composite that passes it is known.
bool is_prime(const Integer& value);

struct FactorSearch {
  std::vector<Integer> primes;      ///< may repeat
  std::vector<Integer> composites;  ///< what could not be split in time
};

/// Splits `value`, a divisor of Phi_e(base). Trial division by numbers = 1 mod e (every prime
/// factor of Phi_e(base) that does not divide e is one), then ECM and the quadratic sieve, in steps
/// of seconds until the deadline. May be called from several threads; they take turns in the sieve.
FactorSearch search_factors(const Integer& value, std::uint32_t e, Deadline deadline);

}  // namespace orbitmill
