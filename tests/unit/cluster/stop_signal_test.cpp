/// Signals that ask for the end: noted for whoever looks, or the end of the process itself.
#include "orbitmill/cluster/stop_signal.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

constexpr int stopped = static_cast<int>(ExitCode::stopped);

class StopSignals : public testing::Test {
 protected:
  /// The test program itself shall not end by what a test has left.
  ~StopSignals() override { release_stop_signals(); }
};
using StopSignalsDeathTest = StopSignals;

TEST_F(StopSignals, AreNotedAndTermIsNotTakenBack) {
  for (int round = 0; round < 3; ++round) {
    catch_stop_signals();
    note_stop_signals();
    EXPECT_EQ(stop_signal(), StopSignal::none);
    std::raise(SIGUSR1);
    EXPECT_EQ(stop_signal(), StopSignal::soon);
    std::raise(SIGTERM);  // within a second: the launcher passes on what the rank has got as well
    EXPECT_EQ(stop_signal(), StopSignal::now);
    std::raise(SIGUSR1);
    EXPECT_EQ(stop_signal(), StopSignal::now);
  }
}

/// The signal strikes some thread; each of those that look sees it.
TEST_F(StopSignals, AreSeenByEveryThread) {
  for (const int number : {SIGUSR1, SIGTERM}) {
    catch_stop_signals();
    note_stop_signals();
    std::atomic<int> looking{0};
    std::atomic<int> seen{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        ++looking;
        while (stop_signal() == StopSignal::none) {
          std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
        ++seen;
      });
    }
    while (looking < 3) std::this_thread::yield();
    kill(getpid(), number);
    for (std::thread& thread : threads) thread.join();  // a hang is the failure
    EXPECT_EQ(seen, 3);
    EXPECT_EQ(stop_signal(), number == SIGTERM ? StopSignal::now : StopSignal::soon);
  }
}

TEST_F(StopSignalsDeathTest, EndTheProcessWhileThereIsNothingToSave) {
  for (const int number : {SIGUSR1, SIGTERM}) {
    EXPECT_EXIT(
        {
          catch_stop_signals();
          std::raise(number);
        },
        testing::ExitedWithCode(stopped), "");
  }
}

TEST_F(StopSignalsDeathTest, EndTheProcessTheSecondTime) {
  const auto raise_twice = [](std::chrono::milliseconds between) {
    catch_stop_signals();
    note_stop_signals();
    std::raise(SIGTERM);
    std::this_thread::sleep_for(between);
    std::raise(SIGUSR1);
    _exit(0);
  };
  EXPECT_EXIT(raise_twice(std::chrono::milliseconds(1100)), testing::ExitedWithCode(stopped), "");
  EXPECT_EXIT(raise_twice(std::chrono::milliseconds(0)), testing::ExitedWithCode(0), "");
}

TEST_F(StopSignalsDeathTest, DoTheUsualOnceReleased) {
  const auto raise_released = [](int number) {
    catch_stop_signals();
    note_stop_signals();
    release_stop_signals();
    std::raise(number);
    _exit(0);
  };
  EXPECT_EXIT(raise_released(SIGTERM), testing::KilledBySignal(SIGTERM), "");
  EXPECT_EXIT(raise_released(SIGUSR1), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace orbitmill
