#include "orbitmill/kernel/word_stepper.hpp"

#include <algorithm>

#include "orbitmill/error.hpp"

namespace orbitmill {

WordStepper::WordStepper(const Register& reg) : length_(reg.length()) {
  if (reg.field().order() != 2 || !reg.is_nonsingular() || !reg.is_exhaustible()) {
    throw InternalError("the word kernel got a register it does not cover");
  }
  unsigned highest_tap = 0;
  unsigned lowest_tap = length_;  // of the taps other than x_0; n when x_0 is alone
  for (const Term& term : reg.feedback().terms) {
    for (const unsigned stage : term.stages) {
      highest_tap = std::max(highest_tap, stage);
      if (stage > 0) lowest_tap = std::min(lowest_tap, stage);
    }
  }
  const unsigned forward_symbols = length_ - highest_tap;
  const unsigned backward_symbols = lowest_tap;
  forward_ = forward_symbols >= backward_symbols;
  symbols_ = std::min(std::max(forward_symbols, backward_symbols), 64 - length_);

  for (const Term& term : reg.feedback().terms) {
    if (term.stages.empty()) {
      constant_ = ~std::uint64_t{0};
      continue;
    }
    std::vector<unsigned> shifts;
    for (const unsigned stage : term.stages) {
      // Backwards the symbol y_d sits at bit D-d; it takes stage i-d for a tap i, and x_{n-d} in
      // the place of x_0: so the tap i becomes a shift by i-D, and x_0 a shift by n-D.
      const unsigned backward_stage = stage == 0 ? length_ : stage;
      shifts.push_back(forward_ ? stage : backward_stage - symbols_);
    }
    if (shifts.size() == 1) {
      linear_shifts_.push_back(shifts.front());
    } else {
      product_degrees_.push_back(static_cast<unsigned>(shifts.size()));
      product_shifts_.insert(product_shifts_.end(), shifts.begin(), shifts.end());
    }
  }
}

}  // namespace orbitmill
