/// Kernels and the leader sweep beside a bitmap walk, one thread: ns per lane step and per state.
///
///   build/release/bin/kernel_bench                  (a table; --benchmark_format=json for
///   programs)
///
/// A lane step is one step of one walk. The bitmap walk visits each state once, so there a step is
/// a state; the leader sweep takes about ln(q^n / n) lane steps per state.
#include <benchmark/benchmark.h>

#include "oracle/bitmap_walk.hpp"
#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/kernel/digit_stepper.hpp"
#include "orbitmill/kernel/word_stepper.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

/// The register of the figures in the README: x0 + x2 + x3 + x5*x9.
Register quadratic_register(std::uint32_t length) {
  return Register({2, "", length, parse_feedback("0,2,3,(5,9)", Field(2), length)});
}

Register coefficient_register(std::uint64_t order, const char* coefficients) {
  const ParsedRegister parsed = parse_coefficients(coefficients, Field(order));
  return Register({order, "", parsed.length, parsed.feedback});
}

void per(benchmark::State& state, const char* name, double count) {
  // kInvert: seconds per item; Google Benchmark prints them with an SI prefix.
  state.counters[name] = benchmark::Counter(
      count, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void word_kernel(benchmark::State& state) {
  const WordStepper stepper(quadratic_register(static_cast<std::uint32_t>(state.range(0))));
  WordLanes states;
  for (unsigned lane = 0; lane < WordLanes::count; ++lane) states.set(lane, 12345 + lane);
  for (auto _ : state) {
    const WordLanes window = stepper.window(states);
    benchmark::DoNotOptimize(stepper.zero_run_marks(window, 10).any());
    states = stepper.last_state(window);
  }
  per(state, "s_per_lane_step", WordLanes::count * stepper.symbols());
}
BENCHMARK(word_kernel)->Arg(24)->Arg(32);

void digit_kernel(benchmark::State& state, const Register& reg) {
  const DigitStepper stepper(reg);
  DigitWalks walks(reg.length(), reg.field().order());
  for (unsigned lane = 0; lane < digit_lanes; ++lane) walks.place(lane, 1 + lane);
  for (auto _ : state) {
    stepper.step(walks);
    benchmark::DoNotOptimize(walks.state);
  }
  per(state, "s_per_lane_step", digit_lanes);
}
BENCHMARK_CAPTURE(digit_kernel, gf3, coefficient_register(3, "1,0,0,2,0,1,0,0,0,0,0,0,0,1"));
BENCHMARK_CAPTURE(digit_kernel, gf4, coefficient_register(4, "3,0,0,1,0,2,0,0,0,1"));
BENCHMARK_CAPTURE(digit_kernel, gf9, coefficient_register(9, "2,0,1,0,0,3,1"));

void leader_sweep(benchmark::State& state, const Register& reg) {
  const auto tester = make_leader_tester(reg);
  std::uint64_t lane_steps = 0;
  for (auto _ : state) {
    RowBudget budget({false, 0});
    CycleTally tally(budget);
    lane_steps = tester->test_range(0, reg.state_count(), tally);
    benchmark::DoNotOptimize(tally.histogram());
  }
  per(state, "s_per_state", static_cast<double>(reg.state_count()));
  per(state, "s_per_lane_step", static_cast<double>(lane_steps));
}
BENCHMARK_CAPTURE(leader_sweep, n20, quadratic_register(20))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(leader_sweep, n24, quadratic_register(24))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(leader_sweep, n26, quadratic_register(26))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(leader_sweep, gf3_n13, coefficient_register(3, "1,0,0,2,0,1,0,0,0,0,0,0,1"))
    ->Unit(benchmark::kMillisecond);

/// The competitor as one would write it for this register: feedback in shifts, nothing interpreted.
void bitmap_walk(benchmark::State& state) {
  const auto length = static_cast<unsigned>(state.range(0));
  const std::uint64_t states = std::uint64_t{1} << length;
  const auto step = [length](std::uint64_t s) {
    const std::uint64_t f = (s ^ (s >> 2) ^ (s >> 3) ^ ((s >> 5) & (s >> 9))) & 1;
    return (s >> 1) | (f << (length - 1));
  };
  for (auto _ : state) benchmark::DoNotOptimize(oracle::bitmap_walk(states, step));
  per(state, "s_per_state", static_cast<double>(states));
  per(state, "s_per_lane_step", static_cast<double>(states));
}
BENCHMARK(bitmap_walk)->Arg(20)->Arg(24)->Arg(26)->Arg(28)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace orbitmill

BENCHMARK_MAIN();
