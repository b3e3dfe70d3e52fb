/// Efficiency of the schedules with workers that sleep instead of computing, so that two cores
/// carry many of them: busy / (workers x wall), cost front-loaded (the first eighth of the range
/// costs 73 times the rest).
///
///   tests/cluster/fakenodes.sh -n 8 -s 1 -- mpirun -n 8 --mca mpi_yield_when_idle 1
///       build/release/bin/sleep_bench --threads 4 --seconds 5     (one line)
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/serialization/string.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "orbitmill/cluster/one_sided.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace {

using namespace orbitmill;

/// Sleeps for the cost of its indices.
class SleepPhase final : public Phase {
 public:
  SleepPhase(std::uint64_t indices, double seconds) : indices_(indices) {
    const double front = static_cast<double>(indices / 8);
    front_s_ = seconds * 73 / 74 / front;
    rest_s_ = seconds / 74 / (static_cast<double>(indices) - front);
  }
  std::string name() const override { return "sleep"; }
  std::uint64_t index_count() const override { return indices_; }
  void prepare(unsigned) override {}
  void run_batch(unsigned, std::uint64_t first, std::uint64_t last) override {
    const std::uint64_t edge = indices_ / 8;
    const auto in_front = static_cast<double>(std::min(last, edge) - std::min(first, edge));
    const auto behind = static_cast<double>(std::max(last, edge) - std::max(first, edge));
    std::this_thread::sleep_for(
        std::chrono::duration<double>(in_front * front_s_ + behind * rest_s_));
  }
  void sample(std::uint64_t first, std::uint64_t last) override { run_batch(0, first, last); }

 private:
  std::uint64_t indices_;
  double front_s_;
  double rest_s_;
};

/// A line for each rank: how busy its workers were in every tenth of the phase.
void print_detail(const boost::mpi::communicator& world, const PhaseReport& report,
                  unsigned threads) {
  constexpr unsigned parts = 10;
  const double part_s = report.elapsed_s / parts;
  std::string line = fmt::format("  rank {:2}  busy %", world.rank());
  for (unsigned part = 0; part < parts; ++part) {
    double busy_s = 0;
    for (const BatchTrace& batch : report.trace) {
      busy_s += std::max(
          0.0, std::min(batch.end_s, (part + 1) * part_s) - std::max(batch.start_s, part * part_s));
    }
    line += fmt::format(" {:5.1f}", 100 * busy_s / (part_s * threads));
  }
  line +=
      fmt::format("  batches {:5}  steals {:4} won of {:4}, {:5.2f} ms  main {:4.1f} %\n",
                  report.batches, report.cluster_steals_won, report.cluster_steals_tried,
                  report.cluster_steals_won == 0
                      ? 0.0
                      : 1e3 * report.stealing_s / static_cast<double>(report.cluster_steals_won),
                  100 * report.communication_s / report.elapsed_s);
  std::vector<std::string> lines;
  boost::mpi::gather(world, line, lines, 0);
  for (const std::string& one : lines) fmt::print("{}", one);
}

}  // namespace

int main(int argc, char** argv) {
  unsigned threads = 4;
  double seconds = 5;
  bool detail = false;
  std::string only;
  CLI::App app{"schedules with sleeping workers"};
  app.add_option("--threads", threads, "per rank");
  app.add_option("--seconds", seconds, "ideal time of a phase");
  app.add_flag("--detail", detail, "also per rank: idle workers over time, steals");
  app.add_option("--only", only, "static, windows or messages: the first of a job connects");
  CLI11_PARSE(app, argc, argv);
  allow_windows_over_tcp();
  boost::mpi::environment environment(argc, argv, boost::mpi::threading::funneled);
  const boost::mpi::communicator world;
  WorkerPool pool(threads);
  for (const auto& [mode, transport, label] :
       {std::tuple{ScheduleMode::static_chunks, StealTransportKind::automatic, "static"},
        {ScheduleMode::stealing, StealTransportKind::windows, "stealing, windows"},
        {ScheduleMode::stealing, StealTransportKind::messages, "stealing, messages"}}) {
    if (std::string(label).find(only) == std::string::npos) continue;
    ScheduleOptions options;
    options.mode = mode;
    options.transport = transport;
    options.trace = detail;
    Scheduler scheduler(world, pool, options);
    const double workers = scheduler.all_workers();
    SleepPhase phase(1'000'000, seconds * workers);
    const PhaseReport report = scheduler.run(phase);
    const double busy_s = boost::mpi::all_reduce(world, report.busy_s, std::plus<>());
    if (world.rank() == 0) {
      fmt::print("{:<20} {:2} ranks x {} threads  wall {:6.2f} s  efficiency {:6.2f} %\n", label,
                 world.size(), threads, report.elapsed_s,
                 100 * busy_s / (workers * report.elapsed_s));
    }
    if (detail) print_detail(world, report, threads);
  }
  return 0;
}
