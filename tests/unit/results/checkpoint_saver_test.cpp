/// The saving thread without a job around it: what is handed over is on the disk, also when saving
/// fails for a while; signals and the limit of time ask the workers first.
#include "orbitmill/results/checkpoint_saver.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

namespace orbitmill {
namespace {

namespace fs = std::filesystem;

class TenIndices final : public Phase {
 public:
  std::string name() const override { return "ten"; }
  std::uint64_t index_count() const override { return 10; }
  void prepare(unsigned) override {}
  void run_batch(unsigned, std::uint64_t, std::uint64_t) override {}
  void sample(std::uint64_t, std::uint64_t) override {}
  bool is_kept() const override { return true; }
  bool restore(const std::vector<Interval>& ranges, std::span<const std::byte>) override {
    for (const Interval& range : ranges) {
      for (std::uint64_t i = range.first; i < range.last; ++i) restored.insert(i);
    }
    return true;
  }
  std::set<std::uint64_t> restored;
};

std::vector<FinishedPart> index(std::uint64_t i) {
  return {{{{i, i + 1}}, {}, {}}};
}

class Saver : public testing::Test {
 protected:
  Saver() {
    base_ =
        fs::temp_directory_path() / ("orbitmill-saver-" + std::to_string(std::random_device()()));
    options_.interval_s = 0.01;
    options_.elapsed_s = [this] { return elapsed_s_.load(); };
    options_.signal = [this] { return signal_.load(); };
    options_.note = [](const std::string&) {};
    options_.warn = [this](const std::string&) { ++warnings_; };
    options_.leave = [this](const std::string&) { ++leaves_; };
    fs::create_directory(base_);
  }
  ~Saver() override { fs::remove_all(base_); }

