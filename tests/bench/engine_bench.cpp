/// The milestone engine beside a bitmap walk, in turn, on the same register: x0 + x1 + x5 + x3*x8.
///
///   mpirun -n 2 build/release/bin/engine_bench --length 30 --repeat 5
///   mpirun -n 2 build/release/bin/engine_bench --length 36 --zeros 10 --no-bitmap
///
/// Times are of the decomposition with its certificate, on ranks that are up; the start of the
/// processes is not in them. Medians over the repetitions. The bitmap walk (tests/oracle) runs on
/// rank 0 alone while the others sleep.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/mpi/environment.hpp>
#include <chrono>
#include <map>
#include <thread>

#include "oracle/bitmap_walk.hpp"
#include "orbitmill/decompose/decompose.hpp"
#include "orbitmill/register/notation.hpp"

namespace {

using namespace orbitmill;
using Clock = std::chrono::steady_clock;

struct Options {
  std::uint32_t length = 30;
  std::string feedback = "0,1,5,(3,8)";
  unsigned zeros = 0;
  unsigned short_cycles = 0;
  unsigned threads = 1;
  unsigned repeat = 3;
  bool no_bitmap = false;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Rank 0 works, the others give their cores away: an MPI barrier would spin.
template <class Action>
double on_root_alone(const boost::mpi::communicator& comm, Action action) {
  const auto start = Clock::now();
  if (comm.rank() == 0) {
    action();
    for (int rank = 1; rank < comm.size(); ++rank) comm.send(rank, 1);
  } else {
    while (!comm.iprobe(0, 1)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    comm.recv(0, 1);
  }
  return seconds_since(start);
}

std::uint64_t bitmap_cycles(std::uint32_t n) {
  const auto step = [n](std::uint64_t s) {
    const std::uint64_t f = s ^ s >> 1 ^ s >> 5 ^ (s >> 3 & s >> 8);
    return s >> 1 | (f & 1) << (n - 1);
  };
  return oracle::bitmap_walk(std::uint64_t{1} << n, step).size();
}

void run(const boost::mpi::communicator& comm, const Options& options) {
  const Register reg(
      {2, "", options.length, parse_feedback(options.feedback, Field(2), options.length)});
  MilestoneOptions milestone;
  milestone.zeros = options.zeros != 0 ? options.zeros : std::max(4U, options.length / 4);
  milestone.short_cycles =
      options.short_cycles != 0 ? options.short_cycles : std::min(26U, options.length * 3 / 4);
  WorkerPool pool(options.threads);
  ScheduleOptions schedule;
  schedule.mode = ScheduleMode::stealing;
  Scheduler scheduler(comm, pool, schedule);

  std::vector<double> bitmap_s;
  std::vector<double> engine_s;
  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> phase_s;
  std::uint64_t bitmap_count = 0;
  std::uint64_t engine_count = 0;
  for (unsigned i = 0; i < options.repeat; ++i) {
    if (!options.no_bitmap) {
      bitmap_s.push_back(
          on_root_alone(comm, [&] { bitmap_count = bitmap_cycles(options.length); }));
    }
    comm.barrier();
    const auto start = Clock::now();
    const Decomposition result = decompose_by_milestones(reg, CyclePolicy{}, milestone, scheduler);
    comm.barrier();
    engine_s.push_back(seconds_since(start));
    engine_count = result.certificate.cycles.get_ui();
    for (const PhaseReport& phase : result.phases) {
      if (i == 0) order.push_back(phase.name);
      phase_s[phase.name].push_back(phase.elapsed_s);
    }
  }
  if (comm.rank() != 0) return;
  const double states = static_cast<double>(reg.state_count());
  const double workers = scheduler.all_workers();
  fmt::print("n = {}, f = {}, k = {}, cycles up to {} by words; {} ranks x {} threads, {} runs\n",
             options.length, options.feedback, milestone.zeros, milestone.short_cycles, comm.size(),
             options.threads, options.repeat);
  for (const std::string& name : order) {
    const double s = median(phase_s[name]);
    fmt::print("  {:<38} {:9.4f} s  {:8.5f} ns per state and core\n", name, s,
               s * workers / states * 1e9);
  }
  fmt::print("  {:<38} {:9.4f} s  {:8.5f} ns per state, {} cycles, certified\n", "milestone engine",
             median(engine_s), median(engine_s) / states * 1e9, engine_count);
  if (options.no_bitmap) return;
  fmt::print("  {:<38} {:9.4f} s  {:8.5f} ns per state, {} cycles\n", "bitmap walk",
             median(bitmap_s), median(bitmap_s) / states * 1e9, bitmap_count);
  fmt::print("  ratio of the medians {:.1f}\n", median(bitmap_s) / median(engine_s));
}

}  // namespace

int main(int argc, char** argv) {
  boost::mpi::environment environment(argc, argv, boost::mpi::threading::funneled);
  const boost::mpi::communicator world;
  Options options;
  CLI::App app{"the milestone engine beside a bitmap walk"};
  app.add_option("--length", options.length, "n");
  app.add_option("--feedback", options.feedback, "index list; the bitmap walk has its own");
  app.add_option("--zeros", options.zeros, "k (default n/4)");
  app.add_option("--short-cycles", options.short_cycles, "longest cycle found by words");
  app.add_option("--threads", options.threads, "per rank");
  app.add_option("--repeat", options.repeat);
  app.add_flag("--no-bitmap", options.no_bitmap, "for lengths and feedbacks beyond the bitmap's");
  CLI11_PARSE(app, argc, argv);
  if (options.feedback != Options{}.feedback) options.no_bitmap = true;
  run(world, options);
  return 0;
}
