#include "orbitmill/algebra/polynomial.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "../register/polynomial_text.hpp"
#include "flint_rings.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

/// FLINT stops the process where it is asked to factor 0, so that this is not left to it.
void require_monic(const Polynomial& polynomial) {
  if (polynomial.is_zero() || polynomial.degree() == 0 || polynomial.coefficients.back() != 1) {
    throw InternalError(fmt::format("factor: \"{}\" is not a monic polynomial of degree >= 1",
                                    print_polynomial(polynomial)));
  }
}

bool comes_before(const PolynomialFactor& a, const PolynomialFactor& b) {
  const std::vector<Element>& left = a.factor.coefficients;
  const std::vector<Element>& right = b.factor.coefficients;
  if (left.size() != right.size()) return left.size() < right.size();
  return std::lexicographical_compare(left.rbegin(), left.rend(), right.rbegin(), right.rend());
}

}  // namespace

Polynomial characteristic_polynomial(const Register& reg) {
  if (!reg.feedback().is_affine()) {
    throw JobError(
        fmt::format("feedback \"{}\": it has products of stages, so that it has no characteristic "
                    "polynomial; expected a linear or affine feedback",
                    print_anf(reg.feedback())));
  }
  Polynomial polynomial{std::vector<Element>(std::size_t{reg.length()} + 1)};
  polynomial.coefficients.back() = 1;
  for (const Term& term : reg.feedback().terms) {
    if (term.stages.empty()) continue;
    polynomial.coefficients[term.stages.front()] = reg.field().negate(term.coefficient);
  }
  return polynomial;
}

Polynomial minimal_polynomial(const Register& reg) {
  Polynomial characteristic = characteristic_polynomial(reg);
  if (reg.feedback().constant() == 0) return characteristic;
  const Polynomial x_minus_one{{reg.field().negate(1), 1}};
  return multiply(x_minus_one, characteristic, reg.field());
}

Polynomial reciprocal(const Polynomial& polynomial, const Field& field) {
  if (polynomial.is_zero() || polynomial.coefficients.front() == 0) {
    throw InternalError(
        fmt::format("reciprocal of \"{}\", which x divides", print_polynomial(polynomial)));
  }
  Polynomial result = polynomial;
  std::ranges::reverse(result.coefficients);
  const Element scale = field.inverse(result.coefficients.back());
  for (Element& coefficient : result.coefficients) {
    coefficient = field.multiply(coefficient, scale);
  }
  return result;
}

Polynomial multiply(const Polynomial& a, const Polynomial& b, const Field& field) {
  return in_ring(field, [&](auto& ring) {
    auto left = ring.make();
    auto right = ring.make();
    ring.set(left, a);
    ring.set(right, b);
    ring.multiply(left, left, right);
    return ring.get(left);
  });
}

std::string print_polynomial(const Polynomial& polynomial) {
  std::vector<Monomial> monomials;
  for (std::size_t i = polynomial.coefficients.size(); i-- > 0;) {
    const Element coefficient = polynomial.coefficients[i];
    if (coefficient != 0) monomials.push_back({static_cast<std::uint32_t>(i), coefficient, 0});
  }
  return polynomial_text(monomials);
}

std::vector<PolynomialFactor> factor(const Polynomial& polynomial, const Field& field) {
  require_monic(polynomial);
  std::vector<PolynomialFactor> factors = in_ring(field, [&](auto& ring) {
    auto value = ring.make();
    ring.set(value, polynomial);
    return ring.factor(value);
  });
  std::ranges::sort(factors, comes_before);
  return factors;
}

}  // namespace orbitmill