  CheckpointFolder folder(const fs::path& name = "r.h5") const {
    CheckpointFolder folder(base_ / name);
    folder.set_job({{"a", "b"}});
    return folder;
  }
  std::set<std::uint64_t> on_disk(const fs::path& name = "r.h5") const {
    TenIndices phase;
    SaverOptions options = options_;
    options.interval_s = 0;
    CheckpointSaver reader(folder(name), 0, std::move(options));
    reader.begin(phase);
    reader.restore(phase);
    return phase.restored;
  }
  /// A worker's loop: answers the next request.
  template <class Condition>
  void wait_until(Condition condition) const {
    while (!condition()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  fs::path base_;
  SaverOptions options_;
  std::atomic<double> elapsed_s_{0};
  std::atomic<StopSignal> signal_{StopSignal::none};
  std::atomic<int> warnings_{0};
  std::atomic<int> leaves_{0};
};

TEST_F(Saver, AsksAndSavesWhileTheWorkersGoOn) {
  TenIndices phase;
  CheckpointSaver saver(folder(), 3, options_);
  saver.begin(phase);
  saver.expect(2);
  unsigned answered = saver.request();
  for (std::uint64_t i = 0; i < 3; ++i) {
    wait_until([&] { return saver.request() != answered; });
    answered = saver.request();
    saver.hand_over(index(2 * i));
    saver.hand_over(index(2 * i + 1));
    wait_until([&] { return on_disk().size() == 2 * i + 2; });
  }
  saver.end(index(9));
  EXPECT_EQ(on_disk(), (std::set<std::uint64_t>{0, 1, 2, 3, 4, 5, 9}));
  EXPECT_FALSE(saver.wants_stop());
  EXPECT_EQ(warnings_, 0);
}

TEST_F(Saver, DoesNotWaitForEverForAWorkerInALongBatch) {
  TenIndices phase;
  CheckpointSaver saver(folder(), 0, options_);
  saver.begin(phase);
  saver.expect(2);
  const unsigned before = saver.request();
  wait_until([&] { return saver.request() != before; });
  saver.hand_over(index(4));
  wait_until([&] { return on_disk().size() == 1; });
  saver.end({});
}

TEST_F(Saver, TriesAgainWhatCouldNotBeSaved) {
  TenIndices phase;
  CheckpointSaver saver(folder(fs::path("later") / "r.h5"), 0, options_);
  saver.begin(phase);
  saver.expect(1);
  unsigned answered = saver.request();
  for (std::uint64_t i = 0; i < 3; ++i) {
    wait_until([&] { return saver.request() != answered; });
    answered = saver.request();
    saver.hand_over(index(i));
  }
  wait_until([&] { return warnings_ > 0; });
  fs::create_directory(base_ / "later");
  wait_until([&] { return saver.request() != answered; });
  saver.hand_over(index(7));
  saver.end({});
  EXPECT_EQ(on_disk(fs::path("later") / "r.h5"), (std::set<std::uint64_t>{0, 1, 2, 7}));
  EXPECT_EQ(warnings_, 1);  // not one for each attempt
}

TEST_F(Saver, GivesUpAtTheEndOfThePhase) {
  TenIndices phase;
  CheckpointSaver saver(folder(fs::path("never") / "r.h5"), 0, options_);
  saver.begin(phase);
  saver.expect(1);
  saver.end(index(1));  // returns: the memory behind the parts is about to go
  EXPECT_EQ(warnings_, 1);
}

TEST_F(Saver, AShortPhaseKeepsNothing) {
  options_.interval_s = 300;
  TenIndices phase;
  CheckpointSaver saver(folder(), 0, options_);
  saver.begin(phase);
  saver.expect(1);
  EXPECT_FALSE(saver.wants_rest(false));
  EXPECT_TRUE(saver.wants_rest(true));  // stopped in the middle
  saver.end({});
  EXPECT_FALSE(fs::exists(folder().path()));
}

/// Many short phases: none is worth a save, all of them are.
TEST_F(Saver, CarriesTheRestOfShortPhases) {
  options_.interval_s = 300;
  options_.carries = true;
  options_.max_run_s = 100;
  TenIndices phase;
  CheckpointSaver saver(folder(), 0, options_);
  saver.begin(phase);
  for (std::uint64_t i = 0; i < 3; ++i) {
    saver.expect(2);
    EXPECT_TRUE(saver.wants_rest(false));
    saver.end(index(i));
  }
  EXPECT_FALSE(fs::exists(folder().path()));
  elapsed_s_ = 99.9;  // between two phases
  wait_until([&] { return on_disk().size() == 3; });
  saver.hand_over(index(7));  // was under way
  saver.end({});
  EXPECT_EQ(on_disk(), (std::set<std::uint64_t>{0, 1, 2, 7}));
  EXPECT_EQ(folder().size().first, 2U);
}

/// A rank that no signal has reached ends with the others.
TEST_F(Saver, SavesWhatItCarriesWhenAnotherRankStops) {
  options_.interval_s = 300;
  options_.carries = true;
  TenIndices phase;
  CheckpointSaver saver(folder(), 0, options_);
  saver.begin(phase);
  saver.expect(1);
  saver.end(index(1));
  saver.expect(1);
  EXPECT_FALSE(fs::exists(folder().path()));
  EXPECT_TRUE(saver.wants_rest(true));
  saver.end(index(4));
  EXPECT_EQ(on_disk(), (std::set<std::uint64_t>{1, 4}));
}

TEST_F(Saver, SavesWhatComesBetweenPhases) {
  options_.carries = true;
  TenIndices phase;
  CheckpointSaver saver(folder(), 0, options_);
  saver.begin(phase);
  saver.expect(3);  // workers that are gone are not waited for
  saver.end({});
  for (std::uint64_t i = 0; i < 4; ++i) {
    saver.hand_over(index(i));
    wait_until([&] { return on_disk().size() == i + 1; });
  }
}

/// For a run that is killed: on root, with the first save, once.
TEST_F(Saver, SaysInTimeWhereTheWorkIs) {
  for (const int rank : {0, 1}) {
    std::vector<std::string> notes;
    options_.note = [&](const std::string& text) { notes.push_back(text); };
    TenIndices phase;
    CheckpointSaver saver(folder(), rank, options_);
    saver.begin(phase);
    for (std::uint64_t i = 0; i < 3; ++i) {
      saver.expect(1);
      saver.end(index(i));
    }
    saver.finish();
    ASSERT_EQ(notes.size(), rank == 0 ? 1U : 0U);
    if (rank == 0) {
      EXPECT_NE(notes.front().find("the same command goes on"), std::string::npos);
    }
  }
}

TEST_F(Saver, SaysWhatTheSameCommandWillDo) {
  options_.interval_s = 300;
  TenIndices phase;
  CheckpointSaver saver(folder(), 0, options_);
  saver.begin(phase);
  signal_ = StopSignal::soon;
  wait_until([&] { return saver.wants_stop(); });
  EXPECT_NE(saver.farewell("", 0).find("begins anew"), std::string::npos);
  saver.expect(1);
  saver.end(index(3));
  const std::string farewell = saver.farewell("phase \"ten\"", 0.125);
  for (const char* words : {"in phase \"ten\" with 12.5 % of it done", "r.h5.checkpoint",
                            "the same command goes on", "--restart"}) {
    EXPECT_NE(farewell.find(words), std::string::npos) << farewell;
  }
}

TEST_F(Saver, AsksBeforeItStops) {
  for (const bool by_signal : {true, false}) {
    options_.interval_s = 300;
    options_.max_run_s = 100;
    signal_ = StopSignal::none;
    elapsed_s_ = 0;
    TenIndices phase;
    const fs::path name = by_signal ? "signal.h5" : "limit.h5";
    CheckpointSaver saver(folder(name), 0, options_);
    saver.begin(phase);
    saver.expect(1);
    const unsigned answered = saver.request();
    if (by_signal) {
      signal_ = StopSignal::soon;
    } else {
      elapsed_s_ = 99.9;  // not the limit itself: a save takes time
    }
    wait_until([&] { return saver.wants_stop(); });
    EXPECT_NE(saver.request(), answered);
    saver.hand_over(index(5));
    wait_until([&] { return on_disk(name).size() == 1; });
    const std::string farewell = saver.farewell("ten", 0.5);
    EXPECT_NE(farewell.find(by_signal ? "USR1" : "--max-minutes"), std::string::npos) << farewell;
    EXPECT_NE(farewell.find("50.0 %"), std::string::npos) << farewell;
    EXPECT_TRUE(saver.wants_rest(true));
    saver.end(index(6));
    EXPECT_EQ(on_disk(name), (std::set<std::uint64_t>{5, 6}));
    EXPECT_EQ(leaves_, 0);
  }
}

/// Another rank's clock is ahead, or another rank got a signal.
TEST_F(Saver, KnowsWhyAnotherRankStops) {
  options_.interval_s = 300;
  options_.max_run_s = 100;
  TenIndices phase;
  CheckpointSaver saver(folder(), 0, options_);
  saver.begin(phase);
  saver.expect(1);
  EXPECT_TRUE(saver.wants_rest(true));
  saver.end(index(2));
  EXPECT_NE(saver.farewell("", 0).find("as another rank asked"), std::string::npos);
  elapsed_s_ = 97;
  EXPECT_NE(saver.farewell("", 0).find("by --max-minutes"), std::string::npos);
}

TEST_F(Saver, LeavesByItselfOnceItsWorkIsSaved) {
  options_.short_patience_s = 0.1;
  options_.interval_s = 300;
  TenIndices phase;
  CheckpointSaver saver(folder(), 0, options_);
  saver.begin(phase);
  saver.expect(2);
  signal_ = StopSignal::now;
  wait_until([&] { return saver.wants_stop(); });
  saver.hand_over(index(8));  // the other worker is in a long batch
  wait_until([&] { return leaves_ > 0; });
  EXPECT_EQ(on_disk(), std::set<std::uint64_t>{8});
  saver.end({});
}

TEST_F(Saver, WithoutAnIntervalItOnlyRestores) {
  folder().save(0, 10, 0, index(3));
  options_.interval_s = 0;
  signal_ = StopSignal::now;
  TenIndices phase;
  CheckpointSaver saver(folder(), 0, options_);
  saver.begin(phase);
  EXPECT_EQ(saver.restore(phase), (std::vector<Interval>{{3, 4}}));
  saver.expect(1);
  EXPECT_FALSE(saver.wants_stop());
  EXPECT_FALSE(saver.wants_rest(false));
  saver.end({});
  EXPECT_EQ(folder().size().first, 1u);
}

}  // namespace
}  // namespace orbitmill
