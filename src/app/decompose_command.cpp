/// `orbitmill decompose`: job file -> register -> phases -> reduction -> certificate -> HDF5.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <functional>
#include <memory>

#include "closed_form_run.hpp"
#include "decompose_checkpoint.hpp"
#include "launch.hpp"
#include "orbitmill/app/application.hpp"
#include "orbitmill/app/job.hpp"
#include "orbitmill/app/log.hpp"
#include "orbitmill/app/profile_report.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/stop_signal.hpp"
#include "orbitmill/cluster/topology.hpp"
#include "orbitmill/decompose/cycle_table.hpp"
#include "orbitmill/decompose/plan.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/results/result_file.hpp"
#include "planning.hpp"
#include "provenance.hpp"

namespace orbitmill {
namespace {

/// Runs longer than this print their profile unasked.
constexpr double profile_after_s = 10;

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

SequenceSlice sequences_of(const boost::mpi::communicator& comm, const Register& reg,
                           const CycleSlice& cycles) {
  SequenceSlice slice;
  slice.symbols = output_sequences(reg, cycles.rows);
  const auto own = static_cast<std::uint64_t>(slice.symbols.size());
  slice.first_symbol = boost::mpi::scan(comm, own, std::plus<>()) - own;
  slice.total_symbols = boost::mpi::all_reduce(comm, own, std::plus<>());
  return slice;
}

/// This rank's part of the index: whole chunks of the file, from ranks of root's node alone, in
/// whose memory the index lies.
PositionSlice positions_of(const Scheduler& scheduler, const MilestoneIndex& index) {
  PositionSlice slice;
  slice.zeros = index.zeros;
  slice.total = index.count;
  if (!index.memory) return slice;
  const std::uint64_t chunks = (index.count + table_chunk_rows - 1) / table_chunk_rows;
  const auto rank = static_cast<std::uint64_t>(scheduler.node().rank());
  const auto ranks = static_cast<std::uint64_t>(scheduler.node().size());
  const auto border = [&](std::uint64_t part) {
    return std::min(chunks * part / ranks * table_chunk_rows, index.count);
  };
  slice.first = border(rank);
  slice.count = border(rank + 1) - slice.first;
  slice.positions = index.positions() + slice.first;
  return slice;
}

void decompose_on_all_ranks(const boost::mpi::communicator& comm, const CommandLine& command_line,
                            const ApplicationHooks& hooks) {
  const std::string start_utc = utc_now();
  const Job job = distribute_job(comm, command_line);
  const std::uint64_t job_bytes = serialized_bytes(comm, job);
  const bool root = comm.rank() == 0;
  const Log log(job.quiet     ? Log::Level::quiet
                : job.verbose ? Log::Level::verbose
                              : Log::Level::normal,
                root);
  const Topology topology = discover_topology(comm);
  // Each rank rebuilds the register, tables and all, from the coefficients it was sent.
  const Register reg(job.register_spec);
  if (!job.closed_form_reason.empty()) {
    agree(comm, [&] { refuse_singletons(comm, job.oversubscribe); });
    release_stop_signals();  // there is nothing to save
    return run_closed_form(comm, command_line, job, reg, topology, start_utc, log);
  }
  if (!job.oversubscribe && reg.state_count() < static_cast<std::uint64_t>(comm.size())) {
    throw AgreedError(
        ExitCode::usage,
        fmt::format("{} ranks for a register of {} states: there is not work for all; "
                    "start at most {}, or add --oversubscribe",
                    comm.size(), reg.state_count(), reg.state_count()));
  }
  unsigned threads = 0;
  agree(comm, [&] {
    refuse_singletons(comm, job.oversubscribe);
    threads = choose_threads(job.threads, job.oversubscribe, topology);
  });
  const unsigned all_threads = boost::mpi::all_reduce(comm, threads, std::plus<>());
  DecomposeCheckpoint checkpoint(comm, job, reg, log);
  const Plan plan =
      checkpoint.keep_to(plan_run(comm, checkpoint.job(), reg, topology, threads), all_threads);
  WorkerPool pool(threads);
  const double ready_s = elapsed_seconds();
  log.info("register of {}", register_line(reg));
  log.info("{} states; {} rank{} on {} node{}, {} thread{} in all", reg.state_count_text(),
           comm.size(), comm.size() == 1 ? "" : "s", topology.nodes, topology.nodes == 1 ? "" : "s",
           all_threads, all_threads == 1 ? "" : "s");
  log.info("{}", plan_line(plan));
  for (const PhaseEstimate& phase : plan.phases) {
    log.detail("predicted for {}: {}", phase.name, estimated_duration(phase.seconds));
  }
  log.detail("start-up took {}", human_duration(ready_s));

  checkpoint.require_shared_folder(topology);
  checkpoint.tell_what_is_there();
  ProgressReport progress(log, isatty(STDERR_FILENO) != 0);
  ScheduleOptions schedule;
  schedule.mode = *mode_named(job.schedule);
  schedule.transport = *transport_named(job.steal_transport);
  schedule.batch_size = job.batch_size;
  schedule.trace = !job.trace.empty();
  schedule.listener = &progress;
  schedule.keeper = checkpoint.keeper();
  schedule.before_batch = hooks.before_batch;
  schedule.tamper = hooks.tamper;
  if (hooks.watchdog_s > 0) schedule.watchdog_s = hooks.watchdog_s;
  Scheduler scheduler(comm, pool, schedule);
  if (topology.nodes > 1) log.detail("work crosses nodes by {}", scheduler.transport_name());
  if (scheduler.fallbacks() > 0) {
    log.info(
        "stealing between nodes by messages: this MPI cannot create a one-sided window across "
        "nodes (see slurm/README.md)");
  }
  const Decomposition result = checkpoint.guard(
      [&] { return decompose_as_planned(reg, job.cycles, plan, job.index, scheduler); });
  log.detail("schedule {}: {}", name_of(result.phases.front().mode),
             result.phases.front().mode_reason);
  std::optional<SequenceSlice> sequences;
  if (job.sequences) sequences = sequences_of(comm, reg, *result.cycles);
  std::optional<PositionSlice> positions;
  if (result.index) positions = positions_of(scheduler, *result.index);

  DecompositionRecord record;
  RankProfile profile = profile_of(comm, topology, scheduler, result.phases);
  profile.states_walked = result.lane_steps;
  profile.bytes_serialized = job_bytes;
  boost::mpi::gather(comm, profile, record.profile, 0);
  if (root) {
    record.title = job.title;
    record.register_spec = reg.spec();
    record.histogram = to_exact(result.histogram);
    record.certificate = result.certificate;
    record.has_cycles = result.cycles.has_value();
    record.has_sequences = sequences.has_value();
    record.index_zeros = positions ? positions->zeros : 0;
    record.run = provenance(command_line, topology);
    describe_job(record.run, job, plan);
    record.run.deficit = result.deficit;
    record.run.ranks = static_cast<std::uint32_t>(comm.size());
    record.run.threads = all_threads;
    record.run.start_utc = start_utc;
    record.run.end_utc = utc_now();
    record.run.elapsed_s = elapsed_seconds();
    // The first phase meets most states; its schedule stands for the run.
    record.run.schedule = name_of(result.phases.front().mode);
    record.run.schedule_reason = result.phases.front().mode_reason;
    record.run.phases.push_back({"start-up", ready_s});
    double phases_s = ready_s;
    for (const PhaseReport& phase : result.phases) {
      record.run.phases.push_back({phase.name, phase.elapsed_s});
      phases_s += phase.elapsed_s;
    }
    record.run.phases.push_back({"reduction", record.run.elapsed_s - phases_s});
  }
  const double result_s = elapsed_seconds();
  log.info("certified: {} cycles hold all {} states; checksum {:016x}",
           result.certificate.cycles.get_str(), result.certificate.states.get_str(),
           result.certificate.checksum);
  if (result.certificate.theory == Theory::agrees) {
    log.detail("theory predicts the same cycles, from the characteristic polynomial");
  } else if (result.certificate.theory == Theory::not_compared) {
    log.info("theory was not compared: it cannot be worked out for this register");
  }
  agree(comm, [&] {
    write_result(comm, job.output, job.overwrite, record, result.cycles ? &*result.cycles : nullptr,
                 sequences ? &*sequences : nullptr, positions ? &*positions : nullptr);
  });
  log.info("wrote {}", job.output);
  checkpoint.discard();
  if (!job.trace.empty()) {
    write_trace(comm, job.trace, result.phases);
    log.info("wrote the trace {}; open it in ui.perfetto.dev", job.trace);
  }
  // A long run ends with its profile; a short one only when asked.
  if (root && (result_s > profile_after_s || log.shows(Log::Level::verbose))) {
    for (const std::string& line : profile_table(record.profile)) log.info("{}", line);
  }
}

}  // namespace

int run_decompose(const CommandLine& command_line, int argc, char** argv,
                  const ApplicationHooks& hooks) {
  catch_stop_signals();
  return run_under_mpi(argc, argv, [&](const boost::mpi::communicator& comm) {
    decompose_on_all_ranks(comm, command_line, hooks);
  });
}

}  // namespace orbitmill
