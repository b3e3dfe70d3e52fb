/// Every index exactly once over ranks and threads, whatever the sizes; loss and repetition are
/// found.
#include "orbitmill/schedule/scheduler.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/mpi/collectives.hpp>
#include <chrono>
#include <cmath>
#include <random>
#include <thread>
#include <vector>

#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/schedule/batch_size.hpp"

namespace orbitmill {
namespace {

/// Counts how often each index is done.
class CountingPhase final : public Phase {
 public:
  explicit CountingPhase(std::uint64_t count) : counts_(count) {}
  std::string name() const override { return "counting"; }
  std::uint64_t index_count() const override { return counts_.size(); }
  void prepare(unsigned workers) override { workers_ = workers; }
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override {
    EXPECT_LT(worker, workers_);
    EXPECT_LT(first, last);
    for (std::uint64_t i = first; i < last; ++i) counts_[i].fetch_add(1);
  }
  void sample(std::uint64_t, std::uint64_t) override {}
  std::vector<int> counts() const { return {counts_.begin(), counts_.end()}; }

 private:
  std::vector<std::atomic<int>> counts_;
  unsigned workers_ = 0;
};

/// Sleeps instead of computing, most of the time in the first indices, and counts like the other.
class SleepingPhase final : public Phase {
 public:
  SleepingPhase(std::uint64_t count, double seconds, double skew)
      : counting_(count), skew_(skew), scale_(seconds / expected_cost(count)) {}
  std::string name() const override { return "sleeping"; }
  std::uint64_t index_count() const override { return counting_.index_count(); }
  double expected_cost(std::uint64_t end) const override {
    return std::log1p(skew_ * static_cast<double>(end));
  }
  void prepare(unsigned workers) override { counting_.prepare(workers); }
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override {
    counting_.run_batch(worker, first, last);
    sample(first, last);
  }
  void sample(std::uint64_t first, std::uint64_t last) override {
    const double seconds = scale_ * (expected_cost(last) - expected_cost(first));
    if (seconds > 1e-5) std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }
  std::vector<int> counts() const { return counting_.counts(); }

