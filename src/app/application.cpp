#include "orbitmill/app/application.hpp"

#include <fmt/format.h>

#include <boost/mpi/communicator.hpp>
#include <cstdio>
#include <cstdlib>

#include "orbitmill/app/log.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

int run_command(const CommandLine& command_line, int argc, char** argv,
                const ApplicationHooks& hooks) {
  switch (command_line.command) {
    case Command::print_and_exit:
      if (is_first_process()) fmt::print("{}", command_line.text);
      return 0;
    case Command::show:
      return is_first_process() ? run_show(command_line) : 0;
    case Command::poly:
      return is_first_process() ? run_poly(command_line) : 0;
    case Command::where:
      return is_first_process() ? run_where(command_line) : 0;
    case Command::verify:
      return is_first_process() ? run_verify(command_line) : 0;
    case Command::decompose:
      return run_decompose(command_line, argc, argv, hooks);
    case Command::campaign:
      return run_campaign_command(command_line, argc, argv, hooks);
    case Command::plan:
      return run_plan(command_line, argc, argv);
    case Command::bench:
      return run_bench(command_line, argc, argv, hooks);
  }
  return static_cast<int>(ExitCode::internal);
}

}  // namespace

bool is_first_process() {
  // Asked once, at the start: MPI_Init of a process without a launcher sets such variables itself.
  static const bool first = [] {
    for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "SLURM_PROCID"}) {
      if (const char* rank = std::getenv(name)) return std::string(rank) == "0";
    }
    return true;
  }();
  return first;
}

int run_application(int argc, char** argv, const ApplicationHooks& hooks) {
  elapsed_seconds();
  is_first_process();
  try {
    return run_command(parse_command_line(argc, argv), argc, argv, hooks);
  } catch (const Error& error) {
    // Every process meets it alike: run_under_mpi deals with its own. The first process alone
    // carries the exit code: mpirun kills the others as soon as one fails, and that must not be
    // before the message is out.
    if (!is_first_process()) return 0;
    fmt::print(stderr, "orbitmill: error: {}\n", error.what());
    return static_cast<int>(error.exit_code());
  } catch (...) {
    // Memory that one process alone does not get: the others would wait for it in MPI_Init.
    const Failure failure = describe_current_exception();
    fmt::print(stderr, "orbitmill: error: {}\n", failure.message);
    return failure.code;
  }
}

}  // namespace orbitmill
