#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "lone_engine_tables.hpp"

namespace orbitmill {
namespace {

/// Seconds of a histogram: a constant and a part for each state.
struct Line {
  double constant_s = 0;
  double state_s = 0;

  double at(double states) const { return constant_s + state_s * states; }
};

/// Three registers of one length: how much is left to the sweeps differs.
std::vector<Register> samples(std::uint64_t order, std::uint32_t length) {
  std::vector<Register> registers;
  for (const std::uint32_t stage : {1U, 2U, 3U}) {
    RegisterSpec spec;
    spec.field_order = order;
    spec.length = length;
    spec.feedback.terms = {{1, {0}}, {1, {stage}}, {1, {length - 1}}};
    if (order == 2) spec.feedback.terms.push_back({1, {stage + 1, length / 2 + 1}});
    registers.emplace_back(spec);
  }
  return registers;
}

using Count = std::function<void(const Register&)>;

/// The mean over the registers; of each the fastest of three, for the first one fills memory and
/// caches.
double time_samples(const std::vector<Register>& registers, const Count& count) {
  using Clock = std::chrono::steady_clock;
  double sum_s = 0;
  for (const Register& reg : registers) {
    double best_s = 0;
    for (int round = 0; round < 3; ++round) {
      const auto start = Clock::now();
      count(reg);
      const double elapsed_s = std::chrono::duration<double>(Clock::now() - start).count();
      best_s = round == 0 ? elapsed_s : std::min(best_s, elapsed_s);
    }
    sum_s += best_s;
  }
  return sum_s / static_cast<double>(registers.size());
}

Line measure(std::uint64_t order, std::uint32_t few, std::uint32_t many, const Count& count) {
  const auto small = samples(order, few);
  const auto large = samples(order, many);
  const double small_s = time_samples(small, count);
  const double large_s = time_samples(large, count);
  const auto small_states = static_cast<double>(small.front().state_count());
  const auto large_states = static_cast<double>(large.front().state_count());
  Line line;
  line.state_s = std::max(0.0, (large_s - small_s) / (large_states - small_states));
  line.constant_s = std::max(0.0, small_s - line.state_s * small_states);
  return line;
}

}  // namespace

double LoneEngine::predicted_s(const Register& reg) {
  const auto states = static_cast<double>(reg.state_count());
  const bool binary = reg.field().order() == 2;
  const auto by_histogram = [](std::uint64_t order, std::uint32_t few, std::uint32_t many) {
    LoneEngine engine;
    return measure(order, few, many, [&](const Register& one) { engine.histogram(one); });
  };
  // Each line is measured once, by whoever asks first.
  if (binary && prefers_table(reg)) {
    static const Line table = by_histogram(2, 8, 14);
    return table.at(states);
  }
  if (binary) {
    static const Line rows = by_histogram(2, 17, 21);
    return rows.at(states);
  }
  if (prefers_table(reg)) {
    static const Line table = by_histogram(3, 5, 9);
    return table.at(states);
  }
  // Larger than any table, but a small register walks and sweeps at the same pace.
  static const Line segments =
      measure(3, 7, 10, [tables = std::make_shared<Tables>()](const Register& one) {
        tables->counts.clear();
        tables->count_by_segments(one);
      });
  return segments.at(states);
}

}  // namespace orbitmill
