/// A register over GF(2) as a recurrence on rows: what the bit-sliced kernel executes.
///
/// Row t of a walk is its t-th symbol, for 512 walks (lanes) at once. In walking order the symbols
/// obey one recurrence: the new row is a sum of products of rows some distances back. Two
/// directions do: forward (the step) has stage i at distance n-i; backward (the inverse step,
/// x_0 = y_{n-1} + g(y_0, ..., y_{n-2})) has stage 0 at distance n and every other stage i at
/// distance i. The shorter the least distance, the fewer rows can be computed before one needs
/// another: the program takes the direction where it is larger. Cycles, lengths and leaders are the
/// same in both.
#pragma once

#include <vector>

#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// A sum of products of earlier rows, by their distances.
struct RowTerms {
  std::vector<unsigned> linear;           ///< one distance per linear term
  std::vector<unsigned> pairs;            ///< two per product of two
  std::vector<unsigned> product_degrees;  ///< degrees of the longer products
  std::vector<unsigned> product_factors;  ///< their distances, one product after the other
};

struct RowProgram {
  /// Rows computed together. A term whose least distance is below is `near` and taken row by row,
  /// or `near_rows` at a time; the others, usually all, are interpreted once per tile.
  static constexpr unsigned tile_rows = 8;
  /// Below this length the recurrence has no room for a tile.
  static constexpr unsigned min_length = 8;

  unsigned length = 0;        ///< n; n rows are a state
  bool forward = true;        ///< false: the walk is the inverse step
  bool complemented = false;  ///< f has the constant term
  unsigned near_rows = 8;     ///< 1, 2 or 4 where there are near terms
  RowTerms far;               ///< holds the linear term of distance n, too
  RowTerms near;

  bool has_near_terms() const noexcept {
    return !near.linear.empty() || !near.pairs.empty() || !near.product_degrees.empty();
  }
};

/// Precondition: q = 2, nonsingular, min_length <= n <= 62. Throws InternalError otherwise.
RowProgram make_row_program(const Register& reg);

}  // namespace orbitmill
