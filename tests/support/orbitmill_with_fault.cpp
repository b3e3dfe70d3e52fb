/// The program with a failure built in, struck by rank FAULT_RANK (or by "all"). FAULT says what:
///   throw       (the default) an exception in its first batch
///   lose        it drops its second batch
///   twice       it does the index before its second batch once more
///   memory      std::bad_alloc in its first batch
///   allocation  std::bad_alloc in allocation number FAULT_AT of its main thread, counted from
///               main() on, or with FAULT_FROM=batch from the first batch of the rank on; says
///               "struck" then
///   signal      the signal FAULT_SIGNAL (a number) in its batch number FAULT_AT, if FAULT_AT > 0;
///   and
///               every batch of every rank takes FAULT_PAUSE_MS longer, so that a run cannot be
///               over before the signal, or a limit of time, has stopped it. FAULT_UNIT: whole or
///               everybody, the unit of a campaign
///   count       nothing; it says at the end how many allocations there were, from main() and from
///               the first batch on
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include "orbitmill/app/application.hpp"

namespace {

constexpr std::int64_t never = -1;

thread_local bool on_main_thread = false;
std::atomic<std::int64_t> allocations{0};    // of the main thread
std::atomic<std::int64_t> strike_at{never};  // the allocation that fails
std::atomic<std::int64_t> before_batches{never};

void strike_if_due() {
  if (!on_main_thread || ++allocations != strike_at) return;
  strike_at = never;
  constexpr char word[] = "struck\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, word, sizeof word - 1);
  throw std::bad_alloc();
}

void* checked(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

}  // namespace

// Every allocation of C++ code in the program, that of its libraries in C++ included.
void* operator new(std::size_t size) {
  strike_if_due();
  return checked(std::malloc(size == 0 ? 1 : size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  strike_if_due();
  const auto unit = static_cast<std::size_t>(alignment);
  return checked(std::aligned_alloc(unit, (size + unit) / unit * unit));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
  std::free(memory);
}

int main(int argc, char** argv) {
  const std::string failing = variable("FAULT_RANK", "none");
  const auto strikes = [&](int rank) {
    return failing == "all" || failing == std::to_string(rank);
  };
  const std::string fault = variable("FAULT", "throw");
  const std::int64_t at = std::stoll(variable("FAULT_AT", "0"));
  const bool from_batch = variable("FAULT_FROM", "main") == "batch";
  orbitmill::ApplicationHooks hooks;
  hooks.watchdog_s = 1;
  std::atomic<int> batches{0};
  if (fault == "throw" || fault == "memory") {
    hooks.before_batch = [&](int here, auto, auto) {
      if (!strikes(here)) return;
      if (fault == "memory") throw std::bad_alloc();
      throw std::runtime_error("injected into rank " + std::to_string(here));
    };
  } else if (fault == "signal") {
    const std::chrono::milliseconds pause(std::stoll(variable("FAULT_PAUSE_MS", "20")));
    const int number = std::stoi(variable("FAULT_SIGNAL", "0"));
    const std::string unit = variable("FAULT_UNIT", "");
    if (!unit.empty()) hooks.everybody = unit == "everybody";
    hooks.before_batch = [&, pause, number](int here, auto, auto) {
      std::this_thread::sleep_for(pause);
      if (at > 0 && strikes(here) && batches.fetch_add(1) + 1 == at) kill(getpid(), number);
    };
  } else if (fault == "allocation" || fault == "count") {
    hooks.before_batch = [&](int here, auto, auto) {
      if (batches.fetch_add(1) != 0) return;
      // The main thread may be counting: to within a few.
      before_batches = allocations.load();
      if (fault == "allocation" && from_batch && strikes(here)) strike_at = allocations + at;
    };
    // The rank as mpirun tells it, for MPI is not up yet.
    if (fault == "allocation" && !from_batch &&
        strikes(std::stoi(variable("OMPI_COMM_WORLD_RANK", "0")))) {
      strike_at = at;
    }
  } else {
    hooks.tamper = [&](int here, orbitmill::Interval batch) -> orbitmill::Interval {
      if (!strikes(here) || batch.first == 0 || batches.fetch_add(1) != 1) return batch;
      if (fault == "lose") return {};
      return {batch.first - 1, batch.last};
    };
  }
  on_main_thread = true;
  const int code = orbitmill::run_application(argc, argv, hooks);
  on_main_thread = false;
  if (fault == "count") {
    fmt::print("allocations {} {}\n", allocations.load(), allocations - before_batches);
  }
  return code;
}
