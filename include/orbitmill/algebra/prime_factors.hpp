/// The prime factors of q^d - 1: what the order of a polynomial is computed from.
///
/// q^d - 1 is split into cyclotomic values Phi_e(q), e | d, these by Aurifeuille's identities where
/// one applies, what is left by a table of known factors and then by FLINT (trial division, ECM,
/// quadratic sieve). (Brillhart, Lehmer, Selfridge, Tuckerman, Wagstaff, "Factorizations of b^n +-
/// 1", 3rd ed., 2002, ch. III.)
#pragma once

#include <cstdint>
#include <vector>

#include "orbitmill/algebra/integer.hpp"

namespace orbitmill {

struct PrimePower {
  Integer prime;
  std::uint32_t exponent = 1;

  friend bool operator==(const PrimePower&, const PrimePower&) = default;
};

/// The factors of q^degree - 1, sorted by prime; every prime is proved or a probable prime (FLINT,
/// BPSW) above 2^64. `budget_s` bounds the seconds spent on numbers that the table does not know.
/// Throws JobError naming the composite that could not be factored, and where it comes from.
/// Precondition: q >= 2, degree >= 1. Results are kept: a second call with the same arguments costs
/// nothing. May be called from several threads.
std::vector<PrimePower> factor_power_minus_one(std::uint64_t q, std::uint32_t degree,
                                               double budget_s = 50);

/// A prime factor of 2^exponent - 1 that FLINT would not find in a minute.
struct KnownFactor {
  std::uint32_t exponent;
  const char* prime;  ///< decimal
};

/// The table, with its source, in src/algebra/known_factors.cpp.
const std::vector<KnownFactor>& known_factors();

}  // namespace orbitmill
