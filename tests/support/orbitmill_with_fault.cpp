/// The program with a failure built in, struck by rank FAULT_RANK (or by "all"). FAULT says what:
///   throw  (the default) an exception in its first batch
///   lose   it drops its second batch
///   twice  it does the index before its second batch once more
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "orbitmill/app/application.hpp"

namespace {

std::string variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string failing = variable("FAULT_RANK", "none");
  const auto strikes = [&](int rank) {
    return failing == "all" || failing == std::to_string(rank);
  };
  const std::string fault = variable("FAULT", "throw");
  orbitmill::ApplicationHooks hooks;
  hooks.watchdog_s = 1;
  std::atomic<int> batches{0};
  if (fault == "throw") {
    hooks.before_batch = [&](int here, auto, auto) {
      if (strikes(here)) throw std::runtime_error("injected into rank " + std::to_string(here));
    };
  } else {
    hooks.tamper = [&](int here, orbitmill::Interval batch) -> orbitmill::Interval {
      if (!strikes(here) || batch.first == 0 || batches.fetch_add(1) != 1) return batch;
      if (fault == "lose") return {};
      return {batch.first - 1, batch.last};
    };
  }
  return orbitmill::run_application(argc, argv, hooks);
}
