#include "orbitmill/schedule/cost_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/mpi/collectives/broadcast.hpp>
#include <chrono>

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;

/// One sample may take this long; the whole prediction a few times as long.
constexpr double sample_s = 1e-4;
constexpr double margin = 3;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

double predict_work_s(Phase& phase) {
  const std::uint64_t count = phase.index_count();
  double sampled_s = 0;
  double sampled_cost = 0;
  // From the cheap end to the dear one: a walk from a small index can take as long as the whole
  // phase, so the sampling stops as soon as one sample is slow.
  // Index 0 is left out, so a phase of one index counts as no work: nobody could share it.
  for (std::uint64_t first = count - 1 - (count - 1) / 4; first > 0; first /= 4) {
    const std::uint64_t most = std::min(std::max<std::uint64_t>(1, first / 64), count - first);
    // Wider and wider until the time is long enough to be trusted: root samples while all others
    // wait, so even a small share of a large phase would cost more than it tells.
    std::uint64_t width = 1;
    double seconds = 0;
    for (;; width = std::min(4 * width, most)) {
      const auto start = Clock::now();
      phase.sample(first, first + width);
      seconds = seconds_since(start);
      if (seconds > sample_s || width == most) break;
    }
    sampled_s += seconds;
    sampled_cost += phase.expected_cost(first + width) - phase.expected_cost(first);
    if (seconds > sample_s) break;
  }
  if (sampled_cost <= 0) return 0;
  return sampled_s / sampled_cost * (phase.expected_cost(count) - phase.expected_cost(0));
}

CostDecision decide_schedule(const boost::mpi::communicator& comm, Phase& phase,
                             unsigned all_workers, double overhead_s) {
  CostDecision decision;
  // One worker has no choice, and a sample may be a long one.
  if (comm.rank() == 0 && all_workers > 1) decision.work_s = predict_work_s(phase);
  decision.overhead_s = overhead_s;
  boost::mpi::broadcast(comm, decision.work_s, 0);
  boost::mpi::broadcast(comm, decision.overhead_s, 0);
  const bool spread = all_workers > 1 && decision.work_s > margin * decision.overhead_s;
  decision.mode = spread ? ScheduleMode::stealing : ScheduleMode::sequential;
  decision.reason =
      all_workers == 1
          ? std::string("one worker")
          : fmt::format(
                "predicted work {:.3g} s {} {:g} times the overhead of {} workers, {:.3g} s",
                decision.work_s, spread ? "exceeds" : "does not exceed", margin, all_workers,
                decision.overhead_s);
  return decision;
}

}  // namespace orbitmill
