/// A place for finished work without files: for tests that interrupt a run and go on.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <mutex>
#include <string>
#include <vector>

#include "orbitmill/schedule/work_keeper.hpp"

namespace test {

using orbitmill::FinishedPart;
using orbitmill::Interval;
using orbitmill::Phase;
using orbitmill::WorkKeeper;

/// Parts with their payload in one piece, as they would lie on a disk.
struct StoredPart {
  std::vector<Interval> ranges;
  std::vector<std::byte> payload;
};

inline void store(std::vector<StoredPart>& stored, const std::vector<FinishedPart>& parts) {
  for (const FinishedPart& part : parts) {
    stored.push_back({part.ranges, part.bytes});
    for (const auto& view : part.views) {
      stored.back().payload.insert(stored.back().payload.end(), view.begin(), view.end());
    }
  }
}

/// Keeps in memory what a run hands over, and stops it after some hand-overs.
class MemoryKeeper final : public WorkKeeper {
 public:
  using Store = std::vector<std::vector<StoredPart>>;  // by phase

  MemoryKeeper(Store& kept, unsigned stop_after) : kept_(kept), stop_after_(stop_after) {}

  void begin(const Phase&) override {
    ++phases_;
    if (kept_.size() < phases_) kept_.resize(phases_);
  }
  std::vector<Interval> restore(Phase& phase) override {
    std::vector<Interval> ranges;
    for (const StoredPart& part : kept_[phases_ - 1]) {
      EXPECT_TRUE(phase.restore(part.ranges, part.payload));
      ranges.insert(ranges.end(), part.ranges.begin(), part.ranges.end());
    }
    std::ranges::sort(ranges, {}, &Interval::first);
    return ranges;
  }
  void expect(unsigned) override {}
  unsigned request() const override { return ++requests_; }
  void hand_over(std::vector<FinishedPart> parts) override {
    const std::lock_guard lock(mutex_);
    store(kept_[phases_ - 1], parts);
    hand_overs_ += parts.empty() ? 0 : 1;
  }
  bool wants_rest(bool) override { return true; }
  void end(std::vector<FinishedPart> rest) override { hand_over(std::move(rest)); }
  bool wants_stop() const override { return hand_overs_ >= stop_after_; }
  std::string farewell(const std::string&, double) const override { return "stopped"; }

 private:
  Store& kept_;
  unsigned stop_after_;
  std::size_t phases_ = 0;
  std::mutex mutex_;
  mutable std::atomic<unsigned> requests_{0};
  std::atomic<unsigned> hand_overs_{0};
};

/// What all ranks have kept, on every rank: the next run may have other ranks. What was there at
/// the start of the run is on every rank already, and counts once.
inline void share(const boost::mpi::communicator& comm, MemoryKeeper::Store& kept) {
  const auto phases = boost::mpi::all_reduce(comm, kept.size(), boost::mpi::maximum<std::size_t>());
  kept.resize(phases);
  for (std::vector<StoredPart>& parts : kept) {
    std::vector<std::uint64_t> words;
    for (const StoredPart& part : parts) {
      words.push_back(part.ranges.size());
      words.push_back(part.payload.size());
      for (const Interval& range : part.ranges)
        words.insert(words.end(), {range.first, range.last});
      for (const std::byte byte : part.payload) words.push_back(std::to_integer<unsigned>(byte));
    }
    std::vector<std::vector<std::uint64_t>> all;
    boost::mpi::all_gather(comm, words, all);
    parts.clear();
    for (const auto& some : all) {
      for (auto word = some.begin(); word != some.end();) {
        StoredPart part;
        const std::uint64_t ranges = *word++;
        const std::uint64_t bytes = *word++;
        for (std::uint64_t i = 0; i < ranges; ++i, word += 2)
          part.ranges.push_back({*word, word[1]});
        for (std::uint64_t i = 0; i < bytes; ++i) part.payload.push_back(std::byte(*word++));
        parts.push_back(std::move(part));
      }
    }
  }
  for (std::vector<StoredPart>& parts : kept) {
    const auto first = [](const StoredPart& part) { return part.ranges.front().first; };
    std::ranges::sort(parts, {}, first);
    const auto same = std::ranges::unique(parts, {}, first);
    parts.erase(same.begin(), same.end());
  }
}

}  // namespace test
