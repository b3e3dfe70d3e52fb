/// `orbitmill bench`: options -> plan -> interleaved runs -> tables, JSON and CSV.
///
/// It spawns nothing: it measures inside the mpirun or srun that it was given.
#include <fmt/format.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "launch.hpp"
#include "orbitmill/app/application.hpp"
#include "orbitmill/app/bench.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {
namespace {

/// Before minutes of measuring: can the files be written?
void check_outputs(const BenchOptions& options) {
  if (!options.json.empty() && options.json == options.csv) {
    throw UsageError(
        fmt::format("--json and --csv both say \"{}\"; give them two names", options.json));
  }
  const bool overwrite = options.job.run.overwrite.value_or(false);
  for (const std::string& path : {options.json, options.csv}) {
    if (!path.empty()) check_output_path(path, overwrite);
  }
}

/// Written aside and renamed, so that a plot never finds half a file.
void write_text(const std::string& path, const std::string& text) {
  const std::string aside = path + ".partial";
  std::ofstream file(aside, std::ios::binary);
  file << text;
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(aside, path, error);
  if (file && !error) return;
  const std::string reason = error ? error.message() : std::strerror(errno);
  std::filesystem::remove(aside, error);
  throw IoError(fmt::format("writing \"{}\" failed: {}", path, reason));
}

BenchWorkers agree_on_workers(const boost::mpi::communicator& comm, const Job& job,
                              const Topology& topology) {
  unsigned own = 0;
  agree(comm, [&] {
    refuse_singletons(comm, job.oversubscribe);
    own = choose_threads(job.threads, job.oversubscribe, topology);
  });
  BenchWorkers workers;
  boost::mpi::all_gather(comm, own, workers.of_rank);
  // While rank 0 computes alone it may use the cores of its neighbours, if they are in its mask.
  std::vector<int> node_of_rank;
  boost::mpi::all_gather(comm, topology.node, node_of_rank);
  unsigned on_node = 0;
  for (std::size_t rank = 0; rank < node_of_rank.size(); ++rank) {
    if (node_of_rank[rank] == node_of_rank[0]) on_node += workers.of_rank[rank];
  }
  unsigned cores = topology.cores;
  boost::mpi::broadcast(comm, cores, 0);
  workers.alone = std::max(workers.of_rank[0], std::min(on_node, cores));
  return workers;
}

void bench_on_all_ranks(const boost::mpi::communicator& comm, const CommandLine& command_line,
                        const ApplicationHooks& hooks) {
  const BenchOptions& options = command_line.bench;
  BenchReport report;
  report.start_utc = utc_now();
  const BenchPlan plan = decide_on_root(comm, [&] {
    check_outputs(options);
    return plan_bench(options);
  });
  const Job& first = plan.jobs.front();
  const bool root = comm.rank() == 0;
  const Log log(first.quiet ? Log::Level::quiet : Log::Level::normal, root);
  const Topology topology = discover_topology(comm);
  report.workers = agree_on_workers(comm, first, topology);
  report.hosts = topology.hosts;
  report.build = build_provenance();
  report.command_line = command_line.joined;
  report.repeat = plan.repeat;

  std::uint64_t failures = 0;
  for (const Job& job : plan.jobs) {
    log.info("register of length {} over GF({})", job.register_spec.length,
             job.register_spec.field_order);
    report.results.push_back(measure(comm, plan, job, report.workers, log, hooks));
    if (!root) continue;
    for (const BenchRow& row : report.results.back().rows) failures += row.failures.size();
    // Long benches are read while they run.
    fmt::print("{}{}", report.results.size() > 1 ? "\n" : "",
               bench_text(report, report.results.back()));
    std::fflush(stdout);
  }
  report.end_utc = utc_now();
  agree(comm, [&] {
    if (!root) return;
    if (!options.json.empty()) write_text(options.json, bench_json(report));
    if (!options.csv.empty()) write_text(options.csv, bench_csv(report));
  });
  agree(comm, [&] {
    if (failures == 0) return;
    throw InternalError(fmt::format(
        "{} run{} gave a result that differs from the first run's; the tables name the schedules, "
        "please report them",
        failures, failures == 1 ? "" : "s"));
  });
}

}  // namespace

int run_bench(const CommandLine& command_line, int argc, char** argv,
              const ApplicationHooks& hooks) {
  return run_under_mpi(argc, argv, [&](const boost::mpi::communicator& comm) {
    bench_on_all_ranks(comm, command_line, hooks);
  });
}

}  // namespace orbitmill
