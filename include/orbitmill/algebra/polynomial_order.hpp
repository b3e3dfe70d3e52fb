/// Orders of polynomials over GF(q): the least e with P | x^e - 1.
///
/// (Lidl and Niederreiter, Introduction to Finite Fields and their Applications, ch. 3.1, theorems
/// 3.3, 3.5, 3.8 and 3.9.)
#pragma once

#include <cstdint>
#include <vector>

#include "orbitmill/algebra/integer.hpp"
#include "orbitmill/algebra/polynomial.hpp"

namespace orbitmill {

struct FactorOrder {
  Polynomial factor;  ///< monic, irreducible
  std::uint32_t multiplicity = 1;
  Integer order;           ///< of `factor` itself; 0 for x, which has none
  bool primitive = false;  ///< order is q^degree - 1
};

/// What algebra says about a monic polynomial.
struct PolynomialAnalysis {
  Polynomial polynomial;
  std::vector<FactorOrder> factors;  ///< in the order of `factor`
  Integer order;                     ///< of the part prime to x; 1 if that is constant
  bool irreducible = false;
  bool primitive = false;  ///< irreducible, and order is q^degree - 1
};

/// Precondition: monic, degree >= 1. Throws JobError where a q^d - 1 cannot be factored in the
/// time (prime_factors.hpp).
PolynomialAnalysis analyse(const Polynomial& polynomial, const Field& field);

}  // namespace orbitmill