 private:
  CountingPhase counting_;
  double skew_;
  double scale_;
};

class RecordingListener final : public ProgressListener {
 public:
  void phase_started(const std::string& name) override { started.push_back(name); }
  void phase_advanced(double fraction) override { fractions.push_back(fraction); }
  void phase_finished(double) override { ++finished; }
  std::vector<std::string> started;
  std::vector<double> fractions;
  int finished = 0;
};

/// Sums over ranks of what every index was done: all ones.
void expect_every_index_once(const boost::mpi::communicator& comm, const std::vector<int>& mine) {
  std::vector<int> sum(mine.size());
  boost::mpi::all_reduce(comm, mine.data(), static_cast<int>(mine.size()), sum.data(),
                         std::plus<>());
  ASSERT_EQ(sum, std::vector<int>(mine.size(), 1));
}

constexpr std::array transports = {StealTransportKind::automatic, StealTransportKind::windows,
                                   StealTransportKind::messages};

TEST(Scheduler, DoesEveryIndexOnceAndReportsIt) {
  const boost::mpi::communicator comm;
  WorkerPool pool(comm.rank() % 2 == 0 ? 2 : 1);  // ranks may differ
  std::mt19937_64 random(5);
  for (int round = 0; round < 90; ++round) {
    const std::uint64_t count =
        round < 36 ? static_cast<std::uint64_t>(round) / 6 + 1 : 1 + random() % 5000;
    ScheduleOptions options;
    options.batch_size = round % 4 == 0 ? 0 : 1 + random() % (round % 4 == 1 ? 50 : 10'000);
    options.mode = mode_names[static_cast<std::size_t>(round) % mode_names.size()].mode;
    options.transport = transports[random() % transports.size()];
    RecordingListener listener;
    options.listener = &listener;
    CountingPhase phase(count);
    const PhaseReport report = Scheduler(comm, pool, options).run(phase);
    const std::vector<int> mine = phase.counts();
    expect_every_index_once(comm, mine);
    EXPECT_EQ(report.indices, static_cast<std::uint64_t>(std::count(mine.begin(), mine.end(), 1)));
    EXPECT_LE(report.batches, report.indices);
    EXPECT_EQ(listener.started.size(), comm.rank() == 0 ? 1u : 0u);
    EXPECT_EQ(listener.finished, comm.rank() == 0 ? 1 : 0);
  }
}

/// One scheduler, phase after phase as fast as they go: nothing of one may reach the next.
TEST(Scheduler, RunsManyPhasesInARow) {
  const boost::mpi::communicator comm;
  WorkerPool pool(2);
  std::mt19937_64 random(6);
  for (const ModeName& mode : mode_names) {
    for (const StealTransportKind transport : transports) {
      ScheduleOptions options;
      options.mode = mode.mode;
      options.transport = transport;
      options.batch_size = 1;
      Scheduler scheduler(comm, pool, options);
      for (int round = 0; round < 30; ++round) {
        CountingPhase phase(1 + random() % 60);
        scheduler.run(phase);
        expect_every_index_once(comm, phase.counts());
      }
    }
  }
}

TEST(Scheduler, SharesSkewedWorkInEveryMode) {
  const boost::mpi::communicator comm;
  WorkerPool pool(comm.rank() % 2 == 0 ? 1 : 3);
  std::mt19937_64 random(7);
  for (std::size_t round = 0; round < 24; ++round) {
    ScheduleOptions options;
    options.mode = mode_names[round % mode_names.size()].mode;
    options.transport = transports[random() % transports.size()];
    options.batch_size = round % 3 == 0 ? 0 : 1 + random() % 20;
    options.trace = round % 2 == 0;
    SleepingPhase phase(50 + random() % 400, 0.1, std::ldexp(1.0, static_cast<int>(random() % 10)));
    Scheduler scheduler(comm, pool, options);
    const PhaseReport report = scheduler.run(phase);
    expect_every_index_once(comm, phase.counts());

    const bool chosen = options.mode == ScheduleMode::automatic;
    EXPECT_TRUE(chosen || report.mode == options.mode);
    EXPECT_NE(report.mode, ScheduleMode::automatic);
    EXPECT_FALSE(report.mode_reason.empty());
    // The reports of the workers are the report of the rank.
    ASSERT_EQ(report.workers.size(), pool.size());
    WorkerReport sum;
    for (const WorkerReport& worker : report.workers) {
      EXPECT_LE(worker.busy_s, report.elapsed_s);
      EXPECT_LE(worker.node_steals_won, worker.node_steals_tried);
      sum.batches += worker.batches;
      sum.node_steals_won += worker.node_steals_won;
    }
    EXPECT_EQ(sum.batches, report.batches);
    EXPECT_EQ(sum.node_steals_won, report.node_steals_won);
    EXPECT_LE(report.cluster_steals_won, report.cluster_steals_tried);
    if (report.mode == ScheduleMode::sequential) {
      EXPECT_TRUE(comm.rank() == 0 || report.batches == 0);
      EXPECT_EQ(report.workers.front().batches, report.batches);
    }
    if (report.mode == ScheduleMode::static_chunks) {
      EXPECT_EQ(report.node_steals_tried + report.cluster_steals_tried, 0u);
      const Interval chunk =
          equal_part(phase.index_count(), static_cast<std::uint64_t>(comm.rank()),
                     static_cast<std::uint64_t>(comm.size()));
      EXPECT_EQ(report.indices, chunk.size());
    }
    // The trace tells of every batch, one after another for each worker.
    EXPECT_EQ(report.trace.size(), options.trace ? report.batches : 0u);
    std::vector<double> end_of(pool.size());
    std::uint64_t traced = 0;
    for (const BatchTrace& batch : report.trace) {
      ASSERT_LT(batch.worker, pool.size());
      EXPECT_GE(batch.start_s, end_of[batch.worker]);
      EXPECT_GE(batch.end_s, batch.start_s);
      EXPECT_LE(batch.end_s, report.elapsed_s);
      end_of[batch.worker] = batch.end_s;
      traced += batch.last - batch.first;
    }
    EXPECT_EQ(traced, options.trace ? report.indices : 0u);
  }
}

/// Asks as soon as it may, as a saver does whose interval is over.
class EagerKeeper final : public WorkKeeper {
 public:
  void begin(const Phase&) override {}
  std::vector<Interval> restore(Phase&) override { return {}; }
  void expect(unsigned workers) override {
    expected_ = workers;
    ++requests_;
  }
  unsigned request() const override { return requests_; }
  void hand_over(std::vector<FinishedPart>) override { ++answers_; }
  bool wants_rest(bool) override { return false; }
  void end(std::vector<FinishedPart>) override {}
  bool wants_stop() const override { return false; }
  std::string farewell(const std::string&, double) const override { return ""; }

  bool has_all_answers() const { return answers_ >= expected_; }
  unsigned expected() const { return expected_; }
  unsigned answers() const { return answers_; }

 private:
  std::atomic<unsigned> requests_{0};
  std::atomic<unsigned> expected_{0};
  std::atomic<unsigned> answers_{0};
};

/// Stays in its batches until all workers have answered, so that the phase cannot be over before.
class WaitingPhase final : public Phase {
 public:
  WaitingPhase(std::uint64_t count, const EagerKeeper& keeper) : count_(count), keeper_(keeper) {}
  std::string name() const override { return "waiting"; }
  std::uint64_t index_count() const override { return count_; }
  void prepare(unsigned) override {}
  void run_batch(unsigned, std::uint64_t, std::uint64_t) override {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!keeper_.has_all_answers() && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  void sample(std::uint64_t, std::uint64_t) override {}
  bool is_kept() const override { return true; }

 private:
  std::uint64_t count_;
  const EagerKeeper& keeper_;
};

TEST(Scheduler, AnswersWhatIsAskedBeforeTheFirstBatch) {
  const boost::mpi::communicator comm;
  WorkerPool pool(3);
  EagerKeeper keeper;
  ScheduleOptions options;
  options.mode = ScheduleMode::static_chunks;  // every rank has a batch
  options.batch_size = 1;
  options.keeper = &keeper;
  WaitingPhase phase(static_cast<std::uint64_t>(comm.size()), keeper);
  Scheduler(comm, pool, options).run(phase);
  EXPECT_EQ(keeper.expected(), 3u);
  EXPECT_EQ(keeper.answers(), 3u);
}

/// A play for two workers of root, on one node. The first that takes a huge batch stays in it until
/// the other has used up root's chunk and come to another rank's; only then does it look for work
/// itself. The other ranks stay in their first batches meanwhile, so that their chunks are full.
/// Indices cost nothing, so the sizes that are learnt are huge.
class ChangingStretches final : public Phase {
 public:
  static constexpr std::uint64_t huge = 1 << 20;

  explicit ChangingStretches(const boost::mpi::communicator& node)
      : node_(node), memory_(node, 64), act_(*memory_.as<std::uint64_t>()) {}
  std::string name() const override { return "changing stretches"; }
  std::uint64_t index_count() const override { return max_indices; }
  void prepare(unsigned workers) override { batches_.assign(workers, {}); }
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override {
    batches_[worker].push_back({first, last});
    if (node_.size() == 1) return;
    const bool at_home = last <= equal_part(max_indices, 0, ranks()).last;
    const std::uint64_t size = last - first;
    if (node_.rank() != 0) {
      wait_for(2);
    } else if (!at_home) {
      const bool was_waiting = static_cast<int>(worker) == waiting_.load();
      if (was_waiting) {
        if (first_away_ == 0) first_away_ = size;
        act_.store(2);
      } else {
        if (act_.load() == 0) act_.store(1);
        wait_for(2);
      }
    } else if (int nobody = -1;
               size >= huge && waiting_.compare_exchange_strong(nobody, static_cast<int>(worker))) {
      wait_for(1);
    }
  }
  void sample(std::uint64_t, std::uint64_t) override {}

  std::uint64_t ranks() const { return static_cast<std::uint64_t>(node_.size()); }
  /// Of root's waiting worker: its first batch away from home.
  std::uint64_t first_away() const { return first_away_; }
  const std::vector<std::vector<Interval>>& batches() const { return batches_; }

 private:
  void wait_for(std::uint64_t act) const {
    while (act_.load() < act) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  const boost::mpi::communicator& node_;
  NodeMemory memory_;
  std::atomic_ref<std::uint64_t> act_;  // 1: root's chunk is used up; 2: the play is over
  std::atomic<int> waiting_{-1};
  std::uint64_t first_away_ = 0;
  std::vector<std::vector<Interval>> batches_;
};

TEST(Scheduler, StartsSmallInAnotherStretchOfTheRange) {
  const boost::mpi::communicator comm;
  WorkerPool pool(2);
  ScheduleOptions options;
  options.mode = ScheduleMode::stealing;
  Scheduler scheduler(comm, pool, options);
  const auto on_node = scheduler.for_own_node();
  const boost::mpi::communicator& node = scheduler.node();
  for (int round = 0; round < 3; ++round) {
    ChangingStretches phase(node);
    const PhaseReport report = on_node->run(phase);
    EXPECT_LE(report.indices, Phase::max_indices);
    if (node.rank() != 0) continue;
    std::uint64_t largest = 0;
    for (const auto& batches : phase.batches()) {
      for (const Interval& batch : batches) largest = std::max(largest, batch.size());
    }
    EXPECT_GE(largest, ChangingStretches::huge);  // within a stretch sizes grow
    if (node.size() == 1) continue;
    EXPECT_GE(phase.first_away(), 1u);
    EXPECT_LE(phase.first_away(), BatchSize::first_batch(on_node->all_workers()));
  }
}

}  // namespace
}  // namespace orbitmill
