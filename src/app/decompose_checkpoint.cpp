#include "decompose_checkpoint.hpp"

#include <fmt/format.h>

#include <charconv>

#include "orbitmill/decompose/milestone_pass.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

// Names in the file `job`, and in messages.
constexpr const char* engine_key = "engine";
constexpr const char* zeros_key = "milestone zeros";
constexpr const char* short_key = "short cycles";
constexpr const char* stride_key = "milestones to an index";
constexpr const char* walk_key = "direction of the walks";
/// Of what indices and records mean; to be raised when a phase changes them.
constexpr const char* work_key = "version of the phases";
constexpr const char* work_version = "1";

/// What the user decides. The limit of rows is not in it: a run that fails for too many of them
/// goes on where it was with a larger one. Nor are the sequences, made from the finished table.
CheckpointJob asked_for(const Job& job, const Register& reg) {
  const RegisterSpec& spec = reg.spec();
  return {{"field", std::to_string(spec.field_order)},
          {"modulus", spec.modulus.empty() ? "Conway" : spec.modulus},
          {"length", std::to_string(spec.length)},
          {"feedback", print_anf(reg.feedback())},
          {"cycles", job.cycles.keep_rows ? "table" : "histogram alone"},
          {"index", job.index ? "yes" : "no"},
          {work_key, work_version}};
}

std::uint64_t number_in(const CheckpointJob& job, const char* name) {
  const auto entry = job.find(name);
  std::uint64_t number = 0;
  if (entry != job.end()) {
    const std::string& text = entry->second;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && stop == text.data() + text.size()) return number;
  }
  throw IoError(fmt::format(
      "the checkpoint cannot be used: its file \"job\" has no number \"{}\"; discard it with "
      "--restart",
      name));
}

void check_job(const CheckpointFolder& folder, const CheckpointJob& found, const Job& job,
               const Register& reg) {
  compare_jobs(folder, found, asked_for(job, reg));
  const auto value = [&](const char* name) { return value_in(found, name); };
  if (job.engine != "auto" && job.engine != value(engine_key)) {
    refuse_checkpoint(folder, engine_key, value(engine_key), job.engine);
  }
  const std::string zeros = std::to_string(job.milestone_zeros);
  if (job.milestone_zeros > 0 && zeros != value(zeros_key)) {
    refuse_checkpoint(folder, zeros_key, value(zeros_key), zeros);
  }
  const bool leader = value(engine_key) == name_of(Engine::leader);
  const std::uint64_t n = reg.length();
  const bool sound =
      number_in(found, zeros_key) < n && number_in(found, short_key) < n &&
      number_in(found, stride_key) < std::uint64_t{1} << 62 &&
      (leader || (value(engine_key) == name_of(Engine::milestone) &&
                  number_in(found, zeros_key) > 0 && number_in(found, stride_key) > 0));
  if (!sound) {
    throw IoError(fmt::format(
        "the checkpoint \"{}\" cannot be used: its file \"job\" makes no sense; discard it with "
        "--restart",
        folder.path().string()));
  }
}

/// The entries of a table depend on it.
std::string direction_of(const Plan& plan, const Register& reg) {
  if (plan.engine != Engine::milestone) return "none";
  const MilestoneMap map(reg, plan.zeros);
  return make_segment_walker(map)->is_forward() ? "forward" : "backward";
}

}  // namespace

DecomposeCheckpoint::DecomposeCheckpoint(const boost::mpi::communicator& comm, const Job& job,
                                         const Register& reg, const Log& log)
    : Checkpointing(comm, job.output, job.checkpoints, log), register_(reg), job_(job) {
  find([&](const CheckpointJob& found) { check_job(folder(), found, job, reg); });
  if (found().empty()) return;
  job_.engine = found().at(engine_key);
  job_.milestone_zeros = static_cast<std::uint32_t>(number_in(found(), zeros_key));
}

Plan DecomposeCheckpoint::keep_to(Plan plan, unsigned workers) {
  if (!found().empty()) {
    plan.short_cycles = static_cast<unsigned>(number_in(found(), short_key));
    plan.stride = number_in(found(), stride_key);
    plan.reason = "as the checkpoint has it";
  } else if (plan.engine == Engine::milestone) {
    plan.stride = milestone_stride(plan.milestones, workers);
  }
  CheckpointJob identity = asked_for(job_, register_);
  identity[engine_key] = name_of(plan.engine);
  identity[zeros_key] = std::to_string(plan.zeros);
  identity[short_key] = std::to_string(plan.short_cycles);
  identity[stride_key] = std::to_string(plan.stride);
  identity[walk_key] = direction_of(plan, register_);
  agree(communicator(), [&] {
    if (found().empty() || value_in(found(), walk_key) == identity[walk_key]) return;
    refuse_checkpoint(folder(), walk_key, value_in(found(), walk_key), identity[walk_key]);
  });
  open(identity, false);
  return plan;
}

}  // namespace orbitmill
