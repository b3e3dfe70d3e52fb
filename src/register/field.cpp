// Tables of powers and logarithms for GF(p^m).
//
// Conway polynomials: F. Luebeck's tables as shipped with FLINT; they cover every q <= 65536. Their
// root x is primitive by definition. For another modulus a primitive element is searched for: g is
// primitive iff g^((q-1)/r) != 1 for every prime r dividing q - 1. O(q) multiplications, 12 q
// bytes.
#include "orbitmill/register/field.hpp"

#include <flint/fmpz.h>
#include <flint/fq_nmod.h>
#include <flint/nmod_poly.h>
#include <flint/ulong_extras.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "orbitmill/error.hpp"
#include "polynomial_text.hpp"

namespace orbitmill {
namespace {

struct PrimePower {
  std::uint32_t prime = 0;  ///< 0: not a prime power
  std::uint32_t exponent = 0;
};

PrimePower factor_prime_power(std::uint64_t order) {
  if (order < 2) return {};
  n_factor_t factors;
  n_factor_init(&factors);
  n_factor(&factors, order, 1);
  if (factors.num != 1) return {};
  return {static_cast<std::uint32_t>(factors.p[0]), static_cast<std::uint32_t>(factors.exp[0])};
}

PrimePower check_order(std::uint64_t order) {
  if (order < 2) {
    throw JobError(fmt::format(
        "field order \"{}\": the smallest field is GF(2); expected a prime power 2 to {}", order,
        Field::max_order));
  }
  if (order > Field::max_order) {
    throw JobError(
        fmt::format("field order \"{}\": expected a prime power 2 to {}; the greatest "
                    "prime powers in reach are 65521 (a prime) and 65536 = 2^16",
                    order, Field::max_order));
  }
  const PrimePower found = factor_prime_power(order);
  if (found.prime != 0) return found;
  // 65536 is a prime power and so is 2: both searches end inside the range.
  std::uint64_t below = order - 1;
  while (factor_prime_power(below).prime == 0) --below;
  std::uint64_t above = order + 1;
  while (factor_prime_power(above).prime == 0) ++above;
  throw JobError(
      fmt::format("field order \"{}\": a field has p^m elements, p prime; the nearest prime powers "
                  "are {} and {}",
                  order, below, above));
}

/// A polynomial over GF(p).
class PrimePolynomial {
 public:
  PrimePolynomial(std::uint32_t prime, const std::vector<Monomial>& monomials) {
    nmod_poly_init(value_, prime);
    for (const Monomial& monomial : monomials) {
      nmod_poly_set_coeff_ui(value_, monomial.exponent, monomial.coefficient);
    }
  }
  ~PrimePolynomial() { nmod_poly_clear(value_); }
  PrimePolynomial(const PrimePolynomial&) = delete;
  PrimePolynomial& operator=(const PrimePolynomial&) = delete;

  const nmod_poly_struct* get() const noexcept { return value_; }

 private:
  nmod_poly_t value_;
};

/// FLINT's GF(p^m). The prime is below 2^16, so every coefficient and element fits in one word.
class FlintField {
 public:
  FlintField(std::uint32_t prime, std::uint32_t degree) {
    fmpz_t big_prime;
    fmpz_init_set_ui(big_prime, prime);
    const int known = _fq_nmod_ctx_init_conway(context_, big_prime, degree, "x");
    fmpz_clear(big_prime);
    if (known == 0) {
      throw InternalError(fmt::format("FLINT has no Conway polynomial for {}^{}", prime, degree));
    }
  }
  /// Precondition: irreducible; FLINT does not check.
  explicit FlintField(const PrimePolynomial& modulus) {
    fq_nmod_ctx_init_modulus(context_, modulus.get(), "x");
  }
  ~FlintField() { fq_nmod_ctx_clear(context_); }
  FlintField(const FlintField&) = delete;
  FlintField& operator=(const FlintField&) = delete;

  const fq_nmod_ctx_struct* get() const noexcept { return context_; }

  std::vector<Monomial> modulus() const {
    const nmod_poly_struct* polynomial = fq_nmod_ctx_modulus(context_);
    std::vector<Monomial> monomials;
    for (slong i = nmod_poly_degree(polynomial); i >= 0; --i) {
      const auto coefficient = static_cast<Element>(nmod_poly_get_coeff_ui(polynomial, i));
      if (coefficient != 0) monomials.push_back({static_cast<std::uint32_t>(i), coefficient, 0});
    }
    return monomials;
  }

 private:
  fq_nmod_ctx_t context_;
};

class FlintElement {
 public:
  explicit FlintElement(const FlintField& field) : field_(field) {
    fq_nmod_init(value_, field_.get());
  }
  ~FlintElement() { fq_nmod_clear(value_, field_.get()); }
  FlintElement(const FlintElement&) = delete;
  FlintElement& operator=(const FlintElement&) = delete;

  fq_nmod_struct* get() noexcept { return value_; }

  void set(Element element, std::uint32_t prime) {
    fq_nmod_zero(value_, field_.get());
    for (slong i = 0; element != 0; ++i, element /= prime) {
      nmod_poly_set_coeff_ui(value_, i, element % prime);
    }
  }
  Element to_integer(std::uint32_t prime) const {
    Element element = 0;
    for (slong i = nmod_poly_length(value_); i-- > 0;) {
      element = element * prime + static_cast<Element>(nmod_poly_get_coeff_ui(value_, i));
    }
    return element;
  }

