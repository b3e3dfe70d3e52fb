/// Random registers with their complete decomposition, by a walk that marks every state it meets.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "orbitmill/decompose/certificate.hpp"
#include "orbitmill/results/record.hpp"

namespace orbitmill::test {

using Random = std::mt19937_64;

inline std::uint64_t pick(Random& random, std::uint64_t low, std::uint64_t high) {
  return std::uniform_int_distribution<std::uint64_t>(low, high)(random);
}

/// A nonsingular register of at most 4096 states: every kind of field, linear, affine or (q = 2)
/// with products; length 1 and the register without any tap but x_0 are frequent.
inline Register random_register(Random& random) {
  static const std::uint64_t orders[] = {2, 2, 2, 3, 4, 5, 8, 9};
  RegisterSpec spec;
  spec.field_order = orders[pick(random, 0, std::size(orders) - 1)];
  std::uint32_t longest = 1;
  for (std::uint64_t states = spec.field_order; states * spec.field_order <= 4096; ++longest)
    states *= spec.field_order;
  spec.length = pick(random, 0, 5) == 0 ? 1 : static_cast<std::uint32_t>(pick(random, 1, longest));
  const auto coefficient = [&] {
    return static_cast<Element>(pick(random, 1, spec.field_order - 1));
  };
  spec.feedback.terms.push_back({coefficient(), {0}});
  const std::uint64_t density = pick(random, 0, 3);  // 0: no other tap, 3: all
  for (std::uint32_t stage = 1; stage < spec.length; ++stage)
    if (pick(random, 1, 3) <= density) spec.feedback.terms.push_back({coefficient(), {stage}});
  if (spec.field_order == 2)
    for (std::uint32_t stage = 1; stage + 1 < spec.length; ++stage)
      if (pick(random, 0, 4) == 0) spec.feedback.terms.push_back({1, {stage, stage + 1}});
  if (pick(random, 0, 3) == 0) spec.feedback.terms.push_back({coefficient(), {}});
  spec.feedback.sort_terms();
  return Register(spec);
}

/// All cycles by leader: walking the states upwards, the first of a cycle is its least.
inline std::vector<CycleRow> walk_all_cycles(const Register& reg) {
  std::vector<bool> seen(reg.state_count());
  std::vector<CycleRow> rows;
  for (State start = 0; start < reg.state_count(); ++start) {
    if (seen[start]) continue;
    CycleRow row{start, 0};
    State state = start;
    do {
      seen[state] = true;
      ++row.length;
      state = reg.next(state);
    } while (state != start);
    rows.push_back(row);
  }
  return rows;
}

inline std::string random_text(Random& random, std::size_t longest) {
  static const std::vector<std::string> pieces = {"a", "Z", " ", "\n", "\"",
                                                  "ä", "∞", "0", "\t", "\\"};
  std::string text;
  for (std::uint64_t left = pick(random, 0, longest); left > 0; --left)
    text += pieces[pick(random, 0, pieces.size() - 1)];
  return text;
}

inline RunInfo random_run(Random& random, std::uint32_t ranks) {
  RunInfo run;
  for (std::string* text :
       {&run.version, &run.commit, &run.compiler, &run.flags, &run.mpi, &run.hdf5,
        &run.command_line, &run.engine_asked, &run.engine, &run.engine_reason, &run.table,
        &run.table_reason, &run.schedule_asked, &run.schedule, &run.schedule_reason})
    *text = random_text(random, 30);
  run.start_utc = "2026-01-31T23:59:59Z";
  run.end_utc = "2026-02-01T00:00:00Z";
  // Above 64 KiB, which the oldest HDF5 format could not store as an attribute.
  run.job_text = random_text(random, pick(random, 0, 5) == 0 ? 100'000 : 200);
  run.effective_job = random_text(random, 200);
  for (std::uint64_t hosts = pick(random, 0, 3); hosts > 0; --hosts)
    run.hosts.push_back(random_text(random, 12));
  run.ranks = ranks;
  run.threads = 2 * ranks;
  run.milestone_zeros = static_cast<std::uint32_t>(pick(random, 0, 62));
  run.deficit = random() >> pick(random, 0, 63);
  run.predicted_s = std::uniform_real_distribution<double>(0, 1e6)(random);
  run.elapsed_s = std::uniform_real_distribution<double>(0, 1e6)(random);
  for (std::uint64_t phases = pick(random, 0, 3); phases > 0; --phases)
    run.phases.push_back({random_text(random, 12), static_cast<double>(pick(random, 0, 999)) / 7});
  return run;
}

/// A complete record of `reg` with invented provenance.
inline DecompositionRecord make_record(Random& random, const Register& reg,
                                       const std::vector<CycleRow>& rows, std::uint32_t ranks) {
  DecompositionRecord record;
  record.title = random_text(random, 40);
  record.register_spec = reg.spec();
  std::map<std::uint64_t, std::uint64_t> counts;
  for (const CycleRow& row : rows) ++counts[row.length];
  for (const auto& [length, count] : counts)
    record.histogram.push_back({to_integer(length), to_integer(count)});
  Certificate& certificate = record.certificate;
  certificate.states = certificate.states_accounted = to_integer(reg.state_count());
  certificate.cycles = to_integer(rows.size());
  certificate.complete = true;
  certificate.checksum = exact_checksum(record.histogram).value;
  if (reg.feedback().is_affine()) {
    certificate.theory = pick(random, 0, 1) == 0 ? Theory::agrees : Theory::not_compared;
    if (certificate.theory == Theory::agrees) certificate.predicted = record.histogram;
  }
  record.run = random_run(random, ranks);
  for (std::uint32_t rank = 0; rank < ranks; ++rank) {
    RankProfile profile;
    profile.rank = rank;
    profile.host = random_text(random, 9);
    profile.threads = rank % 3;
    for (const auto& [name, member] : profile_counts) profile.*member = random();
    double time = 1e-9 + rank;
    for (const auto& [name, member] : profile_times) profile.*member = time += 0.25;
    for (std::uint32_t i = 0; i < profile.threads; ++i)
      profile.workers.push_back({time + i, 0.5 * i, random()});
    record.profile.push_back(profile);
  }
  return record;
}

}  // namespace orbitmill::test
