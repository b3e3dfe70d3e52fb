/// An affine register over GF(3), GF(4) or GF(8) as recurrences on rows: what the bit-sliced kernel
/// executes for them.
///
/// A symbol takes several rows, one a plane. Planes lie apart: plane b of symbol t is row t of
/// column b, and column b begins b * stride rows behind column 0.
///
/// GF(2^m): plane b holds coefficient b of the element as a polynomial in the generator. The
/// product with a constant is GF(2)-linear, so that every plane of the new symbol is a sum (XOR) of
/// planes of earlier ones, whatever the modulus. One more plane, the last, is the OR of the others:
/// 1 where the symbol is not zero.
///
/// GF(3): 0, 1, 2 are (0,0), (1,0), (1,1) as (plane 0, plane 1), with which a sum or a difference
/// takes six operations (Boothby, Bradshaw, "Bitslicing and the Method of Four Russians over larger
/// finite fields", 2009, section 3). The coefficients are 1 and -1, and plane 0 alone says where
/// the symbol is not zero.
///
/// Directions are those of row_program.hpp, with the coefficients that the inverse step
///     y = c_0^-1 (x_{n-1} - c - sum over i >= 1 of c_i x_{i-1})
/// needs over any field.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// Sums over earlier symbols. A source is the place of a row as seen from the new symbol's row in
/// column 0: column * stride - distance.
struct PlaneTerms {
  /// GF(2^m): sums[b] lists the rows whose sum goes to plane b.
  std::array<std::vector<std::ptrdiff_t>, 3> sums;
  /// GF(3): symbols to be added and subtracted, by their plane 0.
  std::vector<std::ptrdiff_t> plus, minus;

  bool empty() const noexcept {
    return sums[0].empty() && sums[1].empty() && sums[2].empty() && plus.empty() && minus.empty();
  }
};

struct PlaneProgram {
  /// Symbols computed together. A term at a smaller distance is near, as in RowProgram. Fewer than
  /// there: short registers have many states when q is large.
  static constexpr unsigned tile_rows = 4;
  /// Below this length the recurrence has no room for a tile.
  static constexpr unsigned min_length = 4;

  unsigned order = 0;   ///< q
  unsigned length = 0;  ///< n
  bool forward = true;  ///< false: the walk is the inverse step
  unsigned bits = 0;    ///< planes that hold a symbol: 2 or 3
  unsigned planes = 0;  ///< all planes
  unsigned nonzero_plane = 0;
  std::ptrdiff_t stride = 0;              ///< rows from one column to the next
  std::array<bool, 3> constant_planes{};  ///< planes of the constant term of the recurrence
  unsigned near_rows = 1;                 ///< 1 or 2 where there are near terms
  PlaneTerms far;
  PlaneTerms near;

  /// The planes of an element, plane b at bit b.
  unsigned planes_of(Element element) const { return order == 3 && element == 2 ? 3 : element; }
};

/// True where make_plane_program() takes the register.
bool plane_program_covers(const Register& reg);

/// Precondition: q = 3, 4 or 8, affine, nonsingular, n >= PlaneProgram::min_length, q^n < 2^63.
/// Throws InternalError otherwise.
PlaneProgram make_plane_program(const Register& reg, unsigned stride);

}  // namespace orbitmill
