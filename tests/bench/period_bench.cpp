/// The search for registers of maximum period, and small histograms, without the rest of a run.
///
///   build/release/bin/period_bench --length 24 --threads 2
///   build/release/bin/period_bench --histograms
///
/// The search goes through all registers x0 + xa + xb + xc*xd, one of each reciprocal pair
/// (Dubrova's type 1), on threads with an engine each. It prints what each stage settles and what
/// that costs, summed over the threads.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <random>
#include <thread>
#include <vector>

#include "orbitmill/decompose/lone_engine.hpp"

namespace {

using namespace orbitmill;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Of all threads: what a busy machine leaves comparable.
double processor_s() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

using Stages = std::array<std::uint32_t, 4>;  ///< a < b, c < d

RegisterSpec spec_of(std::uint32_t length, const Stages& s) {
  RegisterSpec spec;
  spec.length = length;
  spec.feedback.terms = {{1, {0}}, {1, {s[0]}}, {1, {s[1]}}, {1, {s[2], s[3]}}};
  return spec;
}

std::vector<Stages> type_1(std::uint32_t n) {
  std::vector<Stages> all;
  for (std::uint32_t a = 1; a < n; ++a) {
    for (std::uint32_t b = a + 1; b < n; ++b) {
      for (std::uint32_t c = 1; c < n; ++c) {
        for (std::uint32_t d = c + 1; d < n; ++d) {
          const Stages one = {a, b, c, d};
          if (one <= Stages{n - b, n - a, n - d, n - c}) all.push_back(one);
        }
      }
    }
  }
  return all;
}

struct Worker {
  PeriodStageCounts counts{};
  std::uint64_t maximum = 0;
  std::uint64_t checksum = 0;
};

void search(std::uint32_t length, unsigned threads, unsigned repeat) {
  const std::vector<Stages> registers = type_1(length);
  std::vector<double> times;
  std::vector<double> processor_times;
  std::vector<Worker> workers;
  for (unsigned round = 0; round < repeat; ++round) {
    workers.assign(threads, {});
    std::atomic<std::size_t> next{0};
    const auto work = [&](Worker& mine) {
      LoneEngine engine;
      for (std::size_t i = next++; i < registers.size(); i = next++) {
        const PeriodAnswer answer =
            engine.period(Register(spec_of(length, registers[i])), mine.counts);
        mine.maximum += answer.maximum ? 1 : 0;
        mine.checksum += (i + 1) * answer.witness_length;
      }
    };
    const auto start = Clock::now();
    const double processor_start_s = processor_s();
    std::vector<std::thread> pool;
    for (Worker& worker : workers) pool.emplace_back([&] { work(worker); });
    for (std::thread& thread : pool) thread.join();
    times.push_back(seconds_since(start));
    processor_times.push_back(processor_s() - processor_start_s);
  }
  Worker sum;
  for (const Worker& worker : workers) {
    for (std::size_t i = 0; i < period_stages; ++i) {
      sum.counts[i].entered += worker.counts[i].entered;
      sum.counts[i].settled += worker.counts[i].settled;
      sum.counts[i].seconds += worker.counts[i].seconds;
    }
    sum.maximum += worker.maximum;
    sum.checksum += worker.checksum;
  }
  const double wall_s = median(times);
  fmt::print(
      "n = {}, {} threads: {} registers in {:.3f} s, {:.3f} s of processors (medians of "
      "{}), {:.0f} a second, {} of maximum period, witnesses {:016x}\n",
      length, threads, registers.size(), wall_s, median(processor_times), repeat,
      static_cast<double>(registers.size()) / wall_s, sum.maximum, sum.checksum);
  double stages_s = 0;
  for (std::size_t i = 0; i < period_stages; ++i) {
    const PeriodStageCount& count = sum.counts[i];
    if (count.entered == 0) continue;
    stages_s += count.seconds;
    const auto entered = static_cast<double>(count.entered);
    fmt::print("  {:<12} entered {:>6}, settled {:>6} ({:5.1f} %), {:8.3f} s, {:9.2f} us each\n",
               name_of(static_cast<PeriodStage>(i)), count.entered, count.settled,
               100 * static_cast<double>(count.settled) / entered, count.seconds,
               1e6 * count.seconds / entered);
  }
  const PeriodStageCount& walks = sum.counts[static_cast<std::size_t>(PeriodStage::early_walk)];
  const double walks_s =
      walks.seconds + sum.counts[static_cast<std::size_t>(PeriodStage::full_pass)].seconds;
  fmt::print(
      "  of {:.3f} s of the threads {:.3f} s are outside of the stages; a walk takes "
      "{:.4f} ns a state of the register\n",
      wall_s * threads, wall_s * threads - stages_s,
      1e9 * walks_s / static_cast<double>(walks.entered) /
          static_cast<double>(std::uint64_t{1} << length));
}

/// Random registers of four terms over GF(2), x0 + xa + ... + xc*xd, or linear ones.
Register random_register(std::mt19937& random, std::uint64_t order, std::uint32_t length,
                         bool linear) {
  RegisterSpec spec;
  spec.field_order = order;
  spec.length = length;
  spec.feedback.terms.push_back({1, {0}});
  for (std::uint32_t stage = 1; stage < length; ++stage) {
    if (random() % 4 == 0) {
      spec.feedback.terms.push_back({static_cast<Element>(1 + random() % (order - 1)), {stage}});
    }
  }
  if (!linear) {
    const auto c = static_cast<std::uint32_t>(1 + random() % (length - 2));
    spec.feedback.terms.push_back({1, {c, length - 1}});
  }
  return Register(spec);
}

void histograms(unsigned repeat) {
  struct Case {
    std::uint64_t order;
    std::uint32_t length;
    bool linear;
    unsigned registers;
  };
  const Case cases[] = {{2, 13, false, 500}, {2, 15, false, 500},  {2, 22, false, 20},
                        {2, 8, false, 2000}, {2, 12, false, 1000}, {2, 12, true, 1000},
                        {2, 14, false, 500}, {2, 16, false, 200},  {2, 16, true, 200},
                        {2, 18, false, 100}, {2, 20, false, 50},   {2, 20, true, 50},
                        {2, 24, false, 10},  {2, 24, true, 10},    {3, 8, true, 200},
                        {3, 12, true, 10},   {3, 15, true, 2},     {4, 8, true, 100},
                        {5, 6, true, 100},   {7, 8, true, 2},      {9, 5, true, 50}};
  for (const Case& one : cases) {
    std::mt19937 random(1);
    std::vector<Register> registers;
    for (unsigned i = 0; i < one.registers; ++i) {
      registers.push_back(random_register(random, one.order, one.length, one.linear));
    }
    LoneEngine engine;
    std::vector<double> times;
    for (unsigned round = 0; round < repeat; ++round) {
      const double start_s = processor_s();
      for (const Register& reg : registers) engine.histogram(reg);
      times.push_back((processor_s() - start_s) / one.registers);
    }
    fmt::print(
        "histogram q = {}, n = {:>2}, {:<9}: {:10.2f} us a register, {:7.4f} ns a state, "
        "predicted {:10.2f} us\n",
        one.order, one.length, one.linear ? "linear" : "nonlinear", 1e6 * median(times),
        1e9 * median(times) / static_cast<double>(registers.front().state_count()),
        1e6 * LoneEngine::predicted_s(registers.front()));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::uint32_t length = 20;
  unsigned threads = 1;
  unsigned repeat = 3;
  bool small = false;
  CLI::App app("The engine for one register on one thread");
  app.add_option("--length", length)->check(CLI::Range(4, 40));
  app.add_option("--threads", threads)->check(CLI::Range(1, 256));
  app.add_option("--repeat", repeat)->check(CLI::Range(1, 100));
  app.add_flag("--histograms", small);
  CLI11_PARSE(app, argc, argv);
  if (small) {
    histograms(repeat);
  } else {
    search(length, threads, repeat);
  }
}
