#include <iostream>

#include "orbitmill/app/application.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/results/report.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {

int run_show(const CommandLine& command_line) {
  const ResultReader reader(command_line.file);
  if (command_line.format == "json") {
    print_json(std::cout, reader.record());
  } else if (command_line.format == "csv") {
    print_csv(std::cout, reader.record());
  } else {
    print_text(std::cout, reader.record(), command_line.rows);
  }
  std::cout.flush();
  if (!std::cout) throw IoError("cannot write to standard output");
  return 0;
}

}  // namespace orbitmill
