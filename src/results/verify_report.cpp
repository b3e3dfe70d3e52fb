/// The answers of `orbitmill verify`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "orbitmill/results/verify.hpp"

namespace orbitmill {

namespace {

using Outcome = VerifyCheck::Outcome;

}  // namespace

std::vector<std::string> VerifyReport::failed() const {
  std::vector<std::string> names;
  for (const VerifyCheck& check : checks)
    if (check.outcome == Outcome::failed) names.push_back(check.name);
  return names;
}

void print_verify_text(std::ostream& out, const VerifyReport& report) {
  const auto print = [&](Outcome outcome, const char* mark) {
    for (const VerifyCheck& check : report.checks)
      if (check.outcome == outcome)
        out << fmt::format("{:<12} {}: {}\n", mark, check.name, check.detail);
  };
  print(Outcome::passed, "ok");
  print(Outcome::not_checked, "not checked");
  print(Outcome::failed, "FAILED");
}

void print_verify_json(std::ostream& out, const VerifyReport& report) {
  using Json = nlohmann::ordered_json;
  Json checks = Json::array();
  for (const VerifyCheck& check : report.checks) {
    const char* outcome = check.outcome == Outcome::passed   ? "passed"
                          : check.outcome == Outcome::failed ? "failed"
                                                             : "not checked";
    checks.push_back({{"name", check.name}, {"outcome", outcome}, {"detail", check.detail}});
  }
  const Json json = {{"file", report.file.string()},
                     {"passed", report.failed().empty()},
                     {"checks", std::move(checks)}};
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace orbitmill
