/// The choice between one worker and all, on phases whose cost is known.
#include "orbitmill/schedule/cost_model.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <thread>

namespace orbitmill {
namespace {

/// Sleeps: the cost of [first, last) is scale * (g(last) - g(first)) seconds with g = i or
/// log(1+i).
class SleepingPhase final : public Phase {
 public:
  SleepingPhase(std::uint64_t count, double seconds, bool skewed)
      : count_(count), skewed_(skewed), scale_(seconds / expected_cost(count)) {}
  std::string name() const override { return "sleeping"; }
  std::uint64_t index_count() const override { return count_; }
  double expected_cost(std::uint64_t end) const override {
    return skewed_ ? std::log1p(static_cast<double>(end)) : static_cast<double>(end);
  }
  void prepare(unsigned /*workers*/) override {}
  void run_batch(unsigned /*worker*/, std::uint64_t first, std::uint64_t last) override {
    sample(first, last);
  }
  void sample(std::uint64_t first, std::uint64_t last) override {
    EXPECT_LT(first, last);
    EXPECT_LE(last, count_);
    const double seconds = scale_ * (expected_cost(last) - expected_cost(first));
    slept_s_ += seconds;
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  }
  double slept_s() const { return slept_s_; }

 private:
  std::uint64_t count_;
  bool skewed_;
  double scale_;
  double slept_s_ = 0;
};

TEST(CostModel, PredictsWithinAFactor) {
  for (const bool skewed : {false, true}) {
    for (const std::uint64_t count : {100U, 1000U}) {
      // One index sleeps for 20 ms or more: far above what a busy machine adds to a sleep.
      const auto indices = static_cast<double>(count);
      const double seconds = indices * (skewed ? 0.1 * std::log(indices) : 0.03);
      SleepingPhase phase(count, seconds, skewed);
      const double predicted = predict_work_s(phase);
      EXPECT_GT(predicted, seconds * 0.99) << count << " indices, skewed " << skewed;
      EXPECT_LT(predicted, seconds * 3) << count << " indices, skewed " << skewed;
    }
  }
}

TEST(CostModel, SamplesFewIndicesWhateverTheirCount) {
  for (const std::uint64_t count : {1U, 2U, 3U, 4U, 5U, 7U, 64U, 1000U, 0xffff'ffffU}) {
    // Flat, 1 us an index: the largest is more than an hour.
    SleepingPhase phase(count, 1e-6 * static_cast<double>(count), false);
    const double predicted = predict_work_s(phase);
    EXPECT_LT(phase.slept_s(), 0.02) << count;  // what it was asked to sleep, not what it took
    // One index cannot be shared; of any other number the model must see something.
    EXPECT_EQ(predicted > 0, count > 1) << count;
  }
}

TEST(CostModel, TinyWorkStaysOnOneWorkerAndLargeWorkIsShared) {
  const boost::mpi::communicator comm;
  // Root's overhead counts, or ranks could differ in what they do next.
  const auto overhead = [&](double seconds) { return comm.rank() == 0 ? seconds : 1 / seconds; };
  const auto all_workers = 2 * static_cast<unsigned>(comm.size());
  SleepingPhase tiny(16, 1e-9, false);
  SleepingPhase large(100'000, 3600, true);

  const CostDecision few = decide_schedule(comm, tiny, all_workers, overhead(1e6));
  EXPECT_EQ(few.mode, ScheduleMode::sequential);
  EXPECT_NE(few.reason.find("does not exceed 3 times"), std::string::npos) << few.reason;

  const CostDecision shared = decide_schedule(comm, large, all_workers, overhead(1e-3));
  EXPECT_EQ(shared.mode, ScheduleMode::stealing);
  EXPECT_GT(shared.work_s, 3600);
  EXPECT_DOUBLE_EQ(shared.overhead_s, 1e-3);
  EXPECT_NE(shared.reason.find("exceeds 3 times"), std::string::npos) << shared.reason;

  const CostDecision alone = decide_schedule(comm, large, 1, overhead(1e-3));
  EXPECT_EQ(alone.mode, ScheduleMode::sequential);
  EXPECT_NE(alone.reason.find("one worker"), std::string::npos) << alone.reason;

  SleepingPhase single(1, 3600, false);
  const CostDecision one = decide_schedule(comm, single, all_workers, overhead(1e-9));
  EXPECT_EQ(one.mode, ScheduleMode::sequential);
  EXPECT_EQ(single.slept_s(), 0);
}

}  // namespace
}  // namespace orbitmill