 private:
  const FlintField& field_;
  fq_nmod_t value_;
};

bool is_primitive(FlintElement& element, const FlintField& field, std::uint64_t group_order) {
  n_factor_t factors;
  n_factor_init(&factors);
  n_factor(&factors, group_order, 1);
  FlintElement power(field);
  for (int i = 0; i < factors.num; ++i) {
    fq_nmod_pow_ui(power.get(), element.get(), group_order / factors.p[i], field.get());
    if (fq_nmod_is_one(power.get(), field.get())) return false;
  }
  return true;
}

std::vector<Element> powers_in_prime_field(std::uint32_t prime) {
  const std::uint64_t generator = prime == 2 ? 1 : n_primitive_root_prime(prime);
  std::vector<Element> powers(prime - 1);
  std::uint64_t power = 1;
  for (Element& entry : powers) {
    entry = static_cast<Element>(power);
    power = power * generator % prime;
  }
  return powers;
}

std::vector<Element> powers_in_extension(const FlintField& field, std::uint32_t prime,
                                         std::uint32_t order) {
  FlintElement generator(field);
  Element candidate = prime;  // the element x
  do {
    // Never taken: the multiplicative group is cyclic. It bounds the loop should FLINT disagree.
    if (candidate == order) throw InternalError(fmt::format("GF({}): no primitive element", order));
    generator.set(candidate++, prime);
  } while (!is_primitive(generator, field, order - 1));

  std::vector<Element> powers(order - 1);
  FlintElement power(field);
  power.set(1, prime);
  for (Element& entry : powers) {
    entry = power.to_integer(prime);
    fq_nmod_mul(power.get(), power.get(), generator.get(), field.get());
  }
  return powers;
}

std::vector<Monomial> read_modulus(const std::string& text, std::uint32_t prime,
                                   std::uint32_t degree, std::uint64_t order) {
  // A power above the degree is an error in any case; the generous bound lets the better message
  // below come first.
  constexpr std::uint32_t max_exponent = 1000;
  TextCursor cursor("modulus", text);
  std::vector<Monomial> monomials = read_monic_polynomial(cursor, Field(prime), max_exponent);
  const Monomial& leading = monomials.front();
  if (leading.exponent != degree) {
    cursor.fail(leading.column, fmt::format("the degree is {}; GF({}) = GF({}^{}) needs a modulus "
                                            "of degree {} over GF({})",
                                            leading.exponent, order, prime, degree, degree, prime));
  }
  if (!nmod_poly_is_irreducible(PrimePolynomial(prime, monomials).get())) {
    cursor.fail(leading.column,
                fmt::format("the polynomial is reducible over GF({}); leave the modulus out to use "
                            "the Conway polynomial {}",
                            prime, polynomial_text(FlintField(prime, degree).modulus())));
  }
  return monomials;
}

}  // namespace

Field::Field(std::uint64_t order, const std::string& modulus) {
  const PrimePower factored = check_order(order);
  order_ = static_cast<std::uint32_t>(order);
  characteristic_ = factored.prime;
  degree_ = factored.exponent;

  auto tables = std::make_shared<Tables>();
  if (is_prime()) {
    if (!modulus.empty()) {
      throw JobError(
          fmt::format("modulus {}: GF({}) is a prime field and has no modulus; leave it "
                      "out, or give the order of an extension field",
                      quote_for_message(modulus), order));
    }
    tables->power = powers_in_prime_field(order_);
  } else {
    const auto build = [&](const FlintField& field) {
      modulus_ = polynomial_text(field.modulus());
      tables->power = powers_in_extension(field, characteristic_, order_);
    };
    if (modulus.empty()) {
      build(FlintField(characteristic_, degree_));
    } else {
      build(FlintField(PrimePolynomial(characteristic_,
                                       read_modulus(modulus, characteristic_, degree_, order))));
    }
  }

  const std::uint32_t group_order = order_ - 1;
  tables->logarithm.resize(order_);
  for (std::uint32_t i = 0; i < group_order; ++i) tables->logarithm[tables->power[i]] = i;
  tables->power.resize(2 * std::size_t{group_order});
  for (std::uint32_t i = 0; i < group_order; ++i) {
    tables->power[group_order + i] = tables->power[i];
  }
  tables_ = std::move(tables);
}

Element Field::add(Element a, Element b) const noexcept {
  if (characteristic_ == 2) return a ^ b;
  if (is_prime()) {
    const Element sum = a + b;
    return sum >= order_ ? sum - order_ : sum;
  }
  Element sum = 0;
  for (Element weight = 1; a != 0 || b != 0; weight *= characteristic_) {
    sum += (a % characteristic_ + b % characteristic_) % characteristic_ * weight;
    a /= characteristic_;
    b /= characteristic_;
  }
  return sum;
}

Element Field::negate(Element a) const noexcept {
  if (characteristic_ == 2) return a;
  if (is_prime()) return a == 0 ? 0 : order_ - a;
  Element negative = 0;
  for (Element weight = 1; a != 0; weight *= characteristic_) {
    negative += (characteristic_ - a % characteristic_) % characteristic_ * weight;
    a /= characteristic_;
  }
  return negative;
}

Element Field::inverse(Element a) const {
  if (a == 0) throw InternalError(fmt::format("GF({}): 0 has no inverse", order_));
  return tables_->power[order_ - 1 - tables_->logarithm[a]];
}

}  // namespace orbitmill
