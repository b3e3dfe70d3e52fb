/// `orbitmill campaign`: job file -> registers -> what an earlier run has -> phases -> table ->
/// HDF5.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <filesystem>
#include <functional>

#include "campaign_checkpoint.hpp"
#include "campaign_resume.hpp"
#include "launch.hpp"
#include "orbitmill/app/application.hpp"
#include "orbitmill/app/campaign_job.hpp"
#include "orbitmill/app/job.hpp"
#include "orbitmill/app/log.hpp"
#include "orbitmill/app/profile_report.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/stop_signal.hpp"
#include "orbitmill/cluster/topology.hpp"
#include "orbitmill/results/result_file.hpp"
#include "planning.hpp"
#include "provenance.hpp"

namespace orbitmill {
namespace {

/// Runs longer than this print their profile unasked.
constexpr double profile_after_s = 10;

/// Progress in registers: how many are done, how fast, and how many are worth a row.
class CampaignReport final : public ProgressListener {
 public:
  CampaignReport(const Log& log, bool terminal) : log_(log), terminal_(terminal) {}

  /// Stopped in a phase: what is said next has a line of its own.
  ~CampaignReport() override { close_line(); }

  void watch(std::function<CampaignProgress()> progress) { progress_ = std::move(progress); }

  void phase_started(const std::string& name) override {
    name_ = name;
    start_s_ = elapsed_seconds();
    interval_s_ = first_line_s;
    next_line_s_ = start_s_ + first_line_s;
    before_ = progress_ ? progress_() : CampaignProgress{};
  }

  void phase_advanced(double fraction) override {
    const double now = elapsed_seconds();
    if (!log_.shows(Log::Level::normal) || now < next_line_s_ || !progress_) return;
    const CampaignProgress progress = progress_();
    const double seconds = now - start_s_;
    const double rate = static_cast<double>(progress.registers - before_.registers) / seconds;
    const std::string left = fraction > 1e-4
                                 ? human_duration(seconds * (1 - fraction) / fraction) + " left"
                                 : "time left unknown";
    const std::string line =
        fmt::format("{}: {:.1f} %, {} registers done, {:.0f}/s, {} found, {}", name_,
                    100 * fraction, progress.registers, rate, progress.found, left);
    if (terminal_) {
      fmt::print(stderr, "\r{}   ", line);
      std::fflush(stderr);
      line_open_ = true;
      return;
    }
    log_.info("{}", line);
    interval_s_ = std::min(interval_s_ * 1.5, max_interval_s);
    next_line_s_ = now + interval_s_;
  }

  void phase_finished(double elapsed_s) override {
    close_line();
    log_.detail("{}: done in {}", name_, human_duration(elapsed_s));
  }

 private:
  void close_line() {
    if (!line_open_) return;
    fmt::print(stderr, "\r{:110}\r", "");
    line_open_ = false;
  }

  /// Short runs stay silent; lines in a file come ever more slowly.
  static constexpr double first_line_s = 2.0;
  static constexpr double max_interval_s = 300.0;

