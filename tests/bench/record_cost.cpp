/// Records how the cost of the leader sweep is spread over its indices: food for simulation/.
///
///   build/release/bin/record_cost --length 28 --output tests/bench/simulation/data/...tsv
///
/// Runs the phase itself, on one thread, in ranges whose ends grow geometrically (the cost falls
/// like 1/index, so that equal steps in the logarithm cost about the same), and writes the sums.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>

#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

/// Time of this thread on a core: another program on the machine does not bend the curve.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void record(std::uint32_t length, const std::string& feedback, double ratio,
            const std::string& command, std::FILE* out) {
  const Register reg({2, "", length, parse_feedback(feedback, Field(2), length)});
  RowBudget budget(CyclePolicy{false, 0});
  LeaderSweep sweep(reg, budget, whole_sweep(reg));
  sweep.prepare(1);
  fmt::print(out, "# Cost of the leader sweep over GF(2), n = {}, feedback {}, indices [0, end).\n",
             length, feedback);
  fmt::print(out, "# Made by: {}\n", command);
  fmt::print(out, "# end\tseconds\tlane_steps\n");
  const std::uint64_t count = sweep.index_count();
  double seconds = 0;
  for (std::uint64_t first = 0; first < count;) {
    const auto grown = static_cast<std::uint64_t>(static_cast<double>(first) * ratio);
    const std::uint64_t last = std::min(count, std::max(first + 1, grown));
    const double start = thread_seconds();
    sweep.run_batch(0, first, last);
    seconds += thread_seconds() - start;
    fmt::print(out, "{}\t{:.9f}\t{}\n", last, seconds, sweep.lane_steps());
    first = last;
  }
}

}  // namespace
}  // namespace orbitmill

int main(int argc, char** argv) {
  CLI::App app("Record the cost of the leader sweep as a cumulative table.");
  std::uint32_t length = 28;
  std::string feedback = "0,2,3,(5,9)";
  std::string output = "/dev/stdout";
  double ratio = 1.25;
  app.add_option("--length", length, "Length of the register over GF(2)")->capture_default_str();
  app.add_option("--feedback", feedback, "Feedback, index notation")->capture_default_str();
  app.add_option("--ratio", ratio, "Growth of the range ends")
      ->check(CLI::Range(1.01, 16.0))
      ->capture_default_str();
  app.add_option("--output", output, "File to write")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(output.c_str(), "w"),
                                                             &std::fclose);
  if (!file) {
    fmt::print(stderr, "record_cost: cannot write \"{}\"\n", output);
    return 73;
  }
  const std::string command =
      fmt::format("record_cost --length {} --feedback '{}' --ratio {}", length, feedback, ratio);
  try {
    orbitmill::record(length, feedback, ratio, command, file.get());
  } catch (const std::exception& error) {
    fmt::print(stderr, "record_cost: {}\n", error.what());
    return 65;
  }
  return 0;
}
