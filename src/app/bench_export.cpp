/// The figures of `orbitmill bench` for other programs: JSON with everything, CSV with a line a
/// row. Times in seconds, memory in bytes. The members are listed in jobs/SCHEDULING.md.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string_view>

#include "orbitmill/app/bench.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

using Json = nlohmann::ordered_json;

std::string_view table_name(BenchTable table) {
  switch (table) {
    case BenchTable::modes:
      return "modes";
    case BenchTable::scaling:
      return "scaling";
    case BenchTable::batches:
      return "batches";
  }
  return "?";
}

/// One row, flat: the columns of the CSV are these members.
Json flat_row(const BenchResult& result, const BenchRow& row, const BenchFigures& figures) {
  return {{"length", result.register_spec.length},
          {"states", result.states},
          {"table", table_name(row.configuration.table)},
          {"schedule", row.configuration.name},
          {"ranks", row.configuration.ranks()},
          {"workers", figures.workers},
          {"batch_size", row.configuration.batch_size},
          {"median_s", figures.median_s},
          {"min_s", figures.min_s},
          {"max_s", figures.max_s},
          {"speed_up", figures.speed_up},
          {"efficiency", figures.efficiency},
          {"states_per_s", figures.states_per_s},
          {"busy_share", figures.busy_share},
          {"start_up_s", figures.start_up_s},
          {"job_bytes", figures.job_bytes},
          {"broadcast_s", figures.broadcast_s},
          {"peak_memory_bytes", figures.peak_memory_bytes},
          {"batches", figures.batches},
          {"node_steals_tried", figures.node_tried},
          {"node_steals_won", figures.node_won},
          {"cluster_steals_tried", figures.cluster_tried},
          {"cluster_steals_won", figures.cluster_won},
          {"fallbacks", figures.fallbacks},
          {"failures", figures.failures},
          {"ran", name_of(figures.mode)},
          {"reason", figures.reason}};
}

Json json_of(const BenchResult& result) {
  const Register reg(result.register_spec);
  Json rows = Json::array();
  const std::vector<BenchFigures> figures = summarise(result);
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const BenchRow& row = result.rows[i];
    Json one = flat_row(result, row, figures[i]);
    one["threads"] = row.configuration.threads;
    one["times_s"] = Json::array();
    for (const BenchSample& sample : row.samples) one["times_s"].push_back(sample.time_s);
    one["failure_messages"] = row.failures;
    rows.push_back(std::move(one));
  }
  Json json = {{"field_order", reg.field().order()},
               {"length", reg.length()},
               {"feedback", print_anf(reg.feedback())},
               {"states", result.states},
               {"cycles", to_word(result.certificate.cycles).value_or(0)},
               {"checksum", fmt::format("{:016x}", result.certificate.checksum)}};
  const AutoVerdict verdict = judge_auto(result, figures);
  if (!verdict.best.empty()) {
    json["auto"] = {{"best", verdict.best},
                    {"best_s", verdict.best_s},
                    {"auto_s", verdict.auto_s},
                    {"chosen_s", verdict.chosen_s}};
  }
  json["rows"] = std::move(rows);
  return json;
}

/// A text in quotes where it holds what separates fields (RFC 4180).
std::string csv_field(const Json& value) {
  if (!value.is_string()) return value.dump();
  auto text = value.get<std::string>();
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted(1, '"');
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  quoted.push_back('"');
  return quoted;
}

}  // namespace

std::string bench_json(const BenchReport& report) {
  Json json = {{"filetype", "orbitmill bench"},
               {"version", {1, 0}},
               {"program", report.build.version},
               {"commit", report.build.commit},
               {"compiler", report.build.compiler},
               {"mpi", report.build.mpi},
               {"command_line", report.command_line},
               {"start", report.start_utc},
               {"end", report.end_utc},
               {"hosts", report.hosts},
               {"threads_of_rank", report.workers.of_rank},
               {"workers", report.workers.total()},
               {"repeat", report.repeat},
               {"registers", Json::array()}};
  for (const BenchResult& result : report.results) json["registers"].push_back(json_of(result));
  return json.dump(1) + '\n';
}

std::string bench_csv(const BenchReport& report) {
  std::string csv;
  for (const BenchResult& result : report.results) {
    const std::vector<BenchFigures> figures = summarise(result);
    for (std::size_t i = 0; i < figures.size(); ++i) {
      const Json row = flat_row(result, result.rows[i], figures[i]);
      std::vector<std::string> names, values;
      for (const auto& [name, value] : row.items()) {
        names.push_back(name);
        values.push_back(csv_field(value));
      }
      if (csv.empty()) csv = fmt::format("{}\n", fmt::join(names, ","));
      csv += fmt::format("{}\n", fmt::join(values, ","));
    }
  }
  return csv;
}

}  // namespace orbitmill