  const Log& log_;
  bool terminal_;
  std::function<CampaignProgress()> progress_;
  CampaignProgress before_;
  std::string name_;
  double start_s_ = 0, next_line_s_ = 0, interval_s_ = 0;
  bool line_open_ = false;  ///< a renewing line stands on the terminal
};

CampaignJob read_job(const CommandLine& command_line) {
  CampaignOptionsAsWritten options;
  std::string text;
  std::filesystem::path folder;
  if (command_line.job_file) {
    options = read_campaign_file(*command_line.job_file, text);
    folder = std::filesystem::path(*command_line.job_file).parent_path();
  }
  const RegisterOptions& reg = command_line.options.reg;
  if (command_line.rows_file) {
    // A path on the command line is relative to where the user is, not to the job file.
    SourceOptions source;
    source.rows = std::filesystem::absolute(*command_line.rows_file).string();
    source.place = "--rows: ";
    source.field = reg.field;
    source.modulus = reg.modulus;
    if (reg.length) source.lengths = {*reg.length, *reg.length};
    options.sources.push_back(source);
  } else if (reg.field || reg.modulus || reg.length) {
    throw UsageError("--field, --modulus and --length say what --rows has; add --rows FILE.csv");
  }
  if (command_line.task) options.task = command_line.task;
  options.run = prefer({{}, command_line.options.run}, {{}, options.run}).run;
  CampaignJob job = resolve_campaign(options, folder);
  job.job_text = text;
  job.output = command_line.output;
  job.goes_on = !job.overwrite && filetype_of(job.output) == campaign_filetype;
  check_output_path(job.output, job.overwrite || job.goes_on);
  return job;
}

/// Takes the list out of the job: there may be millions.
Campaign make_campaign(CampaignJob& job) {
  Campaign campaign;
  campaign.task = job.task;
  campaign.filter = job.filter;
  for (const FieldRecord& field : job.fields) {
    campaign.fields.emplace_back(field.order, field.modulus);
  }
  campaign.list = std::move(job.list);
  for (const FamilyJob& family : job.families) {
    campaign.families.emplace_back(Form(family.form), family.length, family.stage_ranges());
  }
  return campaign;
}

/// Equal names as one: a campaign may share thousands of registers.
std::vector<PhaseTime> phase_times(const std::vector<PhaseReport>& phases) {
  std::vector<PhaseTime> times;
  for (const PhaseReport& phase : phases) {
    const auto known = std::ranges::find(times, phase.name, &PhaseTime::name);
    if (known == times.end()) {
      times.push_back({phase.name, phase.elapsed_s});
    } else {
      known->seconds += phase.elapsed_s;
    }
  }
  return times;
}

RunInfo run_info(const CampaignJob& job, const CommandLine& command_line, const Topology& topology,
                 const std::vector<PhaseReport>& phases) {
  RunInfo run = provenance(command_line, topology);
  run.job_text = job.job_text;
  run.schedule_asked = job.schedule;
  // The longest phase stands for the run.
  const auto longest = std::ranges::max_element(phases, {}, &PhaseReport::elapsed_s);
  run.schedule = longest == phases.end() ? "none" : name_of(longest->mode);
  run.schedule_reason = longest == phases.end() ? "nothing was left to do" : longest->mode_reason;
  run.phases = phase_times(phases);
  return run;
}

/// The first failure in the table or the list, for the last line.
std::string first_failure(const boost::mpi::communicator& comm, const CampaignSlice& slice,
                          const CampaignJob& job) {
  std::string own;
  for (std::size_t i = 0; i < slice.rows.size() && own.empty(); ++i) {
    if (slice.rows[i].verdict == Verdict::failed) own = slice.rows[i].reason;
  }
  std::vector<std::string> all;
  boost::mpi::gather(comm, own, all, 0);
  if (comm.rank() != 0) return {};
  if (!job.unreadable.empty()) return job.unreadable.front().reason;
  const auto failed =
      std::ranges::find_if(all, [](const std::string& text) { return !text.empty(); });
  return failed == all.end() ? "" : *failed;
}

/// Returns the number of failures, on every rank.
std::uint64_t run_on_all_ranks(const boost::mpi::communicator& comm,
                               const CommandLine& command_line, const ApplicationHooks& hooks) {
  const std::string start_utc = utc_now();
  const bool root = comm.rank() == 0;
  // Root's has the entries as they were written, too: they do not travel.
  CampaignJob job = decide_on_root(comm, [&] { return read_job(command_line); });
  const Log log(job.quiet     ? Log::Level::quiet
                : job.verbose ? Log::Level::verbose
                              : Log::Level::normal,
                root);
  const Topology topology = discover_topology(comm);
  unsigned threads = 0;
  agree(comm, [&] {
    refuse_singletons(comm, job.oversubscribe);
    threads = choose_threads(job.threads, job.oversubscribe, topology);
  });
  const unsigned all_threads = boost::mpi::all_reduce(comm, threads, std::plus<>());
  Campaign campaign = make_campaign(job);
  log.info(
      "campaign {}: {} registers in lists, {} families; {} rank{} on {} node{}, {} thread{} in "
      "all",
      name_of(job.task), campaign.list.size(), campaign.families.size(), comm.size(),
      comm.size() == 1 ? "" : "s", topology.nodes, topology.nodes == 1 ? "" : "s", all_threads,
      all_threads == 1 ? "" : "s");
  if (root && job.entries.size() > campaign.list.size()) {
    log.info("{} entries of the lists are unreadable, {} repeat a register, up to symmetry",
             job.unreadable.size(),
             job.entries.size() - job.unreadable.size() - campaign.list.size());
  }
  CampaignCheckpoint checkpoint(comm, job, campaign, log);
  if (job.goes_on) {
    const TakenOver taken = take_over(comm, job, campaign);
    log.info("\"{}\": {} registers and {} families are taken over", job.output, taken.rows,
             taken.families);
  }

  checkpoint.require_shared_folder(topology);
  checkpoint.tell_what_is_there();
  WorkerPool pool(threads);
  CampaignReport report(log, isatty(STDERR_FILENO) != 0);
  ScheduleOptions schedule;
  schedule.mode = *mode_named(job.schedule);
  schedule.transport = *transport_named(job.steal_transport);
  schedule.batch_size = job.batch_size;
  schedule.listener = &report;
  schedule.keeper = checkpoint.keeper();
  schedule.before_batch = hooks.before_batch;
  schedule.tamper = hooks.tamper;
  if (hooks.watchdog_s > 0) schedule.watchdog_s = hooks.watchdog_s;
  Scheduler scheduler(comm, pool, schedule);

  CampaignOptions options;
  options.log = [&](const std::string& line) { log.info("{}", line); };
  options.watch = [&](auto progress) { report.watch(std::move(progress)); };
  options.force_everybody = hooks.everybody;
  options.by_everybody = [&](const Register& reg) {
    Job alone;
    alone.register_spec = reg.spec();
    alone.schedule = job.schedule;
    const Plan plan = plan_run(comm, alone, reg, topology, threads);
    CyclePolicy policy;
    policy.keep_rows = false;
    return decompose_as_planned(reg, policy, plan, false, scheduler);
  };
  const double ready_s = elapsed_seconds();
  CampaignResult result =
      checkpoint.guard([&] { return run_campaign(campaign, scheduler, options); });
  const double result_s = elapsed_seconds();

  std::uint64_t maximum = 0, de_bruijn = 0;
  for (std::size_t i = 0; i < result.rows.rows.size(); ++i) {
    const Verdict verdict = result.rows.rows[i].verdict;
    maximum += verdict == Verdict::maximum ? 1 : 0;
    de_bruijn += verdict == Verdict::de_bruijn ? 1 : 0;
  }
  CampaignRecord record;
  record.maximum = boost::mpi::all_reduce(comm, maximum, std::plus<>());
  record.de_bruijn = boost::mpi::all_reduce(comm, de_bruijn, std::plus<>());
  record.task = job.task;
  record.has_list = job.has_list;
  record.failed = result.failed + job.unreadable.size();
  boost::mpi::broadcast(comm, record.failed, 0);
  boost::mpi::gather(comm, profile_of(comm, topology, scheduler, result.phases), record.profile, 0);
  CampaignListTable list;
  list.rows = rows_of_list(comm, result.rows, campaign.list);
  if (root) {
    record.title = job.title;
    record.filter = job.filter.text();
    record.fields = job.fields;
    for (std::size_t i = 0; i < job.families.size(); ++i) {
      record.families.push_back({job.families[i].form, job.families[i].length,
                                 job.families[i].ranges_text, result.counts[i]});
    }
    record.unreadable = job.unreadable;
    record.rows = result.rows.total_rows;
    record.decisions = result.decisions;
    record.filters = result.filters;
    record.run = run_info(job, command_line, topology, result.phases);
    record.run.ranks = static_cast<std::uint32_t>(comm.size());
    record.run.threads = all_threads;
    record.run.start_utc = start_utc;
    record.run.end_utc = utc_now();
    record.run.elapsed_s = result_s;
    list.entries = std::move(job.entries);
    list.list = &campaign.list;
    list.outcomes = &result.outcomes;
  }
  for (const FilterCount& filter : result.filters) {
    if (filter.entered == 0 || (filter.settled == 0 && filter.seconds == 0)) continue;
    log.info("filter {}: looked at {}, settled {}, {}", filter.name, filter.entered, filter.settled,
             human_duration(filter.seconds));
  }
  log.info("{} registers done in {}; {} rows, {} of maximum period, {} de Bruijn, {} failed",
           result.registers, human_duration(result_s - ready_s), result.rows.total_rows,
           record.maximum, record.de_bruijn, record.failed);
  agree(comm, [&] {
    write_campaign(comm, job.output, job.overwrite || job.goes_on, record, list, result.rows);
  });
  log.info("wrote {}", job.output);
  checkpoint.discard();
  if (root && (result_s > profile_after_s || log.shows(Log::Level::verbose))) {
    for (const std::string& line : profile_table(record.profile)) log.info("{}", line);
  }
  const std::string failure = first_failure(comm, result.rows, job);
  if (root && record.failed > 0) {
    fmt::print(stderr,
               "orbitmill: error: {} register{} failed, and \"{}\" says why for each; the first: "
               "{}\n",
               record.failed, record.failed == 1 ? "" : "s", job.output, failure);
  }
  return record.failed;
}

}  // namespace

int run_campaign_command(const CommandLine& command_line, int argc, char** argv,
                         const ApplicationHooks& hooks) {
  catch_stop_signals();
  std::uint64_t failed = 0;
  const int code = run_under_mpi(argc, argv, [&](const boost::mpi::communicator& comm) {
    failed = run_on_all_ranks(comm, command_line, hooks);
  });
  if (code != 0 || failed == 0) return code;
  return static_cast<int>(ExitCode::bad_job);
}

}  // namespace orbitmill
