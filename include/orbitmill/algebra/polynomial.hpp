/// Polynomials in one variable over GF(q), and their factors (FLINT: nmod_poly, fq_nmod_poly).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// coefficients[i] belongs to x^i; the last one is not 0, so that the zero polynomial is empty.
struct Polynomial {
  std::vector<Element> coefficients;

  bool is_zero() const noexcept { return coefficients.empty(); }
  /// Precondition: not zero.
  std::uint32_t degree() const noexcept {
    return static_cast<std::uint32_t>(coefficients.size()) - 1;
  }
  friend auto operator<=>(const Polynomial&, const Polynomial&) = default;
};

/// P(x) = x^n - c_{n-1} x^{n-1} - ... - c_0 of the linear part of an affine register; the constant
/// of the feedback is left out. Throws JobError for a feedback with products.
Polynomial characteristic_polynomial(const Register& reg);

/// The monic polynomial of least degree that the sequences of the register with output x_0 all
/// satisfy. For a register with these feedback coefficients it is the characteristic polynomial
/// of the linear part; of an affine one (x - 1) times it.
Polynomial minimal_polynomial(const Register& reg);

/// x^deg P(1/x), made monic; of the polynomial of a nonsingular register, that of the reversed
/// sequences. Precondition: P(0) != 0.
Polynomial reciprocal(const Polynomial& polynomial, const Field& field);

Polynomial multiply(const Polynomial& a, const Polynomial& b, const Field& field);

/// `x^5 + 2*x + 1`: as parse_polynomial reads it; `0` for zero.
std::string print_polynomial(const Polynomial& polynomial);

struct PolynomialFactor {
  Polynomial factor;  ///< monic, irreducible
  std::uint32_t multiplicity = 1;

  friend bool operator==(const PolynomialFactor&, const PolynomialFactor&) = default;
};

/// The irreducible factors of a monic polynomial of degree >= 1, sorted by degree and then by
/// coefficients, highest first. Cost over GF(2): milliseconds at degree 200, seconds at 2000.
std::vector<PolynomialFactor> factor(const Polynomial& polynomial, const Field& field);

}  // namespace orbitmill
