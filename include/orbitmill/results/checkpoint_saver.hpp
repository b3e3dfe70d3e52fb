/// The thread of each rank that saves finished work, and watches for the wish to stop.
///
/// It needs no MPI, so a rank whose peers are dead, or whose main thread waits for them, still
/// saves what its workers have. Now and then it asks the workers (WorkKeeper::request) and writes
/// what they hand over as one record; whoever is still in a long batch answers for the next one.
///
/// When to save: every `interval_s`, and at the end of a phase if the last save is a tenth of that
/// ago. A phase that ends sooner keeps nothing of its rest: a job of milliseconds must not pay for
/// files, and what an interruption costs stays below an interval. A campaign of many short phases
/// would lose more that way: its rests wait for the next save (`carries`).
///
/// When to stop: on a signal (cluster/stop_signal.hpp), or so long before `max_run_s` as two saves
/// like the last one take. The scheduler then brings all ranks to an end in order. Where that takes
/// too long - a peer is dead, a batch lasts for minutes - the rank leaves by itself once its work
/// is saved.
///
/// Not kept of one register: the contraction and the milestone index, seconds of work on what the
/// pass has left.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "orbitmill/cluster/stop_signal.hpp"
#include "orbitmill/results/checkpoint_folder.hpp"
#include "orbitmill/schedule/work_keeper.hpp"

namespace orbitmill {

struct SaverOptions {
  double interval_s = 300;  ///< 0: nothing is saved, and nothing stops the job
  double max_run_s = 0;     ///< by `elapsed_s`; 0: no limit
  /// One begin() for many runs of the scheduler, and between them; no part has views.
  bool carries = false;
  std::function<double()> elapsed_s;
  std::function<StopSignal()> signal = stop_signal;
  /// Something for the log (root's main thread), something that went wrong (any thread).
  std::function<void(const std::string&)> note, warn;
  /// Ends the process at once; called when ending in order took too long.
  std::function<void(const std::string&)> leave;
  double patience_s = 30;       ///< with the others, when asked to stop soon
  double short_patience_s = 5;  ///< and when asked to stop now
};

class CheckpointSaver final : public WorkKeeper {
 public:
  /// `folder` knows its job. Starts the thread.
  CheckpointSaver(CheckpointFolder folder, int rank, SaverOptions options);
  ~CheckpointSaver() override;

  /// No more saves, no more stops: the last phase is over. Idempotent.
  void finish();

  bool is_saving() const override { return options_.interval_s > 0; }
  void begin(const Phase& phase) override;
  std::vector<Interval> restore(Phase& phase) override;
  void expect(unsigned workers) override;
  unsigned request() const override { return request_.load(std::memory_order_acquire); }
  void hand_over(std::vector<FinishedPart> parts) override;
  bool wants_rest(bool interrupted) override;
  void end(std::vector<FinishedPart> rest) override;
  bool wants_stop() const override { return stopping_.load(std::memory_order_acquire); }
  std::string farewell(const std::string& place, double done) const override;

 private:
  using Clock = std::chrono::steady_clock;
  /// Of the interval: a phase that ends earlier after a save is not worth one of its own.
  static constexpr double rest_share = 0.1;

  void watch();
  void look_for_stop();
  void ask();
  void write(std::unique_lock<std::mutex>& lock, Clock::time_point begin, bool was_asked);
  std::string farewell_text(const std::string& place, double done) const;
  bool is_limit_within(double seconds) const;
  bool has_work() const { return in_phase_ || !queue_.empty(); }
  bool is_save_due() const {
    return stopping_ || ending_ || seconds_since(last_save_) >= rest_share * options_.interval_s;
  }
  double seconds_since(Clock::time_point time) const {
    return std::chrono::duration<double>(Clock::now() - time).count();
  }

  const CheckpointFolder folder_;
  const int rank_;
  const SaverOptions options_;
  std::uint64_t phases_ = 0;   ///< begun so far
  std::uint64_t indices_ = 0;  ///< of the current one
  double restored_ = 0;        ///< root: share of its cost that was done before

  std::atomic<unsigned> request_{0};
  std::atomic<bool> stopping_{false};

  mutable std::mutex mutex_;  ///< for everything below
  std::condition_variable wake_;
  std::condition_variable written_;
  std::vector<FinishedPart> queue_;  ///< handed over, not yet saved
  bool in_phase_ = false;            ///< workers are there to answer
  bool asked_ = false;               ///< and still waiting for answers
  bool flush_ = false;               ///< the phase ends: save at once what is in the queue
  bool failing_ = false;             ///< the last save failed
  bool told_ = false;                ///< root: where the work is
  bool lost_ = false;                ///< and its work could not be kept
  bool ending_ = false;  ///< the job stops, maybe for another rank's sake: no later save
  bool finished_ = false;
  unsigned workers_ = 0;
  unsigned answers_ = 0;
  Clock::time_point asked_at_{};
  Clock::time_point last_save_ = Clock::now();
  double last_save_s_ = 0;  ///< from asking to a synced file
  StopSignal stop_ = StopSignal::none;
  bool stop_by_limit_ = false;
  Clock::time_point stop_at_{};
  std::thread thread_;  ///< last: it uses all the others
};

}  // namespace orbitmill
