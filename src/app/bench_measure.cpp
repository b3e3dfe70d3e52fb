/// The measuring half of `orbitmill bench`: sub-communicators, interleaved runs, certificates.
#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <chrono>
#include <fstream>
#include <map>
#include <thread>

#include "launch.hpp"
#include "orbitmill/app/bench.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/decompose/plan.hpp"
#include "orbitmill/schedule/scheduler.hpp"
#include "planning.hpp"

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// A barrier that leaves the core to those who compute: MPI_Barrier spins, and on a shared core a
/// rank that takes no part would slow down the ones it waits for.
void wait_quietly(const boost::mpi::communicator& comm) {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Ibarrier(comm, &request);
  std::chrono::microseconds pause{20};
  for (;;) {
    int done = 0;
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done != 0) return;
    std::this_thread::sleep_for(pause);
    pause = std::min(2 * pause, std::chrono::microseconds{2000});
  }
}

/// Linux keeps the peak of the resident set since the last reset (proc(5), clear_refs). Where it
/// may not be reset, the peak is that of the whole process so far.
void reset_peak_memory() {
  std::ofstream("/proc/self/clear_refs") << 5;
}

std::uint64_t peak_memory_since_reset() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib * 1024;
  }
  return peak_memory_bytes();
}

/// One rank's part of a run.
struct RankSample {
  double time_s = 0, start_up_s = 0, broadcast_s = 0, busy_s = 0;
  std::uint64_t batches = 0, peak_memory_bytes = 0;
  std::uint64_t node_tried = 0, node_won = 0, cluster_tried = 0, cluster_won = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& time_s& start_up_s& broadcast_s& busy_s& batches& peak_memory_bytes& node_tried&
        node_won& cluster_tried& cluster_won;
  }
};

/// Adds the ranks' parts up; a time lasts until the last rank is through.
void combine(BenchSample& sample, const std::vector<RankSample>& parts) {
  for (const RankSample& part : parts) {
    sample.time_s = std::max(sample.time_s, part.time_s);
    sample.start_up_s = std::max(sample.start_up_s, part.start_up_s);
    sample.broadcast_s = std::max(sample.broadcast_s, part.broadcast_s);
    sample.peak_memory_bytes = std::max(sample.peak_memory_bytes, part.peak_memory_bytes);
    sample.busy_s += part.busy_s;
    sample.batches += part.batches;
    sample.node_tried += part.node_tried;
    sample.node_won += part.node_won;
    sample.cluster_tried += part.cluster_tried;
    sample.cluster_won += part.cluster_won;
  }
}

/// How a run ended, the same on every rank of the job.
struct Ending {
  int code = 0;
  std::string message;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& code& message;
  }
};

/// The configurations on their communicators, for one register.
class Bench {
 public:
  Bench(const boost::mpi::communicator& comm, const Job& job, const ApplicationHooks& hooks,
        unsigned threads)
      : comm_(comm),
        job_(job),
        register_(job.register_spec),
        // One engine for all configurations, the best one for all workers.
        plan_(plan_run(comm, job, register_, discover_topology(comm), threads)),
        hooks_(hooks) {}

  /// One run. Collective over the whole job; the sample is on root, the ending everywhere.
  BenchSample run(const BenchConfiguration& configuration, Ending& ending) {
    const boost::mpi::communicator& group = group_of(configuration.ranks());
    BenchSample sample;
    ending = {};
    wait_quietly(comm_);
    if (comm_.rank() < configuration.ranks()) sample = take_part(group, configuration, ending);
    wait_quietly(comm_);
    boost::mpi::broadcast(comm_, ending, 0);
    return sample;
  }

  std::uint64_t states() const { return register_.state_count(); }
  const Plan& plan() const { return plan_; }

 private:
  /// The first `ranks` ranks of the job; on the other ranks, those others.
  const boost::mpi::communicator& group_of(int ranks) {
    const auto found = groups_.find(ranks);
    if (found != groups_.end()) return found->second;
    return groups_.emplace(ranks, comm_.split(comm_.rank() < ranks ? 0 : 1)).first->second;
  }

