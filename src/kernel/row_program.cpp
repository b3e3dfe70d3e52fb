#include "orbitmill/kernel/row_program.hpp"

#include <algorithm>
#include <bit>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

unsigned distance_of(unsigned stage, unsigned length, bool forward) {
  if (forward) return length - stage;
  return stage == 0 ? length : stage;
}

unsigned least_distance(const Register& reg, bool forward) {
  unsigned least = reg.length();
  for (const Term& term : reg.feedback().terms) {
    for (const unsigned stage : term.stages) {
      least = std::min(least, distance_of(stage, reg.length(), forward));
    }
  }
  return least;
}

void append(RowTerms& terms, const std::vector<unsigned>& distances) {
  switch (distances.size()) {
    case 1:
      terms.linear.push_back(distances.front());
      break;
    case 2:
      terms.pairs.insert(terms.pairs.end(), distances.begin(), distances.end());
      break;
    default:
      terms.product_degrees.push_back(static_cast<unsigned>(distances.size()));
      terms.product_factors.insert(terms.product_factors.end(), distances.begin(), distances.end());
  }
}

}  // namespace

RowProgram make_row_program(const Register& reg) {
  if (reg.field().order() != 2 || !reg.is_nonsingular() || !reg.is_exhaustible() ||
      reg.length() < RowProgram::min_length) {
    throw InternalError("the bit-sliced kernel got a register it does not cover");
  }
  RowProgram program;
  program.length = reg.length();
  program.forward = least_distance(reg, true) >= least_distance(reg, false);
  const unsigned least = least_distance(reg, program.forward);
  program.near_rows = std::min(std::bit_floor(least), RowProgram::tile_rows);
  for (const Term& term : reg.feedback().terms) {
    if (term.stages.empty()) {
      program.complemented = true;
      continue;
    }
    std::vector<unsigned> distances;
    for (const unsigned stage : term.stages) {
      distances.push_back(distance_of(stage, program.length, program.forward));
    }
    const bool near = *std::ranges::min_element(distances) < RowProgram::tile_rows;
    append(near ? program.near : program.far, distances);
  }
  return program;
}

}  // namespace orbitmill
