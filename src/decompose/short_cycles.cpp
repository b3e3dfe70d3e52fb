#include "orbitmill/decompose/short_cycles.hpp"

#include <algorithm>
#include <bit>

#include "orbitmill/decompose/prenecklace.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {

ShortCycles::ShortCycles(const Register& reg, unsigned longest, unsigned zeros, RowBudget& budget)
    : stepper_(reg),
      longest_(longest),
      zeros_(zeros),
      shift_(longest > 12 ? std::min(longest - 12, 12U) : 0),
      budget_(budget) {
  if (longest < 1 || longest >= reg.length()) {
    throw InternalError("short cycles are those of fewer states than the register has stages");
  }
  while (longest_ - shift_ > 31) ++shift_;
}

void ShortCycles::run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) {
  CycleTally& tally = tallies_[worker].fresh;
  test_range(first << shift_, last << shift_, tally);
  tally.report_rows();
}

void ShortCycles::sample(std::uint64_t first, std::uint64_t last) {
  RowBudget no_rows({false, 0});
  CycleTally thrown_away(no_rows);
  test_range(first << shift_, last << shift_, thrown_away);
}

std::vector<FinishedPart> ShortCycles::take_finished(unsigned worker,
                                                     const std::vector<Interval>& ranges) {
  std::vector<FinishedPart> parts{{ranges, {}, {}}};
  tallies_[worker].hand_over(parts.front().bytes);
  return parts;
}

bool ShortCycles::restore(const std::vector<Interval>& /*ranges*/,
                          std::span<const std::byte> payload) {
  return tallies_.front().handed_over.unpack(payload);
}

CycleTally ShortCycles::take_tally() {
  CycleTally sum(budget_);
  for (KeptTally& tally : tallies_) tally.merge_into(sum);
  return sum;
}

void ShortCycles::test_range(State first, State last, CycleTally& tally) const {
  BinaryPrenecklaces words(longest_, first, last);
  while (const auto word = words.next()) {
    const unsigned period = words.period();
    const State lyndon = *word >> (longest_ - period);
    // The least rotation begins with the longest zero run.
    if (period - static_cast<unsigned>(std::bit_width(lyndon)) >= zeros_ || lyndon == 0) continue;
    // The first n symbols of its repetition.
    State state = lyndon << (stepper_.length() - period);
    for (unsigned have = period; have < stepper_.length(); have *= 2) state |= state >> have;
    if (is_cycle(state, period)) tally.add(state, period);
  }
}

bool ShortCycles::is_cycle(State state, unsigned period) const {
  for (unsigned checked = 0; checked < period; checked += stepper_.symbols()) {
    const std::uint64_t window = stepper_.window(state);
    const unsigned bits = stepper_.length() + stepper_.symbols();
    if (((window ^ (window >> period)) & low_mask(bits - period)) != 0) return false;
    state = stepper_.last_state(window);
  }
  return true;
}

}  // namespace orbitmill
