/// The closed form: the histogram of a linear or affine register from its characteristic
/// polynomial, for any length, without a walk.
///
/// Let P = x^h Q with Q(0) != 0. The state space is the direct sum of a part where the step is
/// nilpotent of height h, and one of q^(n-h) states where it is a bijection and acts as
/// multiplication by x modulo Q. All cycles lie in the latter; every other state is transient and
/// is on its way there for at most h steps. For an irreducible f of degree d and order t, f^e has
///   1 cycle of length 1, and (q^(d i) - q^(d (i-1))) / l_i cycles of length l_i, i = 1 ... e,
///   l_i = t p^r with the least r such that p^r >= i;
/// for coprime factors a cycle of length a and one of length b make gcd(a, b) cycles of length
/// lcm(a, b). An affine register (constant c != 0) has the cycles of the linear one if Q(1) != 0,
/// for then it has a fixed point to count states from; otherwise its sequences are those of
/// (x - 1) Q that are none of Q, for one of the q - 1 constants, which all have the same cycles.
/// (Elspas, "The theory of autonomous linear sequential networks", 1959; Zierler, "Linear recurring
/// sequences", 1959; Lidl and Niederreiter, Introduction to Finite Fields, ch. 8.)
#pragma once

#include <cstdint>
#include <vector>

#include "orbitmill/algebra/integer.hpp"
#include "orbitmill/algebra/polynomial_order.hpp"
#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// The decomposition of a linear or affine register, by theory. Cycles are those of the bijective
/// part: transient states are never counted as cycles.
struct ClosedForm {
  PolynomialAnalysis analysis;  ///< of the characteristic polynomial of the linear part
  ExactHistogram histogram;     ///< sorted by length
  std::uint32_t height = 0;     ///< h: after so many steps every state is on a cycle
  Integer transient_states;     ///< q^n - q^(n-h)
};

/// Precondition: reg.feedback().is_affine(). Throws JobError where an order cannot be computed, or
/// for more than a million different lengths. One rank calls it.
ClosedForm closed_form(const Register& reg);

}  // namespace orbitmill
