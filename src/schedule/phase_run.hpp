/// One phase on one rank: the workers, the main thread that looks after them, and the end.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

#include "orbitmill/schedule/batch_size.hpp"
#include "orbitmill/schedule/interval.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

class Scheduler::Run {
 public:
  Run(Scheduler& owner, Phase& phase, ScheduleMode mode)
      : owner_(owner),
        phase_(phase),
        mode_(mode),
        total_(phase.index_count()),
        workers_(owner.pool_.size()),
        keeper_(owner.options_.keeper),
        is_kept_(owner.keeps(phase) && keeper_->is_saving()) {}

  PhaseReport execute();

 private:
  using Clock = std::chrono::steady_clock;
  /// Progress is shown this often.
  static constexpr std::chrono::milliseconds show_interval{200};

  struct alignas(64) Worker {
    WorkerReport report;
    std::uint64_t indices = 0;
    std::vector<BatchTrace> trace;
    std::vector<Interval> finished;  ///< since the last hand-over, with a keeper
    unsigned answered = 0;           ///< the keeper's last request that was answered
  };

  Interval receive_chunk() const;
  void work(unsigned worker);
  bool takes_part(unsigned worker) const;
  bool wants_stop() const { return keeper_ != nullptr && keeper_->wants_stop(); }
  std::vector<FinishedPart> take_finished(unsigned worker);
  void expect_answers();
  void answer_keeper(unsigned worker);
  void leave_to_keeper();
  void throw_if_interrupted();
  Interval take(Worker& mine, BatchSize& size, int& rich, std::minstd_rand& random) const;
  void run_batch(unsigned worker, Worker& mine, Interval batch, BatchSize& size);
  void lead(PhaseReport& report);
  void follow();
  void check_account() const;
  void look_after_failures() const;
  void show_progress(double cost_done);

  Scheduler& owner_;
  Phase& phase_;
  ScheduleMode mode_;
  std::uint64_t total_;
  unsigned workers_;
  WorkKeeper* keeper_;
  bool is_kept_;
  bool interrupted_ = false;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point next_show_ = begin_ + show_interval;
  std::vector<Worker> reports_{workers_};
  std::uint64_t held_ = 0;  ///< leader: indices that the cluster level still has after the end
};

}  // namespace orbitmill
