#include "orbitmill/schedule/worker_pool.hpp"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <stdexcept>
#include <system_error>

namespace orbitmill {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

TEST(WorkerPool, RunsEachJobOnceOnEveryWorkerAndKeepsItsThreads) {
  WorkerPool pool(3);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  for (int job = 0; job < 200; ++job) {
    std::multiset<unsigned> workers;
    pool.start([&](unsigned worker) {
      const std::lock_guard lock(mutex);
      workers.insert(worker);
      threads.insert(std::this_thread::get_id());
    });
    ASSERT_TRUE(pool.wait_for(seconds(10)));
    EXPECT_EQ(workers, (std::multiset<unsigned>{0, 1, 2}));
  }
  EXPECT_EQ(threads.size(), 3u);
}

TEST(WorkerPool, ReportsTheFirstExceptionWhileOthersStillRun) {
  WorkerPool pool(2);
  std::atomic<bool> release{false};
  pool.start([&](unsigned worker) {
    if (worker == 0) throw std::runtime_error("broken on purpose");
    while (!release) std::this_thread::yield();
  });
  for (int i = 0; i < 10'000 && !pool.is_failing(); ++i) pool.wait_for(microseconds(1000));
  ASSERT_TRUE(pool.is_failing());
  EXPECT_FALSE(pool.wait_for(microseconds(1)));
  EXPECT_THROW(std::rethrow_exception(pool.first_error()), std::runtime_error);
  release = true;
  ASSERT_TRUE(pool.wait_for(seconds(10)));
  pool.start([](unsigned) {});
  ASSERT_TRUE(pool.wait_for(seconds(10)));
  EXPECT_FALSE(pool.is_failing());  // a new job starts clean
  EXPECT_EQ(pool.first_error(), nullptr);
}

/// Ends the process with 0 if a pool that gets only some of its threads throws.
[[noreturn]] void start_too_many_workers() {
  constexpr std::size_t stack = std::size_t{1} << 30;
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  // Room for three stacks, and for what the sanitizers need beside them.
  const rlim_t most = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + stack / 2 * 7;
  const rlimit limit{most, most};
  pthread_attr_t attributes;
  const bool ready = setrlimit(RLIMIT_AS, &limit) == 0 &&
                     pthread_getattr_default_np(&attributes) == 0 &&
                     pthread_attr_setstacksize(&attributes, stack) == 0 &&
                     pthread_setattr_default_np(&attributes) == 0;
  if (!ready) _exit(2);
  try {
    const WorkerPool pool(8);
  } catch (const std::system_error&) {
    _exit(0);
  }
  _exit(1);
}

/// Some threads run already when the next one is refused: they are ended, and the process is not.
TEST(WorkerPoolDeathTest, AThreadThatTheSystemRefusesIsAnException) {
  EXPECT_EXIT(start_too_many_workers(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace orbitmill
