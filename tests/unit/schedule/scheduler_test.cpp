/// Every index exactly once over ranks and threads, whatever the sizes; loss and repetition are
/// found.
#include "orbitmill/schedule/scheduler.hpp"

#include <gtest/gtest.h>

#include <boost/mpi/collectives.hpp>
#include <random>

#include "orbitmill/cluster/failure.hpp"

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
  std::vector<int> counts() const { return {counts_.begin(), counts_.end()}; }

 private:
  std::vector<std::atomic<int>> counts_;
  unsigned workers_ = 0;
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

TEST(Scheduler, DoesEveryIndexOnceAndReportsIt) {
  const boost::mpi::communicator comm;
  WorkerPool pool(comm.rank() % 2 == 0 ? 2 : 1);  // ranks may differ
  std::mt19937_64 random(5);
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t count =
        round < 6 ? static_cast<std::uint64_t>(round) + 1 : 1 + random() % 5000;
    ScheduleOptions options;
    options.batch_size = round % 3 == 0 ? 0 : 1 + random() % 50;
    RecordingListener listener;
    options.listener = &listener;
    CountingPhase phase(count);
    const PhaseReport report = Scheduler(comm, pool, options).run(phase);
    const std::vector<int> mine = phase.counts();
    std::vector<int> sum(count);
    boost::mpi::all_reduce(comm, mine.data(), static_cast<int>(count), sum.data(), std::plus<>());
    EXPECT_EQ(sum, std::vector<int>(count, 1));
    EXPECT_EQ(report.indices, static_cast<std::uint64_t>(std::count(mine.begin(), mine.end(), 1)));
    EXPECT_LE(report.batches, report.indices);
    EXPECT_EQ(listener.finished, comm.rank() == 0 ? 1 : 0);
  }
}

/// Claims more indices than it has on one rank: the totals cannot agree.
class LyingPhase final : public Phase {
 public:
  explicit LyingPhase(std::uint64_t count) : count_(count) {}
  std::string name() const override { return "lying"; }
  std::uint64_t index_count() const override { return count_; }
  void prepare(unsigned) override {}
  void run_batch(unsigned, std::uint64_t, std::uint64_t) override {}

 private:
  std::uint64_t count_;
};

TEST(Scheduler, FindsThatIndicesAreMissing) {
  const boost::mpi::communicator comm;
  WorkerPool pool(1);
  // Root cuts its own count into chunks; a rank that expects another number must not pass.
  LyingPhase phase(comm.rank() == 0 ? 100 : 101);
  Scheduler scheduler(comm, pool, {});
  if (comm.size() == 1) {
    EXPECT_EQ(scheduler.run(phase).indices, 100u);
  } else if (comm.rank() == 0) {
    EXPECT_EQ(scheduler.run(phase).indices,
              100u / static_cast<unsigned>(comm.size()) +
                  (100u % static_cast<unsigned>(comm.size()) ? 1 : 0));
  } else {
    EXPECT_THROW(scheduler.run(phase), AgreedError);
  }
}

}  // namespace
}  // namespace orbitmill