  BenchSample take_part(const boost::mpi::communicator& group,
                        const BenchConfiguration& configuration, Ending& ending) const {
    BenchSample sample;
    RankSample mine;
    reset_peak_memory();
    sample.job_bytes = serialized_bytes(group, job_);

    Job received;
    if (group.rank() == 0) received = job_;
    group.barrier();
    auto start = Clock::now();
    boost::mpi::broadcast(group, received, 0);
    mine.broadcast_s = seconds_since(start);

    ScheduleOptions options;
    options.mode = configuration.mode;
    options.transport = *transport_named(job_.steal_transport);
    options.batch_size = configuration.batch_size;
    options.before_batch = hooks_.before_batch;
    group.barrier();
    start = Clock::now();
    WorkerPool pool(configuration.threads[static_cast<std::size_t>(group.rank())]);
    Scheduler scheduler(group, pool, options);
    mine.start_up_s = seconds_since(start);

    group.barrier();
    start = Clock::now();
    try {
      const Decomposition result =
          decompose_as_planned(register_, job_.cycles, plan_, false, scheduler);
      mine.time_s = seconds_since(start);
      note(result, sample, mine);
    } catch (const AgreedError& error) {
      // Every rank of the group is here: the next run can begin as if nothing had happened.
      ending = {static_cast<int>(error.exit_code()), error.what()};
    }
    mine.peak_memory_bytes = peak_memory_since_reset();
    std::vector<RankSample> parts;
    boost::mpi::gather(group, mine, parts, 0);
    combine(sample, parts);
    sample.fallbacks = scheduler.fallbacks();
    sample.workers = 0;
    for (const unsigned threads : configuration.threads) sample.workers += threads;
    if (sample.mode == ScheduleMode::sequential) sample.workers = 1;
    return sample;
  }

  static void note(const Decomposition& result, BenchSample& sample, RankSample& mine) {
    sample.certificate = result.certificate;
    // The first phase is the one that matters; its schedule stands for the run.
    sample.mode = result.phases.front().mode;
    sample.reason = result.phases.front().mode_reason;
    for (const PhaseReport& phase : result.phases) {
      sample.phases_s += phase.elapsed_s;
      mine.busy_s += phase.busy_s;
      mine.batches += phase.batches;
      mine.node_tried += phase.node_steals_tried;
      mine.node_won += phase.node_steals_won;
      mine.cluster_tried += phase.cluster_steals_tried;
      mine.cluster_won += phase.cluster_steals_won;
    }
  }

  const boost::mpi::communicator& comm_;
  const Job& job_;
  const Register register_;
  const Plan plan_;
  const ApplicationHooks& hooks_;
  std::map<int, boost::mpi::communicator> groups_;
};

}  // namespace

std::string compare_certificates(const Certificate& first, const Certificate& other) {
  if (first == other) return {};
  return fmt::format(
      "{} cycles with {} of {} states, checksum {:016x}; the first run found {} cycles with {} "
      "states, checksum {:016x}",
      other.cycles.get_str(), other.states_accounted.get_str(), other.states.get_str(),
      other.checksum, first.cycles.get_str(), first.states_accounted.get_str(), first.checksum);
}

BenchResult measure(const boost::mpi::communicator& comm, const BenchPlan& plan, const Job& job,
                    const BenchWorkers& workers, const Log& log, const ApplicationHooks& hooks) {
  Bench bench(comm, job, hooks, workers.of_rank[static_cast<std::size_t>(comm.rank())]);
  log.info("{}", plan_line(bench.plan()));
  BenchResult result;
  result.register_spec = job.register_spec;
  result.states = bench.states();
  for (BenchConfiguration& one : bench_configurations(plan, workers, bench.states())) {
    result.rows.push_back({std::move(one), {}, {}});
  }

  const auto start = Clock::now();
  bool first_run = true;
  for (unsigned round = 0; round <= plan.repeat; ++round) {
    for (BenchRow& row : result.rows) {
      Ending ending;
      BenchSample sample = bench.run(row.configuration, ending);
      if (first_run) {
        // Nothing to compare with, and the same error would follow in every run.
        if (ending.code != 0) throw AgreedError(static_cast<ExitCode>(ending.code), ending.message);
        result.certificate = sample.certificate;
        first_run = false;
      }
      sample.failure = ending.code != 0
                           ? ending.message
                           : compare_certificates(result.certificate, sample.certificate);
      if (comm.rank() != 0) continue;
      if (!sample.failure.empty()) {
        log.info("WRONG RESULT: {}, run {}: {}", row.configuration.name, round, sample.failure);
        row.failures.push_back(sample.failure);
      } else if (round > 0) {  // the run of round 0 warms up
        row.samples.push_back(std::move(sample));
      }
    }
    if (round == 0) {
      const double round_s = seconds_since(start);
      log.info("{} configurations; a round took {}; {} more, about {}", result.rows.size(),
               human_duration(round_s), plan.repeat, human_duration(round_s * plan.repeat));
    }
  }
  return result;
}

}  // namespace orbitmill
