/// The figures behind a plan, from samples of the real kernels.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/decompose/plan.hpp"
#include "orbitmill/decompose/short_cycles.hpp"

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What a sample did and how long it took.
struct Sample {
  double seconds = 0;
  double steps = 0;
  double pieces = 0;

  double seconds_per_piece() const { return seconds / pieces; }
  double steps_per_piece() const { return steps / pieces; }
};

/// The faster of two: the first one warms up, either may be interrupted. `work(first, last)`
/// returns the steps it took.
template <class Work>
Sample better_of_two(const Work& work, std::uint64_t first, std::uint64_t pieces) {
  Sample best;
  for (int round = 0; round < 2; ++round) {
    const auto start = Clock::now();
    const double steps = static_cast<double>(work(first, first + pieces));
    const double seconds = seconds_since(start);
    if (round == 0 || seconds < best.seconds) best = {seconds, steps, static_cast<double>(pieces)};
  }
  return best;
}

/// A short and a long sample out of `count` pieces from `first` on; their difference, so that
/// starting, and lanes that run empty at the end, do not count: a real batch is longer.
template <class Work>
Sample steady_sample(const Work& work, std::uint64_t first, std::uint64_t count,
                     std::uint64_t pieces) {
  const std::uint64_t part = std::min(pieces, count / 3);
  if (part == 0) return better_of_two(work, first, count);
  const Sample small = better_of_two(work, first, part);
  const Sample large = better_of_two(work, first, 3 * part);
  if (large.seconds <= small.seconds) return large;
  return {large.seconds - small.seconds, large.steps - small.steps, large.pieces - small.pieces};
}

/// The largest k whose segments have at most `most` states on average; at least 1.
unsigned zeros_for_mean(const Register& reg, double most) {
  const auto q = static_cast<double>(reg.field().order());
  unsigned zeros = 1;
  while (zeros + 1 < reg.length() && std::pow(q, zeros + 2) / (q - 1) <= most) ++zeros;
  return zeros;
}

Sample sample_segments(const Register& reg, unsigned zeros) {
  const MilestoneMap map(reg, zeros);
  const SegmentFormat format(map.count());
  const auto walker = make_segment_walker(map);
  const auto q = static_cast<double>(reg.field().order());
  const double mean = std::pow(q, zeros + 1) / (q - 1);
  // Up to a millisecond: 512 walks at once, or one after the other.
  const double steps =
      walks_in_lanes(reg) ? std::max(1 << 22, static_cast<int>(2048 * mean)) : 1 << 15;
  const auto pieces = static_cast<std::uint64_t>(std::clamp(steps / mean, 1.0, 8192.0));
  const std::uint64_t first = map.count() / 7 * 4;
  std::vector<std::uint64_t> entries(3 * pieces + 1);
  std::vector<LongSegment> long_ones;
  const auto walk = [&](std::uint64_t begin, std::uint64_t end) {
    SegmentSink sink(format, begin, entries.data(), long_ones);
    walker->walk(begin, end, sink);
    return sink.states();
  };
  return steady_sample(walk, first, std::min(map.count() - first, 3 * pieces), pieces);
}

void measure_segments(const Register& reg, StepCosts& costs) {
  const unsigned few = zeros_for_mean(reg, 128);
  // With 512 walks at once a segment costs as much as thousands of steps, and the steps of short
  // ones are lost in the noise; but there must be enough segments to keep the lanes full.
  const double filling = static_cast<double>(reg.state_count()) / 8192;
  const unsigned many =
      zeros_for_mean(reg, walks_in_lanes(reg) ? std::clamp(filling, 1024.0, 8192.0) : 1024);
  const Sample dear = sample_segments(reg, many);
  costs.segment_step_s = dear.seconds / dear.steps;
  costs.segment_s = 0;
  if (few == many) return;
  // A segment costs a constant and a part for each step: two means, two equations.
  const Sample cheap = sample_segments(reg, few);
  const double steps = dear.steps_per_piece() - cheap.steps_per_piece();
  const double slope = (dear.seconds_per_piece() - cheap.seconds_per_piece()) / steps;
  const double constant = cheap.seconds_per_piece() - slope * cheap.steps_per_piece();
  if (steps <= 0 || constant < 0) return;
  if (slope <= 0) {
    // Disturbed; too much for either is better than segments for nothing, of which short ones cost
    // most of the pass.
    costs.segment_s = cheap.seconds_per_piece();
    return;
  }
  costs.segment_step_s = slope;
  costs.segment_s = constant;
}

