/// The command line of `orbitmill`, parsed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "orbitmill/app/options.hpp"

namespace orbitmill {

enum class Command : std::uint8_t {
  print_and_exit,
  decompose,
  campaign,
  bench,
  plan,
  poly,
  show,
  verify,
  where
};

struct CommandLine {
  Command command = Command::print_and_exit;
  std::string text;    ///< print_and_exit: what to print (help, version)
  std::string joined;  ///< the arguments as one line, for provenance

  // decompose, plan and poly
  std::optional<std::string> job_file;
  JobOptions options;                    ///< flags, and the environment where there is no flag
  std::string output;                    ///< decompose, campaign
  std::optional<std::string> rows_file;  ///< campaign
  std::optional<std::string> task;       ///< campaign

  BenchOptions bench;

  // show, verify, where, poly
  std::string file;
  std::string format = "text";
  std::uint64_t rows = 20;                  ///< show
  std::optional<std::uint64_t> sample;      ///< verify: rows to walk at most
  bool verify_all = false;                  ///< verify: every row
  std::string state;                        ///< where, as written
  std::optional<std::string> second_state;  ///< where
};

/// Parses the arguments; environment variables ORBITMILL_<OPTION> stand in for absent flags. Throws
/// UsageError. Needs no MPI: every rank parses the same arguments.
CommandLine parse_command_line(int argc, char** argv);

}  // namespace orbitmill
