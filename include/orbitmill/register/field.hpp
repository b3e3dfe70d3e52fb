/// The finite field GF(q), q = p^m <= 65536: its elements and their arithmetic.
///
/// An element is an integer 0..q-1 whose base-p digits are the coefficients of a polynomial in the
/// generator, least digit first (DESIGN: "GF(p^m): elements are integers 0..q-1"). The modulus is
/// the Conway polynomial of GF(p^m) unless one is given. Construction uses FLINT (fq_nmod); the hot
/// operations are table lookups. Copies share the tables and are cheap.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace orbitmill {

/// An element of GF(q) as an integer 0..q-1.
using Element = std::uint32_t;

class Field {
 public:
  static constexpr std::uint64_t max_order = 65536;

  /// Builds GF(order). `modulus` is a monic irreducible polynomial of degree m over GF(p) in `x`,
  /// such as "x^4 + x + 1"; empty means the Conway polynomial. It must be empty for prime order.
  /// Throws JobError if the order is no prime power, is above max_order, or the modulus does not
  /// parse, has the wrong degree, is not monic or is reducible. Cost: O(q) table set-up.
  explicit Field(std::uint64_t order, const std::string& modulus = {});

  std::uint32_t order() const noexcept { return order_; }                    ///< q
  std::uint32_t characteristic() const noexcept { return characteristic_; }  ///< p
  std::uint32_t degree() const noexcept { return degree_; }                  ///< m, q = p^m
  bool is_prime() const noexcept { return degree_ == 1; }

  /// Canonical text of the modulus, such as "x^4 + x + 1"; empty for a prime field.
  const std::string& modulus() const noexcept { return modulus_; }

  /// Arithmetic; arguments must be below order().
  Element add(Element a, Element b) const noexcept;
  Element negate(Element a) const noexcept;
  Element subtract(Element a, Element b) const noexcept { return add(a, negate(b)); }
  Element multiply(Element a, Element b) const noexcept {
    if (a == 0 || b == 0) return 0;
    return tables_->power[tables_->logarithm[a] + tables_->logarithm[b]];
  }
  /// Multiplicative inverse. Throws InternalError for 0.
  Element inverse(Element a) const;

 private:
  /// Powers and discrete logarithms to the base of one primitive element g.
  struct Tables {
    std::vector<Element> power;  ///< g^i for 0 <= i < 2(q-1), so that no reduction is needed
    std::vector<std::uint32_t> logarithm;  ///< log_g a for 1 <= a < q; entry 0 is unused
  };

  std::uint32_t order_ = 0;
  std::uint32_t characteristic_ = 0;
  std::uint32_t degree_ = 0;
  std::string modulus_;
  std::shared_ptr<const Tables> tables_;
};

}  // namespace orbitmill
