#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>

#include "orbitmill/app/application.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/results/verify.hpp"

namespace orbitmill {

int run_verify(const CommandLine& command_line) {
  if (command_line.sample && command_line.verify_all) {
    throw UsageError("--sample and --all contradict each other; give one of them");
  }
  VerifyOptions options;
  options.all = command_line.verify_all;
  if (command_line.sample) options.rows = *command_line.sample;
  const VerifyReport report = verify(command_line.file, options);
  if (command_line.format == "json") {
    print_verify_json(std::cout, report);
  } else {
    print_verify_text(std::cout, report);
  }
  std::cout.flush();
  if (!std::cout) throw IoError("cannot write to standard output");
  if (const auto failed = report.failed(); !failed.empty()) {
    throw IoError(
        fmt::format("\"{}\" does not hold what it claims: {}; decompose the register again",
                    command_line.file, fmt::join(failed, ", ")));
  }
  return 0;
}

}  // namespace orbitmill
