#include "orbitmill/schedule/worker_pool.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

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

}  // namespace
}  // namespace orbitmill
