/// Values of cyclotomic polynomials, Phi_e(b), and Aurifeuille's splitting of them.
#pragma once

#include <cstdint>
#include <vector>

#include "orbitmill/algebra/integer.hpp"

namespace orbitmill {

/// e = 1 ... n with e | n, ascending. O(n).
std::vector<std::uint32_t> divisors(std::uint32_t n);

/// Phi_e(base) as the product of (base^d - 1)^mu(e/d), d | e. Precondition: base >= 2, e >= 1.
Integer cyclotomic_value(std::uint64_t base, std::uint32_t e);

/// The Lucas polynomials C and D of a prime n, coefficient i belongs to x^i:
///   C(x)^2 - n x D(x)^2 = Phi_m(x), m = n if n = 1 mod 4, else 2 n.
/// O(n^2). (R. P. Brent, "On computing factors of cyclotomic polynomials", Math. Comp. 61, 1993,
/// algorithm L.)
struct LucasPolynomials {
  std::uint32_t m = 0;
  std::vector<Integer> c, d;
};
LucasPolynomials lucas_polynomials(std::uint32_t prime);

/// Factors of Phi_e(base), two where an Aurifeuillian identity applies, else the value itself. With
/// x = base^h, e = m h and h odd, base * x is a square s^2, and (C - s D)(C + s D) = Phi_m(x),
/// which Phi_e(base) divides. Only for a prime base up to 199: above, the Lucas polynomials get
/// long, and the lengths that would need them are out of reach.
std::vector<Integer> aurifeuillian_split(std::uint64_t base, std::uint32_t e);

}  // namespace orbitmill
