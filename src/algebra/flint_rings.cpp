#include "flint_rings.hpp"

#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

/// The modulus of an extension field as a polynomial over its prime field.
Polynomial modulus_of(const Field& field) {
  const Field prime_field(field.characteristic());
  const ParsedRegister parsed = parse_polynomial(field.modulus(), prime_field);
  Polynomial modulus{std::vector<Element>(std::size_t{parsed.length} + 1)};
  modulus.coefficients.back() = 1;
  for (const Term& term : parsed.feedback.terms) {
    // A feedback holds minus the coefficients of the polynomial that it was read from.
    modulus.coefficients[term.stages.front()] = prime_field.negate(term.coefficient);
  }
  return modulus;
}

void require_degree(const Polynomial& polynomial) {
  if (polynomial.is_zero() || polynomial.degree() == 0) {
    throw InternalError("arithmetic modulo a constant polynomial");
  }
}

}  // namespace

PrimeRing::PrimeRing(const Field& field)
    : prime_(field.order()), modulus_(prime_), modulus_inverse_(prime_) {}

void PrimeRing::set(Value& value, const Polynomial& polynomial) const {
  nmod_poly_zero(value.get());
  for (std::size_t i = polynomial.coefficients.size(); i-- > 0;) {
    nmod_poly_set_coeff_ui(value.get(), static_cast<slong>(i), polynomial.coefficients[i]);
  }
}

Polynomial PrimeRing::get(const Value& value) const {
  Polynomial polynomial;
  for (slong i = 0; i < nmod_poly_length(value.get()); ++i) {
    polynomial.coefficients.push_back(static_cast<Element>(nmod_poly_get_coeff_ui(value.get(), i)));
  }
  return polynomial;
}

void PrimeRing::multiply(Value& result, const Value& a, const Value& b) const {
  nmod_poly_mul(result.get(), a.get(), b.get());
}

std::vector<PolynomialFactor> PrimeRing::factor(const Value& value) const {
  PrimePolynomialFactors found;
  nmod_poly_factor(found.get(), value.get());
  std::vector<PolynomialFactor> factors;
  Value one = make();
  for (slong i = 0; i < found.get()->num; ++i) {
    nmod_poly_set(one.get(), found.get()->p + i);
    factors.push_back({get(one), static_cast<std::uint32_t>(found.get()->exp[i])});
  }
  return factors;
}

void PrimeRing::set_modulus(const Polynomial& polynomial) {
  require_degree(polynomial);
  set(modulus_, polynomial);
  const slong length = nmod_poly_length(modulus_.get());
  nmod_poly_reverse(modulus_inverse_.get(), modulus_.get(), length);
  nmod_poly_inv_series(modulus_inverse_.get(), modulus_inverse_.get(), length);
}

void PrimeRing::power_of_x(Value& result, const Integer& exponent) const {
  FlintInteger big(exponent);
  nmod_poly_powmod_x_fmpz_preinv(result.get(), big.get(), modulus_.get(), modulus_inverse_.get());
}

void PrimeRing::raise(Value& value, const Integer& exponent) const {
  FlintInteger big(exponent);
  nmod_poly_powmod_fmpz_binexp_preinv(value.get(), value.get(), big.get(), modulus_.get(),
                                      modulus_inverse_.get());
}

bool PrimeRing::is_one(const Value& value) const {
  return nmod_poly_is_one(value.get()) != 0;
}

ExtensionRing::ExtensionRing(const Field& field)
    : characteristic_(field.characteristic()),
      context_(characteristic_, modulus_of(field)),
      modulus_(context_),
      modulus_inverse_(context_) {}

void ExtensionRing::set(Value& value, const Polynomial& polynomial) const {
  fq_nmod_poly_zero(value.get(), context_.get());
  ExtensionElement coefficient(context_);
  for (std::size_t i = polynomial.coefficients.size(); i-- > 0;) {
    fq_nmod_zero(coefficient.get(), context_.get());
    Element digits = polynomial.coefficients[i];
    for (slong j = 0; digits != 0; ++j, digits /= characteristic_) {
      nmod_poly_set_coeff_ui(coefficient.get(), j, digits % characteristic_);
    }
    fq_nmod_poly_set_coeff(value.get(), static_cast<slong>(i), coefficient.get(), context_.get());
  }
}

Polynomial ExtensionRing::get(const Value& value) const {
  Polynomial polynomial;
  ExtensionElement coefficient(context_);
  for (slong i = 0; i < fq_nmod_poly_length(value.get(), context_.get()); ++i) {
    fq_nmod_poly_get_coeff(coefficient.get(), value.get(), i, context_.get());
    Element element = 0;
    for (slong j = nmod_poly_length(coefficient.get()); j-- > 0;) {
      element = element * characteristic_ +
                static_cast<Element>(nmod_poly_get_coeff_ui(coefficient.get(), j));
    }
    polynomial.coefficients.push_back(element);
  }
  return polynomial;
}

void ExtensionRing::multiply(Value& result, const Value& a, const Value& b) const {
  fq_nmod_poly_mul(result.get(), a.get(), b.get(), context_.get());
}

std::vector<PolynomialFactor> ExtensionRing::factor(const Value& value) const {
  ExtensionPolynomialFactors found(context_);
  ExtensionElement leading(context_);
  fq_nmod_poly_factor(found.get(), leading.get(), value.get(), context_.get());
  std::vector<PolynomialFactor> factors;
  Value one = make();
  for (slong i = 0; i < found.get()->num; ++i) {
    fq_nmod_poly_set(one.get(), found.get()->poly + i, context_.get());
    factors.push_back({get(one), static_cast<std::uint32_t>(found.get()->exp[i])});
  }
  return factors;
}

void ExtensionRing::set_modulus(const Polynomial& polynomial) {
  require_degree(polynomial);
  set(modulus_, polynomial);
  const slong length = fq_nmod_poly_length(modulus_.get(), context_.get());
  fq_nmod_poly_reverse(modulus_inverse_.get(), modulus_.get(), length, context_.get());
  fq_nmod_poly_inv_series_newton(modulus_inverse_.get(), modulus_inverse_.get(), length,
                                 context_.get());
}

void ExtensionRing::power_of_x(Value& result, const Integer& exponent) const {
  FlintInteger big(exponent);
  fq_nmod_poly_powmod_x_fmpz_preinv(result.get(), big.get(), modulus_.get(), modulus_inverse_.get(),
                                    context_.get());
}

void ExtensionRing::raise(Value& value, const Integer& exponent) const {
  FlintInteger big(exponent);
  fq_nmod_poly_powmod_fmpz_binexp_preinv(value.get(), value.get(), big.get(), modulus_.get(),
                                         modulus_inverse_.get(), context_.get());
}

bool ExtensionRing::is_one(const Value& value) const {
  return fq_nmod_poly_is_one(value.get(), context_.get()) != 0;
}

}  // namespace orbitmill
