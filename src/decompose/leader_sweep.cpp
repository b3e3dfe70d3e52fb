#include "orbitmill/decompose/leader_sweep.hpp"

#include <algorithm>
#include <cmath>

namespace orbitmill {

std::unique_ptr<LeaderTester> make_leader_tester(const Register& reg) {
  return reg.field().order() == 2 ? make_word_leader_tester(reg) : make_digit_leader_tester(reg);
}

LeaderSweep::LeaderSweep(const Register& reg, const CyclePolicy& policy)
    : register_(reg),
      stride_((reg.state_count() + max_indices - 1) / max_indices),
      index_count_((reg.state_count() + stride_ - 1) / stride_),
      budget_(policy) {}

double LeaderSweep::expected_cost(std::uint64_t end) const {
  // Walks from x cost q^n / x: their sum up to x grows as ln x. Above q^n / n nearly every
  // candidate dies within the n digits that it shows, so the cost there is the generation of
  // candidates.
  const double states = static_cast<double>(register_.state_count());
  const double reached = std::min(states, static_cast<double>(end) * static_cast<double>(stride_));
  const double knee = states / register_.length();
  return std::log1p(std::min(reached, knee)) + 0.5 * std::max(0.0, reached - knee) / states;
}

void LeaderSweep::prepare(unsigned workers) {
  workers_.clear();
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(
        std::make_unique<Worker>(Worker{make_leader_tester(register_), CycleTally(budget_)}));
  }
}

void LeaderSweep::run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) {
  Worker& mine = *workers_[worker];
  mine.lane_steps += mine.tester->test_range(first * stride_, end_state(last), mine.tally);
  mine.tally.report_rows();
}

void LeaderSweep::sample(std::uint64_t first, std::uint64_t last) {
  RowBudget no_rows({false, 0});
  CycleTally thrown_away(no_rows);
  workers_.front()->tester->test_range(first * stride_, end_state(last), thrown_away);
}

/// The state behind the last one of the indices below `last`.
State LeaderSweep::end_state(std::uint64_t last) const {
  return last == index_count_ ? register_.state_count() : last * stride_;
}

CycleTally LeaderSweep::take_tally() {
  CycleTally sum(budget_);
  for (const auto& worker : workers_) sum.merge(std::move(worker->tally));
  return sum;
}

std::uint64_t LeaderSweep::lane_steps() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->lane_steps;
  return sum;
}

}  // namespace orbitmill
