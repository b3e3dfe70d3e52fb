#include <iostream>

#include "orbitmill/app/application.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/results/campaign_file.hpp"
#include "orbitmill/results/report.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {
namespace {

void show_campaign(const CommandLine& command_line) {
  const CampaignReader reader(command_line.file);
  if (command_line.format == "json") {
    print_campaign_json(std::cout, reader);
  } else if (command_line.format == "csv") {
    print_campaign_csv(std::cout, reader);
  } else {
    print_campaign_text(std::cout, reader, command_line.rows);
  }
}

void show_decomposition(const CommandLine& command_line) {
  const ResultReader reader(command_line.file);
  if (command_line.format == "json") {
    print_json(std::cout, reader.record());
  } else if (command_line.format == "csv") {
    print_csv(std::cout, reader.record());
  } else {
    print_text(std::cout, reader.record(), command_line.rows);
  }
}

}  // namespace

int run_show(const CommandLine& command_line) {
  if (filetype_of(command_line.file) == campaign_filetype) {
    show_campaign(command_line);
  } else {
    show_decomposition(command_line);
  }
  std::cout.flush();
  if (!std::cout) throw IoError("cannot write to standard output");
  return 0;
}

}  // namespace orbitmill
