/// `orbitmill decompose`: job file -> register -> phases -> reduction -> certificate -> HDF5.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/mpi/collectives.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/serialization/vector.hpp>
#include <csignal>
#include <ctime>
#include <functional>
#include <memory>

#include "orbitmill/app/application.hpp"
#include "orbitmill/app/job.hpp"
#include "orbitmill/app/log.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/topology.hpp"
#include "orbitmill/decompose/cycle_table.hpp"
#include "orbitmill/decompose/decompose.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {
namespace {

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

std::uint64_t peak_memory_bytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;  // Linux counts KiB
}

/// Root reads and checks the job; every rank gets it.
Job distribute_job(const boost::mpi::communicator& comm, const CommandLine& command_line) {
  return decide_on_root(comm, [&] {
    std::string text;
    JobOptions options = command_line.options;
    if (command_line.job_file)
      options = prefer(options, read_job_file(*command_line.job_file, text));
    Job job = resolve_job(options);
    job.job_text = text;
    job.output = command_line.output;
    check_output_path(job.output, job.overwrite);
    return job;
  });
}

/// The number of workers of this rank. Refuses waste, with the override named.
unsigned choose_threads(const Job& job, const Topology& topology) {
  if (job.oversubscribe) return job.threads > 0 ? job.threads : topology.own_cores;
  if (topology.cores_shared) {
    throw UsageError(fmt::format(
        "{} ranks on host {} share {} core{}: they would only slow each other down; start fewer "
        "ranks, or add --oversubscribe",
        topology.ranks_on_node, topology.host, topology.cores, topology.cores == 1 ? "" : "s"));
  }
  if (job.threads > topology.own_cores) {
    throw UsageError(
        fmt::format("--threads {}: a rank on host {} has {} core{} of its own; ask for fewer "
                    "threads, let mpirun "
                    "give each rank more cores (--bind-to none, or --map-by socket:PE={}), or add "
                    "--oversubscribe",
                    job.threads, topology.host, topology.own_cores,
                    topology.own_cores == 1 ? "" : "s", job.threads));
  }
  return job.threads > 0 ? job.threads : topology.own_cores;
}

RankProfile profile_of(const boost::mpi::communicator& comm, const Topology& topology,
                       unsigned threads, const Decomposition& result) {
  RankProfile profile;
  profile.rank = static_cast<std::uint32_t>(comm.rank());
  profile.host = topology.host;
  profile.threads = threads;
  profile.states_walked = result.lane_steps;
  for (const PhaseReport& phase : result.phases) {
    profile.batches += phase.batches;
    profile.busy_s += phase.busy_s;
    profile.idle_s += phase.idle_s;
    profile.communication_s += phase.communication_s;
  }
  profile.peak_memory_bytes = peak_memory_bytes();
  return profile;
}

RunInfo provenance(const Job& job, const CommandLine& command_line, const Topology& topology) {
  RunInfo run;
  const BuildProvenance build = build_provenance();
  run.version = build.version;
  run.commit = build.commit;
  run.compiler = build.compiler;
  run.flags = build.flags;
  run.mpi = build.mpi;
  run.hdf5 = build.hdf5;
  run.hosts = topology.hosts;
  run.command_line = command_line.joined;
  run.job_text = job.job_text;
  run.effective_job = job.effective_job;
  run.engine_asked = job.engine;
  run.engine = "leader";
  run.engine_reason = job.engine == "auto" ? "the only engine of this version" : "asked for";
  run.schedule_asked = job.schedule;
  run.schedule = "static";
  run.schedule_reason = job.schedule == "auto" ? "the only mode of this version" : "asked for";
  return run;
}

SequenceSlice sequences_of(const boost::mpi::communicator& comm, const Register& reg,
                           const CycleSlice& cycles) {
  SequenceSlice slice;
  slice.symbols = output_sequences(reg, cycles.rows);
  const auto own = static_cast<std::uint64_t>(slice.symbols.size());
  slice.first_symbol = boost::mpi::scan(comm, own, std::plus<>()) - own;
  slice.total_symbols = boost::mpi::all_reduce(comm, own, std::plus<>());
  return slice;
}

