#include "orbitmill/results/checkpoint_saver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// Between looks at signals and clocks.
constexpr std::chrono::milliseconds tick{20};
/// So long does a save wait for workers that are in a batch (2 ms as a rule). When the job stops it
/// writes what it has then, and the rest as soon as it comes.
constexpr double answer_patience_s = 0.25;
/// Before the limit of the run, in addition to two saves: to bring the ranks to an end.
constexpr double least_margin_s = 0.5;
/// The clocks of the ranks of one job start within so many seconds: the first one to see the limit
/// stops them all.
constexpr double start_skew_s = 5;

}  // namespace

CheckpointSaver::CheckpointSaver(CheckpointFolder folder, int rank, SaverOptions options)
    : folder_(std::move(folder)), rank_(rank), options_(std::move(options)) {
  if (options_.interval_s > 0) thread_ = std::thread([this] { watch(); });
}

CheckpointSaver::~CheckpointSaver() {
  finish();
}

void CheckpointSaver::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CheckpointSaver::begin(const Phase& phase) {
  indices_ = phase.index_count();
  restored_ = 0;
  ++phases_;
}

std::vector<Interval> CheckpointSaver::restore(Phase& phase) {
  const auto section = [&](const std::vector<Interval>& ranges,
                           std::span<const std::byte> payload) -> std::string {
    return phase.restore(ranges, payload) ? "" : "does not fit the phase";
  };
  const RestoreSummary kept =
      folder_.restore(phases_ - 1, indices_, section, [&](const std::string& problem) {
        options_.warn(fmt::format("checkpoint: {}; what it covers is done again", problem));
      });
  double cost = 0;
  for (const Interval& range : kept.ranges) {
    cost += phase.expected_cost(range.last) - phase.expected_cost(range.first);
  }
  const double all = phase.expected_cost(indices_) - phase.expected_cost(0);
  restored_ = all > 0 ? std::clamp(cost / all, 0.0, 1.0) : 0;
  if (!kept.ranges.empty()) {
    options_.note(fmt::format("{}: {:.1f} % done before, in {} record{}; {:.1f} % left",
                              phase.name(), 100 * restored_, kept.records,
                              kept.records == 1 ? "" : "s", 100 * (1 - restored_)));
  }
  return kept.ranges;
}

void CheckpointSaver::expect(unsigned workers) {
  const std::lock_guard lock(mutex_);
  workers_ = workers;
  asked_ = false;
  in_phase_ = true;
}

void CheckpointSaver::hand_over(std::vector<FinishedPart> parts) {
  {
    const std::lock_guard lock(mutex_);
    std::ranges::move(parts, std::back_inserter(queue_));
    ++answers_;
  }
  wake_.notify_all();
}

bool CheckpointSaver::wants_rest(bool interrupted) {
  if (options_.interval_s <= 0) return false;
  const std::lock_guard lock(mutex_);
  ending_ = ending_ || interrupted;
  return options_.carries || is_save_due();
}

void CheckpointSaver::end(std::vector<FinishedPart> rest) {
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  std::ranges::move(rest, std::back_inserter(queue_));
  if (!options_.carries || is_save_due()) {
    flush_ = true;
    wake_.notify_all();
    written_.wait(lock, [this] { return !flush_; });
  }
  lost_ = failing_ && !queue_.empty();
  if (!options_.carries) queue_.clear();  // what could not be written: its memory goes
  in_phase_ = false;
  asked_ = false;
  workers_ = 0;
}

void CheckpointSaver::watch() {
  std::unique_lock lock(mutex_);
  const auto pause = std::min<std::chrono::duration<double>>(
      tick, std::chrono::duration<double>(options_.interval_s / 2));
  while (!finished_) {
    wake_.wait_for(lock, pause,
                   [this] { return finished_ || flush_ || (asked_ && answers_ >= workers_); });
    look_for_stop();
    if (has_work() && !asked_ && !stopping_ && seconds_since(last_save_) >= options_.interval_s) {
      ask();
    }
    const bool waited = seconds_since(asked_at_) >= answer_patience_s;
    if (const bool flush = flush_; flush || (asked_ && (answers_ >= workers_ || waited))) {
      // When stopping, whoever is late is waited for.
      const bool was_asked = asked_;
      asked_ = stopping_ && answers_ < workers_;
      write(lock, was_asked ? asked_at_ : Clock::now(), was_asked);
      if (flush) {  // not one that was asked for in the meantime
        flush_ = false;
        written_.notify_all();
      }
    }
    if (!stopping_) continue;
    // Longer than another rank may take to write as much as this one.
    const double patience =
        std::max(stop_ == StopSignal::now ? options_.short_patience_s : options_.patience_s,
                 3 * last_save_s_);
    if (seconds_since(stop_at_) < patience) continue;
    write(lock, Clock::now(), false);
    lost_ = failing_ && !queue_.empty();
    options_.leave(farewell_text("", 0));
  }
}

