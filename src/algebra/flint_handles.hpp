/// FLINT's objects as C++ values: cleared on every way out of a scope, an exception included.
#pragma once

#include <flint/fmpz.h>
#include <flint/fmpz_factor.h>
#include <flint/fq_nmod.h>
#include <flint/fq_nmod_poly.h>
#include <flint/fq_nmod_poly_factor.h>
#include <flint/nmod_poly.h>
#include <flint/nmod_poly_factor.h>

#include <cstddef>

#include "orbitmill/algebra/integer.hpp"
#include "orbitmill/algebra/polynomial.hpp"

namespace orbitmill {

class FlintInteger {
 public:
  FlintInteger() { fmpz_init(value_); }
  explicit FlintInteger(const Integer& value) : FlintInteger() {
    fmpz_set_mpz(value_, value.get_mpz_t());
  }
  ~FlintInteger() { fmpz_clear(value_); }
  FlintInteger(const FlintInteger&) = delete;
  FlintInteger& operator=(const FlintInteger&) = delete;

  fmpz* get() noexcept { return value_; }
  const fmpz* get() const noexcept { return value_; }
  Integer value() const {
    Integer result;
    fmpz_get_mpz(result.get_mpz_t(), value_);
    return result;
  }

 private:
  fmpz_t value_;
};

class FlintIntegerFactors {
 public:
  FlintIntegerFactors() { fmpz_factor_init(value_); }
  ~FlintIntegerFactors() { fmpz_factor_clear(value_); }
  FlintIntegerFactors(const FlintIntegerFactors&) = delete;
  FlintIntegerFactors& operator=(const FlintIntegerFactors&) = delete;

  fmpz_factor_struct* get() noexcept { return value_; }

 private:
  fmpz_factor_t value_;
};

/// FLINT's generator of random numbers, from its fixed seed.
class FlintRandom {
 public:
  FlintRandom() { flint_randinit(value_); }
  ~FlintRandom() { flint_randclear(value_); }
  FlintRandom(const FlintRandom&) = delete;
  FlintRandom& operator=(const FlintRandom&) = delete;

  flint_rand_s* get() noexcept { return value_; }

 private:
  flint_rand_t value_;
};

/// A polynomial over GF(p).
class PrimePolynomial {
 public:
  explicit PrimePolynomial(mp_limb_t prime) { nmod_poly_init(value_, prime); }
  ~PrimePolynomial() { nmod_poly_clear(value_); }
  PrimePolynomial(const PrimePolynomial&) = delete;
  PrimePolynomial& operator=(const PrimePolynomial&) = delete;

  nmod_poly_struct* get() noexcept { return value_; }
  const nmod_poly_struct* get() const noexcept { return value_; }

 private:
  nmod_poly_t value_;
};

class PrimePolynomialFactors {
 public:
  PrimePolynomialFactors() { nmod_poly_factor_init(value_); }
  ~PrimePolynomialFactors() { nmod_poly_factor_clear(value_); }
  PrimePolynomialFactors(const PrimePolynomialFactors&) = delete;
  PrimePolynomialFactors& operator=(const PrimePolynomialFactors&) = delete;

  nmod_poly_factor_struct* get() noexcept { return value_; }

 private:
  nmod_poly_factor_t value_;
};

/// GF(p^m) = GF(p)[x] / (modulus).
class ExtensionContext {
 public:
  /// Precondition: irreducible; FLINT does not check.
  ExtensionContext(mp_limb_t prime, const Polynomial& modulus) {
    PrimePolynomial copy(prime);
    for (std::size_t i = modulus.coefficients.size(); i-- > 0;) {
      nmod_poly_set_coeff_ui(copy.get(), static_cast<slong>(i), modulus.coefficients[i]);
    }
    fq_nmod_ctx_init_modulus(value_, copy.get(), "x");
  }
  ~ExtensionContext() { fq_nmod_ctx_clear(value_); }
  ExtensionContext(const ExtensionContext&) = delete;
  ExtensionContext& operator=(const ExtensionContext&) = delete;

  const fq_nmod_ctx_struct* get() const noexcept { return value_; }

 private:
  fq_nmod_ctx_t value_;
};

/// The context must outlive what is made from it: here and below.
class ExtensionElement {
 public:
  explicit ExtensionElement(const ExtensionContext& context) : context_(context) {
    fq_nmod_init(value_, context_.get());
  }
  ~ExtensionElement() { fq_nmod_clear(value_, context_.get()); }
  ExtensionElement(const ExtensionElement&) = delete;
  ExtensionElement& operator=(const ExtensionElement&) = delete;

  fq_nmod_struct* get() noexcept { return value_; }
  const fq_nmod_struct* get() const noexcept { return value_; }

 private:
  const ExtensionContext& context_;
  fq_nmod_t value_;
};

/// A polynomial over GF(p^m).
class ExtensionPolynomial {
 public:
  explicit ExtensionPolynomial(const ExtensionContext& context) : context_(context) {
    fq_nmod_poly_init(value_, context_.get());
  }
  ~ExtensionPolynomial() { fq_nmod_poly_clear(value_, context_.get()); }
  ExtensionPolynomial(const ExtensionPolynomial&) = delete;
  ExtensionPolynomial& operator=(const ExtensionPolynomial&) = delete;

  fq_nmod_poly_struct* get() noexcept { return value_; }
  const fq_nmod_poly_struct* get() const noexcept { return value_; }

 private:
  const ExtensionContext& context_;
  fq_nmod_poly_t value_;
};

class ExtensionPolynomialFactors {
 public:
  explicit ExtensionPolynomialFactors(const ExtensionContext& context) : context_(context) {
    fq_nmod_poly_factor_init(value_, context_.get());
  }
  ~ExtensionPolynomialFactors() { fq_nmod_poly_factor_clear(value_, context_.get()); }
  ExtensionPolynomialFactors(const ExtensionPolynomialFactors&) = delete;
  ExtensionPolynomialFactors& operator=(const ExtensionPolynomialFactors&) = delete;

  fq_nmod_poly_factor_struct* get() noexcept { return value_; }

 private:
  const ExtensionContext& context_;
  fq_nmod_poly_factor_t value_;
};

}  // namespace orbitmill
