/// The computing threads of one rank: started once, used by every phase.
///
/// Workers never call MPI; the rank's main thread does, and sleeps while they compute.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace orbitmill {

/// Makes the sleeps of the calling thread end when they should: by default Linux adds up to 50 us,
/// more than the first pauses of a phase are long.
void sleep_precisely();

class WorkerPool {
 public:
  /// Starts `workers` >= 1 threads. Throws std::system_error where the system refuses.
  explicit WorkerPool(unsigned workers);
  /// Waits for a job under way.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  unsigned size() const noexcept { return static_cast<unsigned>(threads_.size()); }

  /// Runs `job(worker)` once on every worker, 0 <= worker < size(). Precondition: no job under way.
  void start(std::function<void(unsigned)> job);

  /// Waits until the job is over or `time` has passed. True when it is over.
  bool wait_for(std::chrono::microseconds time);

  /// True once a worker has thrown: the others should stop at their next batch.
  bool is_failing() const noexcept { return failing_.load(std::memory_order_acquire); }

  /// The first exception that a worker threw in the current job; null if there is none.
  std::exception_ptr first_error();

 private:
  void work(unsigned worker);
  void stop();

  std::mutex mutex_;
  std::condition_variable job_posted_;
  std::condition_variable job_done_;
  std::function<void(unsigned)> job_;
  unsigned generation_ = 0;  ///< counts jobs, so that a worker takes each one once
  unsigned running_ = 0;     ///< workers that have not finished the current job
  bool stopping_ = false;
  std::exception_ptr error_;
  std::atomic<bool> failing_{false};
  std::vector<std::thread> threads_;
};

}  // namespace orbitmill
