/// The program behind main(): dispatch, MPI start and end, errors to exit codes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "orbitmill/app/command_line.hpp"
#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {

/// What a test program may hang into the run; empty in the real one.
struct ApplicationHooks {
  /// Called by the worker before each batch with (rank, first, last).
  std::function<void(int, std::uint64_t, std::uint64_t)> before_batch;
  /// Called by the worker with (rank, batch just taken); it does what is returned instead.
  std::function<Interval(int, Interval)> tamper;
  /// Seconds until lost work is noticed; 0: the scheduler's own.
  double watchdog_s = 0;
  /// The unit of a campaign, instead of the decision (CampaignOptions::force_everybody).
  std::optional<bool> everybody;
};

/// Runs the command line; returns the exit code for main(). Called by every rank.
int run_application(int argc, char** argv, const ApplicationHooks& hooks = {});

/// True for the process that the launcher numbered 0, known before MPI is up: what needs no MPI
/// (help, usage errors, show) must appear once, not once per rank.
bool is_first_process();

/// The commands. They return an exit code and throw Error.
int run_decompose(const CommandLine& command_line, int argc, char** argv,
                  const ApplicationHooks& hooks);
int run_bench(const CommandLine& command_line, int argc, char** argv,
              const ApplicationHooks& hooks);
int run_campaign_command(const CommandLine& command_line, int argc, char** argv,
                         const ApplicationHooks& hooks);
int run_plan(const CommandLine& command_line, int argc, char** argv);
int run_poly(const CommandLine& command_line);
int run_show(const CommandLine& command_line);
int run_where(const CommandLine& command_line);
int run_verify(const CommandLine& command_line);

/// What `orbitmill --version` prints: version, commit, compiler, libraries.
std::string version_text();

/// Provenance of this build for /run.
struct BuildProvenance {
  std::string version, commit, compiler, flags, mpi, hdf5;
};
BuildProvenance build_provenance();

}  // namespace orbitmill
