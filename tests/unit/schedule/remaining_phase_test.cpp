/// What is left of a phase, against a plain set of indices.
#include "orbitmill/schedule/remaining_phase.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace orbitmill {
namespace {

/// Notes what it is asked to do.
class NotingPhase final : public Phase {
 public:
  explicit NotingPhase(std::uint64_t count) : count_(count) {}
  std::string name() const override { return "noting"; }
  std::uint64_t index_count() const override { return count_; }
  double expected_cost(std::uint64_t end) const override { return static_cast<double>(end * end); }
  void prepare(unsigned) override { ADD_FAILURE() << "prepared twice"; }
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override {
    EXPECT_EQ(worker, 7u);
    for (std::uint64_t i = first; i < last; ++i) done.push_back(i);
  }
  void sample(std::uint64_t first, std::uint64_t last) override {
    for (std::uint64_t i = first; i < last; ++i) sampled.push_back(i);
  }
  bool is_kept() const override { return true; }
  std::vector<FinishedPart> take_finished(unsigned worker,
                                          const std::vector<Interval>& ranges) override {
    EXPECT_EQ(worker, 7u);
    return {{ranges, {}, {}}};
  }

  std::vector<std::uint64_t> done, sampled;

 private:
  std::uint64_t count_;
};

std::vector<std::uint64_t> indices_of(const std::vector<Interval>& ranges) {
  std::vector<std::uint64_t> indices;
  for (const Interval& range : ranges) {
    for (std::uint64_t i = range.first; i < range.last; ++i) indices.push_back(i);
  }
  return indices;
}

TEST(RemainingPhase, IsTheSetOfWhatIsLeft) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 500; ++round) {
    const std::uint64_t count = 1 + random() % 60;
    std::vector<Interval> done;
    std::vector<std::uint64_t> model;  // what is left, in order
    for (std::uint64_t i = 0; i < count; ++i) {
      // Long and short stretches, and both ends either way.
      const bool same = i > 0 && random() % 4 != 0;
      const bool was_done = !done.empty() && done.back().last == i;
      if (same ? was_done : random() % 2 == 0) {
        if (was_done) {
          done.back().last = i + 1;
        } else {
          done.push_back({i, i + 1});
        }
      } else {
        model.push_back(i);
      }
    }
    const std::vector<Interval> left = complement(done, count);
    ASSERT_EQ(indices_of(left), model);
    if (model.empty()) continue;
    NotingPhase phase(count);
    RemainingPhase rest(phase, left);
    rest.prepare(9);
    ASSERT_EQ(rest.index_count(), model.size());
    EXPECT_EQ(rest.name(), "noting");
    EXPECT_TRUE(rest.is_kept());
    double cost = 0;
    for (std::uint64_t end = 0; end <= model.size(); ++end) {
      EXPECT_DOUBLE_EQ(rest.expected_cost(end), cost);
      if (end < model.size()) {
        const auto at = static_cast<double>(model[end]);
        cost += (at + 1) * (at + 1) - at * at;
      }
    }
    // In random batches, then by random ranges.
    for (std::uint64_t first = 0; first < model.size();) {
      const std::uint64_t last = std::min<std::uint64_t>(model.size(), first + 1 + random() % 9);
      rest.run_batch(7, first, last);
      rest.sample(first, last);
      first = last;
    }
    EXPECT_EQ(phase.done, model);
    EXPECT_EQ(phase.sampled, model);
    const std::uint64_t first = random() % model.size();
    const std::uint64_t last = first + 1 + random() % (model.size() - first);
    const auto parts = rest.take_finished(7, {{first, last}});
    ASSERT_EQ(parts.size(), 1u);
    EXPECT_EQ(indices_of(parts.front().ranges),
              std::vector<std::uint64_t>(model.begin() + static_cast<std::ptrdiff_t>(first),
                                         model.begin() + static_cast<std::ptrdiff_t>(last)));
  }
}

}  // namespace
}  // namespace orbitmill
