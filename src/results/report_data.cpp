/// The reports that programs read: JSON and CSV.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "certificate_text.hpp"
#include "json_number.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/results/report.hpp"

namespace orbitmill {

namespace {

// Keys in the order in which they are put in, for people who look at the output after all.
using Json = nlohmann::ordered_json;

Json register_json(const RegisterSpec& spec) {
  const Register reg(spec);
  Json json;
  json["field_order"] = reg.field().order();
  json["characteristic"] = reg.field().characteristic();
  json["degree"] = reg.field().degree();
  if (!reg.field().is_prime()) json["modulus"] = reg.field().modulus();
  json["length"] = reg.length();
  json["feedback"] = print_anf(reg.feedback());
  json["linear"] = reg.is_linear();
  json["affine"] = reg.feedback().is_affine();
  json["nonsingular"] = reg.is_nonsingular();
  if (reg.is_linear()) {
    json["coefficients"] = print_coefficients(reg.feedback(), reg.length());
    json["characteristic_polynomial"] = print_polynomial(reg.feedback(), reg.field(), reg.length());
  }
  return json;
}

Json certificate_json(const Certificate& certificate) {
  Json json;
  json["complete"] = certificate.complete;
  json["states_accounted"] = json_number(certificate.states_accounted);
  json["transient_states"] = json_number(certificate.transient_states);
  json["height"] = certificate.height;
  json["checksum"] = fmt::format("{:016x}", certificate.checksum);
  json["checksum_of"] = name_in(checksum_names, certificate.checksum_of);
  json["theory"] = name_in(theory_names, certificate.theory);
  return json;
}

Json profile_json(const std::vector<RankProfile>& profile) {
  Json rows = Json::array();
  for (const RankProfile& rank : profile) {
    Json row = {{"rank", rank.rank}, {"host", rank.host}, {"threads", rank.threads}};
    for (const auto& [name, member] : profile_counts) row[name] = json_number(rank.*member);
    for (const auto& [name, member] : profile_times) row[name] = rank.*member;
    rows.push_back(row);
  }
  return rows;
}

Json run_json(const RunInfo& run, const std::vector<RankProfile>& profile) {
  Json phases = Json::array();
  for (const PhaseTime& phase : run.phases)
    phases.push_back({{"name", phase.name}, {"seconds", phase.seconds}});
  return {{"version", run.version},
          {"commit", run.commit},
          {"compiler", run.compiler},
          {"flags", run.flags},
          {"mpi", run.mpi},
          {"hdf5", run.hdf5},
          {"hosts", run.hosts},
          {"ranks", run.ranks},
          {"threads", run.threads},
          {"command_line", run.command_line},
          {"job_text", run.job_text},
          {"effective_job", run.effective_job},
          {"start_utc", run.start_utc},
          {"end_utc", run.end_utc},
          {"engine_asked", run.engine_asked},
          {"engine", run.engine},
          {"engine_reason", run.engine_reason},
          {"milestone_zeros", run.milestone_zeros},
          {"table", run.table},
          {"table_reason", run.table_reason},
          {"deficit", json_number(run.deficit)},
          {"predicted_s", run.predicted_s},
          {"schedule_asked", run.schedule_asked},
          {"schedule", run.schedule},
          {"schedule_reason", run.schedule_reason},
          {"elapsed_s", run.elapsed_s},
          {"phases", phases},
          {"profile", profile_json(profile)}};
}

}  // namespace

void print_json(std::ostream& out, const DecompositionRecord& record) {
  Json json;
  if (!record.title.empty()) json["title"] = record.title;
  json["register"] = register_json(record.register_spec);
  json["states"] = json_number(record.certificate.states);
  json["cycles"] = json_number(record.certificate.cycles);
  json["histogram"] = Json::array();
  for (const ExactHistogramEntry& entry : record.histogram)
    json["histogram"].push_back(
        {{"length", json_number(entry.length)}, {"count", json_number(entry.count)}});
  json["certificate"] = certificate_json(record.certificate);
  if (record.index_zeros > 0) json["index"] = {{"zeros", record.index_zeros}};
  json["run"] = run_json(record.run, record.profile);
  // A job file may hold any bytes; the output must be UTF-8 or it is no JSON.
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

void print_csv(std::ostream& out, const DecompositionRecord& record) {
  out << "length,count\n";
  for (const ExactHistogramEntry& entry : record.histogram)
    out << entry.length << ',' << entry.count << '\n';
}

}  // namespace orbitmill
