/// Efficiency of the stealing protocol on simulated clusters, as a table.
///
///   build/release/bin/simulate --cost tests/bench/simulation/data/leader_sweep_n28.tsv
///
/// See tests/bench/README.md for what the columns mean and for the results.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "cluster_simulation.hpp"
#include "cost_curve.hpp"

namespace orbitmill::simulation {
namespace {

constexpr std::uint64_t most_indices = 0xffff'ffff;

struct Settings {
  std::vector<unsigned> workers = {16, 64, 256, 1024, 4096, 16384, 65536};
  unsigned workers_per_node = 16;
  std::string cost = "flat";
  double seconds = 60;
  double longest = 0.005;
  double late_share = 0.9;
  double sigma = 1;
  bool hybrid = false;
  bool idle = false;
  SimulationOptions options;
};

CostCurve shape(const Settings& settings) {
  if (settings.cost == "flat") return flat_cost(most_indices);
  if (settings.cost == "late") return late_cost(most_indices, settings.late_share);
  if (settings.cost == "lognormal") {
    return log_normal_cost(most_indices, 1U << 16, settings.sigma, settings.options.seed);
  }
  std::ifstream file(settings.cost);
  if (!file) {
    throw std::invalid_argument(fmt::format(
        "--cost \"{}\": expected flat, late, lognormal or a table of record_cost", settings.cost));
  }
  return read_cost_curve(file);
}

/// Efficiency of chunks that nobody steals from: the dearest node ends last.
double static_efficiency(const CostCurve& curve, unsigned nodes) {
  double dearest = 0;
  for (unsigned node = 0; node < nodes; ++node) {
    dearest = std::max(dearest, curve.cost(equal_part(curve.index_count(), node, nodes)));
  }
  return curve.total() / (nodes * dearest);
}

void print_row(const CostCurve& curve, const SimulationReport& report, unsigned nodes,
               unsigned workers, double host_s) {
  const double all_idle = std::accumulate(report.idle_s.begin(), report.idle_s.end(), 0.0);
  const double whole = report.wall_s * workers;
  const double first = std::accumulate(report.idle_s.begin(), report.idle_s.begin() + 10, 0.0);
  const double last = std::accumulate(report.idle_s.begin() + 90, report.idle_s.end(), 0.0);
  fmt::print(
      "| {} | {} | {:.1f} % | {:.2f} | {:.2f} % | {:.2f} / {:.2f} / {:.2f} % | {} / {} | "
      "{:.0f} |\n",
      workers, nodes, 100 * static_efficiency(curve, nodes), report.wall_s, 100 * report.efficiency,
      100 * first / whole, 100 * (all_idle - first - last) / whole, 100 * last / whole,
      report.steals_won, report.steals_tried, host_s);
  std::fflush(stdout);
}

void run(const Settings& settings) {
  fmt::print(
      "| workers | nodes | static | wall s | efficiency | idle early / middle / late | "
      "steals won / tried | host s |\n|---|---|---|---|---|---|---|---|\n");
  const CostCurve recorded = shape(settings);
  for (const unsigned workers : settings.workers) {
    SimulationOptions options = settings.options;
    options.ahead = !settings.hybrid;
    options.workers_per_node = std::min(workers, settings.workers_per_node);
    options.nodes = workers / options.workers_per_node;
    const unsigned used = options.nodes * options.workers_per_node;
    CostCurve curve = recorded.scaled_to(settings.seconds * used);
    if (settings.longest > 0) {
      curve = curve.cut(settings.longest * settings.seconds, most_indices);
    }
    const auto start = std::chrono::steady_clock::now();
    const SimulationReport report = simulate(curve, options);
    const std::chrono::duration<double> host = std::chrono::steady_clock::now() - start;
    print_row(curve, report, options.nodes, used, host.count());
    if (!settings.idle) continue;
    for (std::size_t percent = 0; percent < report.idle_s.size(); ++percent) {
      fmt::print("# idle at {} % of the ideal time: {:.3f} %\n", percent,
                 100 * report.idle_s[percent] / (0.01 * settings.seconds * used));
    }
    fmt::print("# {} batches, {} rounds, longest batch {:.3f} s, last batch at {:.3f} s\n",
               report.batches, report.rounds, report.longest_batch_s, report.work_end_s);
  }
}

}  // namespace
}  // namespace orbitmill::simulation

int main(int argc, char** argv) {
  using namespace orbitmill::simulation;
  Settings settings;
  SimulationOptions& options = settings.options;
  double latency_us = 20;
  bool by_rounds = false;
  CLI::App app("Simulate the stealing protocol on large clusters.");
  app.add_option("--workers", settings.workers, "Workers of the cluster, comma-separated")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  app.add_option("--workers-per-node", settings.workers_per_node, "Workers of a node")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--ranks-per-node", options.ranks_per_node, "Ranks, each with a word of its own")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--cost", settings.cost, "flat, late, lognormal, or a table of record_cost")
      ->capture_default_str();
  app.add_option("--seconds", settings.seconds, "Ideal time of the run")->capture_default_str();
  app.add_option("--longest", settings.longest,
                 "Dearest index, as part of the ideal time; 0: as recorded, uncut")
      ->capture_default_str();
  app.add_option("--late-share", settings.late_share, "late: cost in the last tenth")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--sigma", settings.sigma, "lognormal: deviation of the logarithm")
      ->check(CLI::Range(0.0, 10.0))
      ->capture_default_str();
  app.add_option("--latency-us", latency_us, "Round trip of a remote operation")
      ->capture_default_str();
  app.add_flag("--by-rounds", by_rounds, "A target answers in its next round, not at once");
  app.add_flag("--hybrid", settings.hybrid, "Steal only when nothing is left");
  app.add_flag("--idle", settings.idle, "Print idle time over time as well");
  app.add_option("--seed", options.seed, "Seed")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.latency_s = 1e-6 * latency_us;
  if (by_rounds) options.progress = TargetProgress::at_next_round;
  try {
    run(settings);
  } catch (const std::exception& error) {
    fmt::print(stderr, "simulate: {}\n", error.what());
    return 70;
  }
  return 0;
}
