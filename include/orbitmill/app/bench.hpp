/// `orbitmill bench`: the ways of scheduling side by side, on one register, in one job.
///
/// A *configuration* is a way to run: schedule, workers, batch size. It computes on the first ranks
/// of the job through a communicator of their own; the other ranks sleep. Repetitions are
/// interleaved (A B C A B C ...), so that a machine that slows down for a while slows all of them
/// down. Every run's certificate is compared with that of the first run.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "orbitmill/app/application.hpp"
#include "orbitmill/app/job.hpp"
#include "orbitmill/app/log.hpp"
#include "orbitmill/app/options.hpp"
#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/schedule/modes.hpp"

namespace orbitmill {

/// What to measure, checked and complete. Root makes it, every rank gets it.
struct BenchPlan {
  std::vector<Job> jobs;               ///< one for each register length
  std::vector<std::string> modes;      ///< sequential first, always: the others refer to it
  std::vector<std::string> swept;      ///< modes whose batch sizes are swept
  std::vector<std::uint64_t> batches;  ///< the batch sizes; empty: decades()
  bool scaling = false;
  std::uint32_t repeat = 5;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& jobs& modes& swept& batches& scaling& repeat;
  }
};

/// Reads the options. Throws UsageError, and what resolve_job throws.
BenchPlan plan_bench(const BenchOptions& options);

/// The workers of the job.
struct BenchWorkers {
  std::vector<unsigned> of_rank;  ///< by rank of the job, each >= 1
  unsigned alone = 1;             ///< threads of rank 0 when it computes alone

  unsigned total() const;
};

enum class BenchTable : std::uint8_t { modes, scaling, batches };

/// One way to run.
struct BenchConfiguration {
  BenchTable table = BenchTable::modes;
  std::string name;  ///< a name of schedule/modes.hpp, or "threads": rank 0 alone with its threads
  ScheduleMode mode = ScheduleMode::sequential;
  std::vector<unsigned> threads;  ///< by rank, for the first ranks of the job: these take part
  std::uint64_t batch_size = 0;   ///< 0: adaptive

  int ranks() const { return static_cast<int>(threads.size()); }
};

/// All configurations for a register of `states` states, in the order in which they run.
std::vector<BenchConfiguration> bench_configurations(const BenchPlan& plan,
                                                     const BenchWorkers& workers,
                                                     std::uint64_t states);

/// `count` workers of the job, rank after rank: the first ranks with all their threads, the last
/// one with the rest. Precondition: 1 <= count <= workers.total().
std::vector<unsigned> first_workers(const BenchWorkers& workers, unsigned count);

/// 1, 2, 4 ... and `all`.
std::vector<unsigned> scaling_counts(unsigned all);

/// Four powers of ten, three decades. The largest still gives each worker ten batches.
std::vector<std::uint64_t> decades(std::uint64_t states, unsigned workers);

/// One run of one configuration. Sums are over the ranks that took part.
struct BenchSample {
  double time_s = 0;       ///< phases, reduction and certificate, until the last rank has it
  double start_up_s = 0;   ///< starting the threads and setting up the scheduler
  double broadcast_s = 0;  ///< sending the job to all ranks as one message
  double busy_s = 0;       ///< workers in batches
  double phases_s = 0;     ///< wall time of the phases
  unsigned workers = 1;    ///< workers in use: 1 where the schedule turned out sequential
  std::uint64_t job_bytes = 0;
  std::uint64_t batches = 0;
  std::uint64_t node_tried = 0, node_won = 0;        ///< steals inside nodes
  std::uint64_t cluster_tried = 0, cluster_won = 0;  ///< steals between nodes
  std::uint64_t fallbacks = 0;                       ///< windows wanted and not had
  std::uint64_t peak_memory_bytes = 0;               ///< of the rank that used most
  ScheduleMode mode = ScheduleMode::sequential;      ///< what ran
  std::string reason;                                ///< why
  Certificate certificate;
  std::string failure;  ///< what was wrong with the result; empty: nothing
};

struct BenchRow {
  BenchConfiguration configuration;
  std::vector<BenchSample> samples;   ///< the counted runs that gave the right result
  std::vector<std::string> failures;  ///< of all runs, the one not counted included
};

/// Everything about one register.
struct BenchResult {
  RegisterSpec register_spec;
  std::uint64_t states = 0;
  Certificate certificate;  ///< of the first run
  std::vector<BenchRow> rows;
};

/// What is wrong with a run's certificate, compared with the first run's; empty if nothing.
std::string compare_certificates(const Certificate& first, const Certificate& other);

/// Measures all configurations for one register. Collective over `comm`; the result is on root.
/// Throws AgreedError where the first run of all fails.
BenchResult measure(const boost::mpi::communicator& comm, const BenchPlan& plan, const Job& job,
                    const BenchWorkers& workers, const Log& log, const ApplicationHooks& hooks);

/// The figures of one row: medians, unless they say otherwise.
struct BenchFigures {
  double median_s = 0, min_s = 0, max_s = 0;
  double speed_up = 0;    ///< against the sequential row
  double efficiency = 0;  ///< speed-up by workers in use
  double states_per_s = 0;
  double busy_share = 0;  ///< of the workers' time in the phases
  double start_up_s = 0, broadcast_s = 0;
  unsigned workers = 1;
  std::uint64_t job_bytes = 0, batches = 0;
  std::uint64_t node_tried = 0, node_won = 0, cluster_tried = 0, cluster_won = 0;
  std::uint64_t fallbacks = 0;          ///< the most of any run
  std::uint64_t peak_memory_bytes = 0;  ///< the most of any run
  std::uint64_t failures = 0;
  ScheduleMode mode = ScheduleMode::sequential;  ///< what ran most often
  std::uint64_t mode_runs = 0;                   ///< in so many runs
  std::string reason;                            ///< why, in the last of these
};

/// A row without a right run gives zeros and its failures. `sequential_s` is the median time of the
/// sequential row, 0 if it has none.
BenchFigures summarise(const BenchRow& row, std::uint64_t states, double sequential_s);

/// The figures of all rows, in their order.
std::vector<BenchFigures> summarise(const BenchResult& result);

/// How good the choice of `auto` was.
struct AutoVerdict {
  std::string best;     ///< the fastest of the other modes on all workers, or sequential
  double best_s = 0;    ///< its median
  double chosen_s = 0;  ///< the median of the mode that auto chose; 0 if it was not measured
  double auto_s = 0;    ///< auto itself, its samples and the decision included
};

/// Nothing to judge (empty `best`) where auto or all others were not measured.
AutoVerdict judge_auto(const BenchResult& result, const std::vector<BenchFigures>& figures);

/// The whole of it, for the reports.
struct BenchReport {
  BuildProvenance build;
  std::string command_line, start_utc, end_utc;
  std::vector<std::string> hosts;
  BenchWorkers workers;
  std::uint32_t repeat = 0;
  std::vector<BenchResult> results;
};

/// Tables for a screen of 80 columns.
std::string bench_text(const BenchReport& report, const BenchResult& result);
/// All figures and all single times; jobs/SCHEDULING.md lists the members.
std::string bench_json(const BenchReport& report);
/// A line for each row of each register.
std::string bench_csv(const BenchReport& report);

}  // namespace orbitmill
