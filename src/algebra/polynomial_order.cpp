#include "orbitmill/algebra/polynomial_order.hpp"

#include <algorithm>

#include "flint_rings.hpp"
#include "orbitmill/algebra/prime_factors.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

bool is_x(const Polynomial& polynomial) {
  return polynomial.degree() == 1 && polynomial.coefficients.front() == 0;
}

/// The order of x modulo an irreducible f != x: q^d - 1 without every prime that can be left out.
/// One power of d log2(q) squarings for each prime.
template <class Ring>
Integer order_of_x(Ring& ring, const Polynomial& f, std::uint64_t q) {
  ring.set_modulus(f);
  Integer order = power(to_integer(q), f.degree()) - 1;
  auto value = ring.make();
  for (const auto& [prime, exponent] : factor_power_minus_one(q, f.degree())) {
    order /= power(prime, exponent);
    ring.power_of_x(value, order);
    std::uint32_t put_back = 0;
    for (; !ring.is_one(value); ++put_back) {
      if (put_back == exponent) throw InternalError("the order of x does not divide q^d - 1");
      ring.raise(value, prime);
      order *= prime;
    }
  }
  return order;
}

}  // namespace

PolynomialAnalysis analyse(const Polynomial& polynomial, const Field& field) {
  PolynomialAnalysis analysis;
  analysis.polynomial = polynomial;
  analysis.order = 1;
  std::uint32_t greatest_multiplicity = 1;
  for (PolynomialFactor& found : factor(polynomial, field)) {
    FactorOrder entry;
    entry.multiplicity = found.multiplicity;
    if (!is_x(found.factor)) {
      entry.order =
          in_ring(field, [&](auto& ring) { return order_of_x(ring, found.factor, field.order()); });
      entry.primitive = entry.order == power(to_integer(field.order()), found.factor.degree()) - 1;
      analysis.order = lcm(analysis.order, entry.order);
      greatest_multiplicity = std::max(greatest_multiplicity, found.multiplicity);
    }
    entry.factor = std::move(found.factor);
    analysis.factors.push_back(std::move(entry));
  }
  // Theorem 3.8: f^k has order ord(f) p^r with the least r such that p^r >= k.
  for (std::uint64_t reach = 1; reach < greatest_multiplicity; reach *= field.characteristic()) {
    analysis.order *= field.characteristic();
  }
  const FactorOrder& first = analysis.factors.front();
  analysis.irreducible = analysis.factors.size() == 1 && first.multiplicity == 1;
  analysis.primitive = analysis.irreducible && first.primitive;
  return analysis;
}

}  // namespace orbitmill
