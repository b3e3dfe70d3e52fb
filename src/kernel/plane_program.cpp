#include "orbitmill/kernel/plane_program.hpp"

#include <algorithm>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// One term of the recurrence: coefficient times the symbol `distance` back.
struct Tap {
  unsigned distance;
  Element coefficient;
};

struct Recurrence {
  std::vector<Tap> taps;
  Element constant = 0;

  unsigned least_distance() const { return std::ranges::min(taps, {}, &Tap::distance).distance; }
};

Recurrence recurrence_of(const Register& reg, bool forward) {
  const Field& field = reg.field();
  const unsigned n = reg.length();
  const Element first = field.inverse(reg.feedback().linear_coefficient(0));
  Recurrence result;
  for (const Term& term : reg.feedback().terms) {
    const Element coefficient =
        forward ? term.coefficient : field.negate(field.multiply(first, term.coefficient));
    if (term.stages.empty()) {
      result.constant = coefficient;
    } else if (forward) {
      result.taps.push_back({n - term.stages.front(), coefficient});
    } else if (term.stages.front() != 0) {
      result.taps.push_back({term.stages.front(), coefficient});
    }
  }
  // f takes the place of x_0 at the far end.
  if (!forward) result.taps.push_back({n, first});
  return result;
}

void append(PlaneTerms& terms, const Tap& tap, const PlaneProgram& program, const Field& field) {
  const auto newest = -static_cast<std::ptrdiff_t>(tap.distance);
  if (program.order == 3) {
    (tap.coefficient == 1 ? terms.plus : terms.minus).push_back(newest);
    return;
  }
  // Column `source` of the matrix of the product: the image of the basis element x^source.
  for (unsigned source = 0; source < program.bits; ++source) {
    const Element image = field.multiply(tap.coefficient, Element{1} << source);
    for (unsigned plane = 0; plane < program.bits; ++plane) {
      if ((image >> plane & 1) != 0) terms.sums[plane].push_back(source * program.stride + newest);
    }
  }
}

}  // namespace

bool plane_program_covers(const Register& reg) {
  const unsigned order = reg.field().order();
  return (order == 3 || order == 4 || order == 8) && reg.feedback().is_affine() &&
         reg.is_nonsingular() && reg.is_exhaustible() && reg.length() >= PlaneProgram::min_length;
}

PlaneProgram make_plane_program(const Register& reg, unsigned stride) {
  if (!plane_program_covers(reg)) {
    throw InternalError("the kernel for planes got a register it does not cover");
  }
  PlaneProgram program;
  program.order = reg.field().order();
  program.length = reg.length();
  program.stride = stride;
  program.bits = program.order == 8 ? 3 : 2;
  program.planes = program.order == 3 ? program.bits : program.bits + 1;
  program.nonzero_plane = program.order == 3 ? 0 : program.bits;

  const Recurrence ahead = recurrence_of(reg, true);
  const Recurrence back = recurrence_of(reg, false);
  program.forward = ahead.least_distance() >= back.least_distance();
  const Recurrence& chosen = program.forward ? ahead : back;
  for (unsigned plane = 0; plane < program.bits; ++plane) {
    program.constant_planes[plane] = (program.planes_of(chosen.constant) >> plane & 1) != 0;
  }
  program.near_rows = chosen.least_distance() == 1 ? 1 : 2;
  for (const Tap& tap : chosen.taps) {
    const bool near = tap.distance < PlaneProgram::tile_rows;
    append(near ? program.near : program.far, tap, program, reg.field());
  }
  return program;
}

}  // namespace orbitmill