void CheckpointSaver::look_for_stop() {
  stop_ = std::max(stop_, options_.signal());
  if (stopping_) return;
  stop_by_limit_ = is_limit_within(0);
  if (stop_ == StopSignal::none && !stop_by_limit_) return;
  stop_at_ = Clock::now();
  // Asked before they are stopped: who sees the stop sees the request, and answers it.
  if (has_work()) ask();
  stopping_.store(true, std::memory_order_release);
}

bool CheckpointSaver::is_limit_within(double seconds) const {
  const double margin = least_margin_s + 2 * last_save_s_;
  return options_.max_run_s > 0 &&
         options_.elapsed_s() + seconds >=
             options_.max_run_s - std::min(margin, options_.max_run_s / 2);
}

void CheckpointSaver::ask() {
  asked_ = true;
  answers_ = 0;
  asked_at_ = Clock::now();
  request_.fetch_add(1, std::memory_order_release);
}

/// Saves the queue; without the lock, so that workers can go on.
void CheckpointSaver::write(std::unique_lock<std::mutex>& lock, Clock::time_point begin,
                            bool was_asked) {
  std::vector<FinishedPart> parts = std::exchange(queue_, {});
  std::erase_if(parts, [](const FinishedPart& part) { return part.ranges.empty(); });
  if (parts.empty()) {
    // The empty end of a phase is no save: short phases in a row would never be saved.
    if (was_asked) last_save_ = Clock::now();
    return;
  }
  lock.unlock();
  std::string failure;
  try {
    folder_.save(phases_ - 1, indices_, rank_, parts);
  } catch (const std::exception& error) {
    failure = error.what();
  }
  lock.lock();
  const bool failed_before = std::exchange(failing_, !failure.empty());
  last_save_ = Clock::now();
  if (failing_) {
    // The next save tries again with them.
    std::ranges::move(parts, std::back_inserter(queue_));
    if (!failed_before) options_.warn(fmt::format("checkpoint: {}", failure));
    return;
  }
  last_save_s_ = seconds_since(begin);
  // Who is killed has no last word: said in time, and once. A farewell would say it again.
  if (rank_ != 0 || told_ || (stopping_ && stop_ != StopSignal::now)) return;
  told_ = true;
  options_.note(fmt::format(
      "finished work is saved in \"{}\" from now on: where this run is interrupted, the "
      "same command goes on from there, on any number of ranks",
      folder_.path().string()));
}

std::string CheckpointSaver::farewell(const std::string& place, double done) const {
  const std::lock_guard lock(mutex_);
  return farewell_text(place, done);
}

std::string CheckpointSaver::farewell_text(const std::string& place, double done) const {
  const std::string why = stop_ == StopSignal::soon  ? "on signal USR1"
                          : stop_ == StopSignal::now ? "on signal TERM"
                          : stop_by_limit_ || is_limit_within(start_skew_s)
                              ? "by --max-minutes"
                              : "as another rank asked for it";
  const std::string where =
      place.empty() ? std::string()
                    : fmt::format(" in {} with {:.1f} % of it done", place,
                                  100 * (restored_ + (1 - restored_) * std::clamp(done, 0.0, 1.0)));
  if (!lost_ && folder_.size().first == 0) {
    return fmt::format("stopped {}{}; no work was finished, and the same command begins anew", why,
                       where);
  }
  return fmt::format(
      "stopped {}{}; {} \"{}\": the same command goes on from there, on any number of ranks; with "
      "--restart it begins anew",
      why, where,
      lost_ ? "a save failed, and the work since the one before is lost; what was saved is in"
            : "finished work is in",
      folder_.path().string());
}

}  // namespace orbitmill
