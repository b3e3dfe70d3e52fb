#include "orbitmill/decompose/campaign_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace orbitmill {
namespace {

constexpr double margin = 3;

double count_of(const RegisterClass& registers) {
  return static_cast<double>(registers.registers);
}

}  // namespace

std::vector<UnitDecision> decide_units(const std::vector<RegisterClass>& classes, unsigned workers,
                                       double overhead_s) {
  std::vector<std::size_t> dearest(classes.size());
  std::iota(dearest.begin(), dearest.end(), std::size_t{0});
  std::ranges::stable_sort(
      dearest, [&](std::size_t a, std::size_t b) { return classes[a].lone_s > classes[b].lone_s; });
  const auto shared_s = [&](const RegisterClass& registers) {
    return count_of(registers) * (registers.full_s / workers + overhead_s);
  };

  // The first `shared` of them by everybody, the rest whole. A greedy schedule of whole registers
  // ends at most one register after the mean (Graham, "Bounds on multiprocessing timing anomalies",
  // 1969).
  std::size_t best = 0;
  double best_s = std::numeric_limits<double>::infinity();
  double by_everybody_s = 0;
  for (std::size_t shared = 0; shared <= classes.size() && workers > 0; ++shared) {
    double whole_s = 0, longest_s = 0;
    for (std::size_t i = shared; i < classes.size(); ++i) {
      const RegisterClass& registers = classes[dearest[i]];
      whole_s += count_of(registers) * registers.lone_s;
      if (registers.registers > 0) longest_s = std::max(longest_s, registers.lone_s);
    }
    const double total_s = by_everybody_s + whole_s / workers + longest_s * (1 - 1.0 / workers);
    if (total_s < best_s) {
      best = shared;
      best_s = total_s;
    }
    if (shared == classes.size()) break;
    const RegisterClass& next = classes[dearest[shared]];
    if (workers == 1 || next.full_s <= margin * overhead_s) break;
    by_everybody_s += shared_s(next);
  }

  std::vector<UnitDecision> decisions(classes.size());
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const RegisterClass& registers = classes[dearest[i]];
    UnitDecision& decision = decisions[dearest[i]];
    decision.by_everybody = i < best;
    const double whole_s = count_of(registers) * registers.lone_s / workers;
    decision.predicted_s = decision.by_everybody ? shared_s(registers) : whole_s;
    decision.reason = fmt::format(
        "n = {} over GF({}): {} registers, {:.3g} s each on one thread; {} ({:.3g} s for all of "
        "them, {} {:.3g} s; {} workers, overhead of sharing one {:.3g} s)",
        registers.length, registers.field_order, registers.registers, registers.lone_s,
        decision.by_everybody ? "each by everybody" : "whole registers, spread over the threads",
        decision.predicted_s, decision.by_everybody ? "spread whole" : "each by everybody",
        decision.by_everybody ? whole_s : shared_s(registers), workers, overhead_s);
  }
  return decisions;
}

}  // namespace orbitmill
