/// The prime factors of q^d - 1: what the order of a polynomial is computed from.
///
/// With q = b^m, b^(m d) - 1 is split into cyclotomic values Phi_e(b), e | m d, these by
/// Aurifeuille's identities where one applies (b prime), what is left by trial division by numbers
/// = 1 mod e, by a table of known factors (b = 2) and then by FLINT (ECM, quadratic sieve).
/// (Brillhart, Lehmer, Selfridge, Tuckerman, Wagstaff, "Factorizations of b^n +- 1", 3rd ed., 2002,
/// ch. III.) The table makes every 2^n - 1, n <= 1206, factor in seconds.
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
/// Precondition: q >= 2, degree >= 1. Results are kept, failures too: a second call with the same
/// arguments costs nothing. May be called from several threads.
/// FLINT's sieve writes a file of some 100 kB into the working folder and removes it; where no file
/// can be created the program does without, and some numbers of 40 to 65 digits take too long.
std::vector<PrimePower> factor_power_minus_one(std::uint64_t q, std::uint32_t degree,
                                               double budget_s = 50);

/// A prime factor of Phi_exponent(2) that FLINT would not find at once.
struct KnownFactor {
  std::uint32_t exponent;
  const char* prime;  ///< decimal
};

/// The table, with its source, in src/algebra/known_factors.cpp.
const std::vector<KnownFactor>& known_factors();

}  // namespace orbitmill
