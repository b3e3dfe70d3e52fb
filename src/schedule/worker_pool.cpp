#include "orbitmill/schedule/worker_pool.hpp"

#include <sys/prctl.h>

#include <utility>

namespace orbitmill {

void sleep_precisely() {
  prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
}

WorkerPool::WorkerPool(unsigned workers) {
  threads_.reserve(workers);
  try {
    for (unsigned i = 0; i < workers; ++i) threads_.emplace_back([this, i] { work(i); });
  } catch (...) {
    stop();  // a thread that is destroyed while it runs would end the process
    throw;
  }
}

WorkerPool::~WorkerPool() {
  stop();
}

void WorkerPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  job_posted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void WorkerPool::start(std::function<void(unsigned)> job) {
  {
    const std::lock_guard lock(mutex_);
    job_ = std::move(job);
    ++generation_;
    running_ = size();
    error_ = nullptr;
    failing_.store(false, std::memory_order_relaxed);
  }
  job_posted_.notify_all();
}

bool WorkerPool::wait_for(std::chrono::microseconds time) {
  std::unique_lock lock(mutex_);
  return job_done_.wait_for(lock, time, [this] { return running_ == 0; });
}

std::exception_ptr WorkerPool::first_error() {
  const std::lock_guard lock(mutex_);
  return error_;
}

void WorkerPool::work(unsigned worker) {
  sleep_precisely();
  unsigned seen = 0;
  std::unique_lock lock(mutex_);
  for (;;) {
    job_posted_.wait(lock, [&] { return stopping_ || generation_ != seen; });
    if (stopping_) return;
    seen = generation_;
    lock.unlock();
    std::exception_ptr error;
    try {
      job_(worker);  // written only while no worker runs
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    if (error && !error_) {
      error_ = error;
      failing_.store(true, std::memory_order_release);
    }
    if (--running_ == 0) job_done_.notify_all();
  }
}

}  // namespace orbitmill