void decompose_on_all_ranks(const boost::mpi::communicator& comm, const CommandLine& command_line,
                            const ApplicationHooks& hooks) {
  const std::string start_utc = utc_now();
  const Job job = distribute_job(comm, command_line);
  const bool root = comm.rank() == 0;
  const Log log(job.quiet     ? Log::Level::quiet
                : job.verbose ? Log::Level::verbose
                              : Log::Level::normal,
                root);
  const Topology topology = discover_topology(comm);
  // Each rank rebuilds the register, tables and all, from the coefficients it was sent.
  const Register reg(job.register_spec);
  if (!job.oversubscribe && reg.state_count() < static_cast<std::uint64_t>(comm.size())) {
    throw AgreedError(
        ExitCode::usage,
        fmt::format("{} ranks for a register of {} states: there is not work for all; "
                    "start at most {}, or add --oversubscribe",
                    comm.size(), reg.state_count(), reg.state_count()));
  }
  unsigned threads = 0;
  agree(comm, [&] { threads = choose_threads(job, topology); });
  const unsigned all_threads = boost::mpi::all_reduce(comm, threads, std::plus<>());
  WorkerPool pool(threads);
  const double ready_s = elapsed_seconds();
  log.info("register of length {} over GF({}): f = {}", reg.length(), reg.field().order(),
           print_anf(reg.feedback()));
  log.info("{} states; engine leader; {} rank{} on {} node{}, {} thread{} in all",
           reg.state_count_text(), comm.size(), comm.size() == 1 ? "" : "s", topology.nodes,
           topology.nodes == 1 ? "" : "s", all_threads, all_threads == 1 ? "" : "s");
  log.detail("start-up took {}", human_duration(ready_s));

  ProgressReport progress(log, isatty(STDERR_FILENO) != 0);
  ScheduleOptions schedule;
  schedule.batch_size = job.batch_size;
  schedule.listener = &progress;
  schedule.before_batch = hooks.before_batch;
  Scheduler scheduler(comm, pool, schedule);
  const Decomposition result = decompose_by_leaders(reg, job.cycles, scheduler);
  std::optional<SequenceSlice> sequences;
  if (job.sequences) sequences = sequences_of(comm, reg, *result.cycles);

  DecompositionRecord record;
  boost::mpi::gather(comm, profile_of(comm, topology, threads, result), record.profile, 0);
  if (root) {
    record.title = job.title;
    record.register_spec = reg.spec();
    record.histogram = result.histogram;
    record.certificate = result.certificate;
    record.has_cycles = result.cycles.has_value();
    record.has_sequences = sequences.has_value();
    record.run = provenance(job, command_line, topology);
    record.run.ranks = static_cast<std::uint32_t>(comm.size());
    record.run.threads = all_threads;
    record.run.start_utc = start_utc;
    record.run.end_utc = utc_now();
    record.run.elapsed_s = elapsed_seconds();
    record.run.phases.push_back({"start-up", ready_s});
    double phases_s = ready_s;
    for (const PhaseReport& phase : result.phases) {
      record.run.phases.push_back({phase.name, phase.elapsed_s});
      phases_s += phase.elapsed_s;
    }
    record.run.phases.push_back({"reduction", record.run.elapsed_s - phases_s});
  }
  log.info("certified: {} cycles hold all {} states; checksum {:016x}", result.certificate.cycles,
           result.certificate.states, result.certificate.checksum);
  agree(comm, [&] {
    write_result(comm, job.output, job.overwrite, record, result.cycles ? &*result.cycles : nullptr,
                 sequences ? &*sequences : nullptr);
  });
  log.info("wrote {}", job.output);
}

}  // namespace

int run_decompose(const CommandLine& command_line, int argc, char** argv,
                  const ApplicationHooks& hooks) {
  // A file size limit must come back as an error of write(), not as the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  const boost::mpi::environment environment(argc, argv, boost::mpi::threading::funneled);
  const boost::mpi::communicator comm;
  try {
    decompose_on_all_ranks(comm, command_line, hooks);
    return 0;
  } catch (const AgreedError& error) {
    if (comm.rank() == 0) fmt::print(stderr, "orbitmill: error: {}\n", error.what());
    return static_cast<int>(error.exit_code());
  } catch (...) {
    abort_job(comm, describe_current_exception());
  }
}

}  // namespace orbitmill
