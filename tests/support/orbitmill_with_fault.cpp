/// The program with a failure built in: throws in the first batch of rank FAULT_RANK.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "orbitmill/app/application.hpp"

int main(int argc, char** argv) {
  const char* rank = std::getenv("FAULT_RANK");
  orbitmill::ApplicationHooks hooks;
  hooks.before_batch = [failing = rank == nullptr ? -1 : std::stoi(rank)](int here, auto, auto) {
    if (here == failing) throw std::runtime_error("injected into rank " + std::to_string(here));
  };
  return orbitmill::run_application(argc, argv, hooks);
}
