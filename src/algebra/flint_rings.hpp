/// GF(q)[x] in FLINT: one interface over nmod_poly (q prime) and fq_nmod_poly (q = p^m), so that
/// what computes with polynomials is written once.
///
/// A ring has: Value; set(Value&, Polynomial), get(Value); multiply; factor; and for a modulus f of
/// degree >= 1 set by set_modulus: power_of_x(e) = x^e mod f, raise(value, e) in place, is_one.
#pragma once

#include <vector>

#include "flint_handles.hpp"
#include "orbitmill/algebra/polynomial.hpp"

namespace orbitmill {

class PrimeRing {
 public:
  using Value = PrimePolynomial;

  explicit PrimeRing(const Field& field);

  Value make() const { return Value(prime_); }
  void set(Value& value, const Polynomial& polynomial) const;
  Polynomial get(const Value& value) const;
  void multiply(Value& result, const Value& a, const Value& b) const;
  std::vector<PolynomialFactor> factor(const Value& value) const;

  void set_modulus(const Polynomial& polynomial);
  void power_of_x(Value& result, const Integer& exponent) const;
  void raise(Value& value, const Integer& exponent) const;
  bool is_one(const Value& value) const;

 private:
  mp_limb_t prime_;
  PrimePolynomial modulus_;
  PrimePolynomial modulus_inverse_;  ///< of the reversed modulus, as a power series
};

class ExtensionRing {
 public:
  using Value = ExtensionPolynomial;

  explicit ExtensionRing(const Field& field);

  Value make() const { return Value(context_); }
  void set(Value& value, const Polynomial& polynomial) const;
  Polynomial get(const Value& value) const;
  void multiply(Value& result, const Value& a, const Value& b) const;
  std::vector<PolynomialFactor> factor(const Value& value) const;

  void set_modulus(const Polynomial& polynomial);
  void power_of_x(Value& result, const Integer& exponent) const;
  void raise(Value& value, const Integer& exponent) const;
  bool is_one(const Value& value) const;

 private:
  Element characteristic_;
  ExtensionContext context_;
  ExtensionPolynomial modulus_;
  ExtensionPolynomial modulus_inverse_;
};

/// body(ring) with the ring of the field.
template <class Body>
auto in_ring(const Field& field, Body body) {
  if (field.is_prime()) {
    PrimeRing ring(field);
    return body(ring);
  }
  ExtensionRing ring(field);
  return body(ring);
}

}  // namespace orbitmill
