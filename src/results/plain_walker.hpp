/// The step as the definition says it, over GF(2) with a mask a term: for `verify`, which must not
/// trust the kernels of the engines.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

class PlainWalker {
 public:
  /// Precondition: q^n < 2^63. Keeps a reference to `reg`.
  explicit PlainWalker(const Register& reg) : register_(reg), binary_(reg.field().order() == 2) {
    if (!binary_) return;
    for (const Term& term : reg.feedback().terms) {
      State mask = 0;
      for (const std::uint32_t stage : term.stages) mask |= State{1} << stage;
      if (term.stages.size() == 1) {
        linear_ |= mask;
      } else {
        products_.push_back(mask);  // the constant has an empty mask, which every state contains
      }
    }
  }

  State next(State state) const {
    if (!binary_) return register_.next(state);
    unsigned fresh = static_cast<unsigned>(std::popcount(state & linear_)) & 1U;
    for (const State mask : products_) fresh ^= (state & mask) == mask ? 1U : 0U;
    return state >> 1 | State{fresh} << (register_.length() - 1);
  }

  /// The cycle of a state; nothing if it is longer than `limit`.
  std::optional<CycleRow> cycle_of(State start, std::uint64_t limit) const {
    CycleRow row{start, 0};
    State state = start;
    do {
      if (row.length == limit) return std::nullopt;
      state = next(state);
      ++row.length;
      if (state < row.leader) row.leader = state;
    } while (state != start);
    return row;
  }

 private:
  const Register& register_;
  bool binary_;
  State linear_ = 0;
  std::vector<State> products_;
};

}  // namespace orbitmill
