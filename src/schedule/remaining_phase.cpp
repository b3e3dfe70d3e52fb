#include "orbitmill/schedule/remaining_phase.hpp"

#include <algorithm>
#include <utility>

namespace orbitmill {

std::vector<Interval> complement(const std::vector<Interval>& done, std::uint64_t count) {
  std::vector<Interval> left;
  std::uint64_t at = 0;
  for (const Interval& range : done) {
    if (at < range.first) left.push_back({at, range.first});
    at = range.last;
  }
  if (at < count) left.push_back({at, count});
  return left;
}

RemainingPhase::RemainingPhase(Phase& phase, std::vector<Interval> left)
    : phase_(phase), left_(std::move(left)) {
  std::uint64_t first = 0;
  double cost = 0;
  for (const Interval& range : left_) {
    firsts_.push_back(first);
    costs_.push_back(cost);
    first += range.size();
    cost += phase_.expected_cost(range.last) - phase_.expected_cost(range.first);
  }
  firsts_.push_back(first);
  costs_.push_back(cost);
}

/// The range that holds `index` < index_count().
std::size_t RemainingPhase::range_of(std::uint64_t index) const {
  return static_cast<std::size_t>(std::ranges::upper_bound(firsts_, index) - firsts_.begin()) - 1;
}

double RemainingPhase::expected_cost(std::uint64_t end) const {
  if (end >= index_count()) return costs_.back();
  const std::size_t range = range_of(end);
  const std::uint64_t first = left_[range].first;
  return costs_[range] + phase_.expected_cost(first + end - firsts_[range]) -
         phase_.expected_cost(first);
}

template <class Action>
void RemainingPhase::for_each_piece(std::uint64_t first, std::uint64_t last, Action action) const {
  for (std::size_t range = range_of(first); first < last; ++range) {
    const std::uint64_t end = std::min(last, firsts_[range + 1]);
    const std::uint64_t shift = left_[range].first - firsts_[range];
    action(first + shift, end + shift);
    first = end;
  }
}

void RemainingPhase::run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) {
  for_each_piece(first, last,
                 [&](std::uint64_t from, std::uint64_t to) { phase_.run_batch(worker, from, to); });
}

void RemainingPhase::sample(std::uint64_t first, std::uint64_t last) {
  for_each_piece(first, last,
                 [&](std::uint64_t from, std::uint64_t to) { phase_.sample(from, to); });
}

std::vector<FinishedPart> RemainingPhase::take_finished(unsigned worker,
                                                        const std::vector<Interval>& ranges) {
  std::vector<Interval> whole;
  for (const Interval& range : ranges) {
    for_each_piece(range.first, range.last, [&](std::uint64_t from, std::uint64_t to) {
      whole.push_back({from, to});
    });
  }
  return phase_.take_finished(worker, whole);
}

}  // namespace orbitmill
