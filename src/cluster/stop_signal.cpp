#include "orbitmill/cluster/stop_signal.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <ctime>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

constexpr std::int64_t same_signal_ns = 1'000'000'000;

std::atomic<StopSignal> seen{StopSignal::none};
std::atomic<std::int64_t> first_ns{0};
std::atomic<bool> noting{false};
static_assert(std::atomic<StopSignal>::is_always_lock_free);
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

/// Async-signal-safe: clock_gettime and _exit are (signal-safety(7)), lock-free atomics are.
void note_signal(int number) {
  if (!noting.load()) _exit(static_cast<int>(ExitCode::stopped));
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  const std::int64_t now_ns = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
  std::int64_t none = 0;
  if (!first_ns.compare_exchange_strong(none, now_ns) && now_ns - none >= same_signal_ns) {
    _exit(static_cast<int>(ExitCode::stopped));
  }
  if (number == SIGTERM) {
    seen.store(StopSignal::now);
  } else {
    StopSignal expected = StopSignal::none;  // TERM is not taken back
    seen.compare_exchange_strong(expected, StopSignal::soon);
  }
}

void set_handler(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

void catch_stop_signals() {
  noting.store(false);
  first_ns.store(0);
  seen.store(StopSignal::none);
  set_handler(SIGUSR1, note_signal);
  set_handler(SIGTERM, note_signal);
}

void note_stop_signals() {
  noting.store(true);
}

StopSignal stop_signal() noexcept {
  return seen.load(std::memory_order_relaxed);
}

void release_stop_signals() {
  set_handler(SIGUSR1, SIG_IGN);
  set_handler(SIGTERM, SIG_DFL);
}

}  // namespace orbitmill
