/// The feedback function f(x_0, ..., x_{n-1}) of a register as a sum of terms.
///
/// Over GF(2) this is the algebraic normal form; over every GF(q) it may be linear or affine. A
/// term is coefficient * product of distinct stages; the empty product is 1, so a term without
/// stages is the constant.
#pragma once

#include <cstdint>
#include <vector>

#include "orbitmill/register/field.hpp"

namespace orbitmill {

/// coefficient * x_{stages[0]} * x_{stages[1]} * ...
struct Term {
  Element coefficient = 1;
  std::vector<std::uint32_t> stages;  ///< ascending, distinct; empty for the constant term

  friend bool operator==(const Term&, const Term&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& coefficient& stages;
  }
};

/// f as a sum of terms in canonical order: the linear terms by stage, then the products by degree
/// and then lexicographically by stages, the constant last. No two terms have the same stages and
/// no coefficient is 0.
struct Feedback {
  std::vector<Term> terms;

  friend bool operator==(const Feedback&, const Feedback&) = default;

  /// Brings `terms` into canonical order. Does not merge; the parsers refuse repeated terms.
  void sort_terms();

  /// True when no term has more than one stage (a constant is allowed).
  bool is_affine() const noexcept;
  /// True when every term has exactly one stage.
  bool is_linear() const noexcept;
  /// Coefficient of the linear term c * x_stage, 0 if there is none.
  Element linear_coefficient(std::uint32_t stage) const noexcept;
  /// The constant term, 0 if there is none.
  Element constant() const noexcept;
  /// f = c x_0 + g(x_1, ...) with c != 0: x_0 occurs in its linear term and nowhere else.
  /// Exactly then the step is a bijection (over GF(2) for every f; for affine f over every field).
  bool is_nonsingular() const noexcept;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& terms;
  }
};

}  // namespace orbitmill