/// States from which a walk takes some hundred steps, so that the steps outweigh the rest.
void measure_leader_sweep(const Register& reg, StepCosts& costs) {
  const auto tester = make_leader_tester(reg);
  RowBudget no_rows({false, 0});
  CycleTally thrown_away(no_rows);
  const State first = reg.state_count() / (State{8} * reg.length());
  const auto test = [&](State begin, State end) {
    return tester->test_range(begin, end, thrown_away);
  };
  Sample sample;
  for (State width = 64; sample.seconds < 1e-4; width *= 4) {
    const State most = reg.state_count() - first;
    sample = better_of_two(test, first, std::min(width, most));
    if (width >= most) break;
  }
  if (sample.steps > 0) costs.leader_step_s = sample.seconds / sample.steps;
}

/// Seconds for a whole level, per state of the space.
double measure_level(const Register& reg, unsigned level, std::uint64_t pieces) {
  const SweepPart part = level_sweep(reg, level, 0, reg.state_count());
  const auto tester = part.make_tester();
  RowBudget no_rows({false, 0});
  CycleTally thrown_away(no_rows);
  const State states = part.last - part.first;
  // A walk from x takes about q^n / x steps; here it is the mean over the level.
  State first = part.first + static_cast<State>(0.4427 * static_cast<double>(states));
  first -= first % row_tester_stride;
  const std::uint64_t blocks = (part.last - first) / row_tester_stride;
  const auto test = [&](std::uint64_t begin, std::uint64_t end) {
    return tester->test_range(first + begin * row_tester_stride, first + end * row_tester_stride,
                              thrown_away);
  };
  const Sample sample = steady_sample(test, 0, blocks, pieces);
  return sample.seconds_per_piece() / static_cast<double>(row_tester_stride) *
         static_cast<double>(states) / static_cast<double>(reg.state_count());
}

void measure_sweep(const Register& reg, StepCosts& costs) {
  if (row_tester_covers(reg, 8)) {
    costs.low_level_s = measure_level(reg, 5, 128);
    costs.high_level_s = measure_level(reg, 8, 32);
    return;
  }
  // The same tester as the leader sweep: q^n ln q steps a level.
  const double steps = std::log(static_cast<double>(reg.field().order()));
  costs.low_level_s = costs.high_level_s = steps * costs.leader_step_s;
}

void measure_short_cycles(const Register& reg, StepCosts& costs) {
  if (reg.field().order() != 2) return;
  const unsigned longest = std::min(reg.length() - 1, 16U);
  RowBudget no_rows({false, 0});
  ShortCycles phase(reg, longest, longest, no_rows);
  const auto try_words = [&](std::uint64_t first, std::uint64_t last) {
    phase.sample(first, last);
    return last - first;
  };
  const double words = std::ldexp(1.0, static_cast<int>(longest) + 1) / longest;
  costs.short_word_s = better_of_two(try_words, 0, phase.index_count()).seconds / words;
}

}  // namespace

StepCosts measure_costs(const Register& reg) {
  StepCosts costs;
  measure_segments(reg, costs);
  measure_leader_sweep(reg, costs);
  measure_sweep(reg, costs);
  measure_short_cycles(reg, costs);
  return costs;
}

}  // namespace orbitmill
