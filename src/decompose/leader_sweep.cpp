#include "orbitmill/decompose/leader_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace orbitmill {

std::unique_ptr<LeaderTester> make_leader_tester(const Register& reg) {
  return reg.field().order() == 2 ? make_word_leader_tester(reg) : make_digit_leader_tester(reg);
}

SweepPart whole_sweep(const Register& reg) {
  SweepPart part;
  part.last = reg.state_count();
  part.make_tester = [&reg] { return make_leader_tester(reg); };
  return part;
}

SweepPart level_sweep(const Register& reg, unsigned zeros, std::uint64_t known_length,
                      std::uint64_t longest) {
  SweepPart part;
  part.name = fmt::format("sweep of level {}", zeros);
  part.last = reg.state_count();
  for (unsigned i = 0; i < zeros; ++i) part.last /= reg.field().order();
  part.first = part.last / reg.field().order();
  part.known_length = known_length;
  if (row_tester_covers(reg, zeros)) {
    part.align = row_tester_stride;
    part.make_tester = [&reg, zeros, longest] {
      return make_row_leader_tester(reg, zeros, longest);
    };
  } else {
    part.make_tester = [&reg] { return make_leader_tester(reg); };
  }
  return part;
}

LeaderSweep::LeaderSweep(const Register& reg, RowBudget& budget, SweepPart part)
    : register_(reg), part_(std::move(part)), budget_(budget) {
  const std::uint64_t states = part_.last - part_.first;
  const std::uint64_t least = (states + max_indices - 1) / max_indices;
  stride_ = (least + part_.align - 1) / part_.align * part_.align;
  index_count_ = (states + stride_ - 1) / stride_;
}

double LeaderSweep::cost_up_to(double state) const {
  // Walks from x cost q^n / x: their sum up to x grows as ln x. Above q^n / n nearly every
  // candidate dies within the n digits that it shows, so the cost there is the generation of
  // candidates.
  const double states = static_cast<double>(register_.state_count());
  const double knee = states / register_.length();
  return std::log1p(std::min(state, knee)) + 0.5 * std::max(0.0, state - knee) / states;
}

double LeaderSweep::expected_cost(std::uint64_t end) const {
  return cost_up_to(static_cast<double>(end_state(end))) -
         cost_up_to(static_cast<double>(part_.first));
}

void LeaderSweep::prepare(unsigned workers) {
  workers_.clear();
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(
        Worker{part_.make_tester(), KeptTally(CycleTally(budget_, part_.known_length))}));
  }
}

void LeaderSweep::run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) {
  Worker& mine = *workers_[worker];
  mine.lane_steps += mine.tester->test_range(end_state(first), end_state(last), mine.tally.fresh);
  mine.tally.fresh.report_rows();
}

std::vector<FinishedPart> LeaderSweep::take_finished(unsigned worker,
                                                     const std::vector<Interval>& ranges) {
  Worker& mine = *workers_[worker];
  FinishedPart part{ranges, std::vector<std::byte>(sizeof(std::uint64_t)), {}};
  const std::uint64_t steps = mine.lane_steps - mine.handed_over_steps;
  std::memcpy(part.bytes.data(), &steps, sizeof(steps));
  mine.handed_over_steps = mine.lane_steps;
  mine.tally.hand_over(part.bytes);
  std::vector<FinishedPart> parts;
  parts.push_back(std::move(part));
  return parts;
}

bool LeaderSweep::restore(const std::vector<Interval>& /*ranges*/,
                          std::span<const std::byte> payload) {
  Worker& mine = *workers_.front();
  std::uint64_t steps = 0;
  if (payload.size() < sizeof(steps)) return false;
  if (!mine.tally.handed_over.unpack(payload.subspan(sizeof(steps)))) return false;
  std::memcpy(&steps, payload.data(), sizeof(steps));
  mine.lane_steps += steps;
  mine.handed_over_steps += steps;
  return true;
}

void LeaderSweep::sample(std::uint64_t first, std::uint64_t last) {
  RowBudget no_rows({false, 0});
  CycleTally thrown_away(no_rows);
  workers_.front()->tester->test_range(end_state(first), end_state(last), thrown_away);
}

/// The state behind the last one of the indices below `last`.
State LeaderSweep::end_state(std::uint64_t last) const {
  return last == index_count_ ? part_.last : part_.first + last * stride_;
}

CycleTally LeaderSweep::take_tally() {
  CycleTally sum(budget_);
  for (const auto& worker : workers_) worker->tally.merge_into(sum);
  return sum;
}

std::uint64_t LeaderSweep::lane_steps() const {
  std::uint64_t sum = 0;
  for (const auto& worker : workers_) sum += worker->lane_steps;
  return sum;
}

}  // namespace orbitmill
