/// Maximum period: stages in the order of their cost, each of which can say no.
///
/// Of the registers without a cycle of fewer than p states, about one of p has one of p: that is a
/// random permutation, and registers resemble one. The words up to P leave 1.8 / P of them, and a
/// walk settles the rest. It ends at the first cycle that closes, for that is all states or a
/// witness against them.
#include <chrono>

#include "lone_engine_tables.hpp"
#include "orbitmill/algebra/polynomial_order.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;

/// Counts a stage as entered, and measures it until it is left.
class StageVisit {
 public:
  StageVisit(PeriodStageCounts& counts, PeriodStage stage)
      : count_(counts[static_cast<std::size_t>(stage)]), stage_(stage), start_(Clock::now()) {
    ++count_.entered;
  }
  ~StageVisit() { count_.seconds += std::chrono::duration<double>(Clock::now() - start_).count(); }
  StageVisit(const StageVisit&) = delete;
  StageVisit& operator=(const StageVisit&) = delete;

  PeriodAnswer settle(bool maximum, std::uint64_t witness_length) {
    ++count_.settled;
    return {maximum, stage_, witness_length};
  }

 private:
  PeriodStageCount& count_;
  PeriodStage stage_;
  Clock::time_point start_;
};

/// The number of fixed points over GF(2): 0...0 and 1...1 are the only states that can be one.
unsigned fixed_points(const Register& reg) {
  const State ones = reg.state_count() - 1;
  return (reg.next(0) == 0 ? 1U : 0U) + (ones != 0 && reg.next(ones) == ones ? 1U : 0U);
}

/// Over GF(2) and for n > 2 the number of cycles is congruent to the weight of g, f = x_0 + g,
/// modulo 2 (Golomb, Shift Register Sequences, ch. 6.2): each value of g that changes cuts a cycle
/// or joins two. The weight is odd exactly when g has the product of all its stages.
bool cycles_are_odd(const Register& reg) {
  for (const Term& term : reg.feedback().terms) {
    if (term.stages.size() == reg.length() - 1) return true;
  }
  return false;
}

}  // namespace

std::string_view name_of(PeriodStage stage) {
  switch (stage) {
    case PeriodStage::fixed_points:
      return "fixed points";
    case PeriodStage::linear:
      return "linear";
    case PeriodStage::short_cycles:
      return "short cycles";
    case PeriodStage::early_walk:
      return "early walk";
    case PeriodStage::full_pass:
      break;
  }
  return "full pass";
}

std::optional<PeriodAnswer> LoneEngine::rule_out(const Register& reg, PeriodStageCounts& counts) {
  if (reg.field().order() != 2 || reg.length() < RowProgram::min_length) return std::nullopt;
  {
    StageVisit visit(counts, PeriodStage::fixed_points);
    const unsigned fixed = fixed_points(reg);
    if (fixed == 2) return visit.settle(false, 1);
    // One cycle beside the fixed point, if there is one.
    if (cycles_are_odd(reg) != (fixed == 0)) return visit.settle(false, 0);
  }
  const RowProgram program = make_row_program(reg);
  StageVisit visit(counts, PeriodStage::short_cycles);
  const unsigned longest = longest_period_tried(reg.length());
  for (unsigned period = 2; period <= longest; ++period) {
    if (tables_->words.any_cycle(program, period)) return visit.settle(false, period);
  }
  return std::nullopt;
}

PeriodAnswer LoneEngine::period(const Register& reg, PeriodStageCounts& counts) {
  reg.require_exhaustible();
  if (reg.is_linear()) return period_by_algebra(reg, counts);
  if (reg.field().order() != 2 || reg.length() < RowProgram::min_length) {
    return period_by_histogram(reg, counts);
  }
  if (const auto no = rule_out(reg, counts)) return *no;
  const std::uint64_t target = reg.state_count() - fixed_points(reg);
  const RowProgram program = make_row_program(reg);
  std::uint64_t first_cycle = 0;
  const auto stop_at_first = [&first_cycle](std::uint64_t length) {
    first_cycle = length;
    return false;
  };
  ChainWalk& walk = tables_->walk;
  {
    StageVisit visit(counts, PeriodStage::early_walk);
    walk.reset(program, ChainWalk::zeros_for_search(reg.length()));
    walk.use_up_milestones(stop_at_first);
    // The cycle of all states closes late, but the last milestones may still wait for a lane that
    // counts them out.
    if (first_cycle != 0 && first_cycle < target) return visit.settle(false, first_cycle);
  }
  StageVisit visit(counts, PeriodStage::full_pass);
  if (first_cycle == 0) walk.finish(stop_at_first);
  // With milestones there is a cycle; longer than all states it cannot be.
  if (first_cycle == 0 || first_cycle > target) {
    throw InternalError("the walk of a register closed no cycle, or one of too many states");
  }
  return visit.settle(first_cycle == target, first_cycle);
}

PeriodAnswer LoneEngine::period_by_algebra(const Register& reg, PeriodStageCounts& counts) {
  StageVisit visit(counts, PeriodStage::linear);
  const PolynomialAnalysis analysis = analyse(characteristic_polynomial(reg), reg.field());
  if (analysis.primitive) return visit.settle(true, reg.state_count() - 1);
  // The sequences that the first factor alone makes are cycles of as many states as its order.
  const auto length = to_word(analysis.factors.front().order);
  if (!length) throw InternalError("an order is greater than the number of states");
  return visit.settle(false, *length);
}

PeriodAnswer LoneEngine::period_by_histogram(const Register& reg, PeriodStageCounts& counts) {
  StageVisit visit(counts, PeriodStage::full_pass);
  const Histogram cycles = histogram(reg);
  const std::uint64_t longest = cycles.back().length;
  if (longest + 1 >= reg.state_count()) return visit.settle(true, longest);
  return visit.settle(false, cycles.front().length);
}

}  // namespace orbitmill
