/// Polynomials over GF(q) by schoolbook arithmetic on oracle::SlowField, and random ones.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "oracle/bitmap_walk.hpp"
#include "orbitmill/algebra/polynomial.hpp"

namespace test {

/// A field for both sides. The moduli without text are the Conway polynomials of Luebeck's tables.
struct FieldPair {
  std::uint64_t order;
  std::string modulus;  ///< as the program is told it; empty: prime, or the Conway polynomial
  oracle::SlowField slow;

  orbitmill::Field fast() const { return orbitmill::Field(order, modulus); }
};

inline const std::vector<FieldPair>& field_pairs() {
  static const std::vector<FieldPair> pairs = {{2, "", {2, {}}},
                                               {3, "", {3, {}}},
                                               {4, "", {2, {1, 1, 1}}},
                                               {5, "", {5, {}}},
                                               {7, "", {7, {}}},
                                               {8, "", {2, {1, 1, 0, 1}}},
                                               {8, "x^3 + x^2 + 1", {2, {1, 0, 1, 1}}},
                                               {9, "", {3, {2, 2, 1}}},
                                               {9, "x^2 + 1", {3, {1, 0, 1}}},
                                               {16, "", {2, {1, 1, 0, 0, 1}}},
                                               {25, "", {5, {2, 4, 1}}}};
  return pairs;
}

using Coefficients = std::vector<std::uint64_t>;  ///< least first, the last one is not 0

inline std::uint64_t slow_negate(const oracle::SlowField& field, std::uint64_t a) {
  std::uint64_t b = 0;
  while (field.add(a, b) != 0) ++b;
  return b;
}

inline void trim(Coefficients& a) {
  while (!a.empty() && a.back() == 0) a.pop_back();
}

inline Coefficients slow_multiply(const oracle::SlowField& field, const Coefficients& a,
                                  const Coefficients& b) {
  if (a.empty() || b.empty()) return {};
  Coefficients product(a.size() + b.size() - 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = 0; j < b.size(); ++j) {
      product[i + j] = field.add(product[i + j], field.multiply(a[i], b[j]));
    }
  }
  return product;
}

/// a modulo the monic b.
inline Coefficients slow_remainder(const oracle::SlowField& field, Coefficients a,
                                   const Coefficients& b) {
  for (trim(a); a.size() >= b.size(); trim(a)) {
    const std::uint64_t factor = slow_negate(field, a.back());
    const std::size_t shift = a.size() - b.size();
    for (std::size_t i = 0; i < b.size(); ++i) {
      a[shift + i] = field.add(a[shift + i], field.multiply(factor, b[i]));
    }
  }
  return a;
}

/// The least e >= 1 with x^e = 1 modulo f, by multiplying with x. Precondition: monic, f(0) != 0.
inline std::uint64_t slow_order(const oracle::SlowField& field, const Coefficients& f) {
  if (f.size() == 1) return 1;
  const Coefficients one = {1};
  Coefficients value = one;
  for (std::uint64_t e = 1;; ++e) {
    value = slow_remainder(field, slow_multiply(field, {0, 1}, value), f);
    if (value == one) return e;
  }
}

/// No monic polynomial of at most half the degree divides f.
inline bool slow_is_irreducible(const oracle::SlowField& field, const Coefficients& f) {
  for (std::size_t degree = 1; 2 * degree < f.size(); ++degree) {
    Coefficients divisor(degree + 1);
    divisor.back() = 1;
    while (true) {
      if (slow_remainder(field, f, divisor).empty()) return false;
      std::size_t digit = 0;
      while (digit < degree && ++divisor[digit] == field.order()) divisor[digit++] = 0;
      if (digit == degree) break;
    }
  }
  return true;
}

inline Coefficients to_slow(const orbitmill::Polynomial& polynomial) {
  Coefficients result;
  for (const orbitmill::Element coefficient : polynomial.coefficients)
    result.push_back(coefficient);
  return result;
}

inline orbitmill::Polynomial to_fast(const Coefficients& coefficients) {
  orbitmill::Polynomial result;
  for (const std::uint64_t coefficient : coefficients) {
    result.coefficients.push_back(static_cast<orbitmill::Element>(coefficient));
  }
  return result;
}

/// A monic polynomial of exactly `degree` >= 1: powers of small ones, x and x - 1 among them, times
/// a random rest. Every fourth has no such powers.
template <class Generator>
Coefficients random_monic(Generator& random, const oracle::SlowField& field, std::size_t degree) {
  const auto monic = [&](std::size_t size) {
    Coefficients result(size + 1);
    for (auto& coefficient : result) coefficient = random() % field.order();
    result.back() = 1;
    return result;
  };
  Coefficients product = {1};
  for (std::uint64_t count = random() % 4; count > 0; --count) {
    Coefficients small = monic(1 + random() % 3);
    const std::uint64_t kind = random() % 4;
    if (kind == 0) small = {0, 1};
    if (kind == 1) small = {slow_negate(field, 1), 1};
    for (std::uint64_t power = 1 + random() % 6; power > 0; --power) {
      if (product.size() + small.size() - 2 > degree) break;
      product = slow_multiply(field, product, small);
    }
  }
  return slow_multiply(field, product, monic(degree + 1 - product.size()));
}

/// The greatest degree d >= 1 with q^d <= states.
inline std::size_t longest_degree(std::uint64_t q, std::uint64_t states) {
  std::size_t degree = 0;
  for (std::uint64_t count = q; count <= states; count *= q) ++degree;
  return degree;
}

}  // namespace test
