#include "checkpointing.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/serialization/map.hpp>
#include <boost/serialization/string.hpp>
#include <charconv>
#include <cstdio>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/decompose/milestone_pass.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "planning.hpp"

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

[[noreturn]] void refuse(const CheckpointFolder& folder, const std::string& name,
                         const std::string& there, const std::string& here) {
  throw JobError(fmt::format(
      "the checkpoint \"{}\" belongs to another job: its {} is \"{}\", and here it is \"{}\"; run "
      "that job to its end, choose another name with -o, or discard the checkpoint with --restart",
      folder.path().string(), name, there, here));
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
  const auto value = [&](const std::string& name) {
    const auto entry = found.find(name);
    return entry == found.end() ? std::string("unknown") : entry->second;
  };
  for (const auto& [name, here] : asked_for(job, reg)) {
    if (value(name) != here) refuse(folder, name, value(name), here);
  }
  if (job.engine != "auto" && job.engine != value(engine_key)) {
    refuse(folder, engine_key, value(engine_key), job.engine);
  }
  const std::string zeros = std::to_string(job.milestone_zeros);
  if (job.milestone_zeros > 0 && zeros != value(zeros_key)) {
    refuse(folder, zeros_key, value(zeros_key), zeros);
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

Checkpointing::Checkpointing(const boost::mpi::communicator& comm, const Job& job,
                             const Register& reg, const Log& log)
    : comm_(comm), log_(log), register_(reg), job_(job), folder_(job.output) {
  if (job.checkpoint_every_s == 0) release_stop_signals();
  found_ = decide_on_root(comm, [&]() -> CheckpointJob {
    if (job.restart && !folder_.remove()) {
      throw IoError(fmt::format("--restart: the checkpoint \"{}\" cannot be removed; do it by hand",
                                folder_.path().string()));
    }
    const auto found = folder_.read_job();
    if (!found) return {};
    check_job(folder_, *found, job, reg);
    folder_.remove_leftovers();
    return *found;
  });
  if (found_.empty()) return;
  job_.engine = found_[engine_key];
  job_.milestone_zeros = static_cast<std::uint32_t>(number_in(found_, zeros_key));
}

Plan Checkpointing::keep_to(Plan plan, unsigned workers) {
  if (!found_.empty()) {
    plan.short_cycles = static_cast<unsigned>(number_in(found_, short_key));
    plan.stride = number_in(found_, stride_key);
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
  agree(comm_, [&] {
    if (found_.empty() || found_[walk_key] == identity[walk_key]) return;
    refuse(folder_, walk_key, found_[walk_key], identity[walk_key]);
  });
  folder_.set_job(identity);

  SaverOptions options;
  options.interval_s = job_.checkpoint_every_s;
  options.max_run_s = 60 * job_.max_minutes;
  options.elapsed_s = elapsed_seconds;
  options.note = [this](const std::string& text) { log_.info("{}", text); };
  const std::string where = comm_.size() > 1 ? fmt::format(" (rank {})", comm_.rank()) : "";
  options.warn = [where](const std::string& text) {
    fmt::print(stderr, "orbitmill: warning{}: {}\n", where, text);
    std::fflush(stderr);
  };
  const bool root = comm_.rank() == 0;
  options.leave = [root](const std::string& farewell) {
    if (root) {
      fmt::print(stderr, "orbitmill: {}\n", farewell);
      std::fflush(stderr);
    }
    _exit(static_cast<int>(ExitCode::stopped));
  };
  saver_ = std::make_unique<CheckpointSaver>(folder_, comm_.rank(), std::move(options));
  if (job_.checkpoint_every_s > 0) note_stop_signals();
  return plan;
}

void Checkpointing::tell_what_is_there() const {
  if (found_.empty()) return;
  const auto [records, bytes] = folder_.size();
  log_.info("going on from {}: {} record{}, {}", folder_.path().string(), records,
            records == 1 ? "" : "s", human_bytes(bytes));
}

void Checkpointing::close() {
  saver_->finish();
  if (job_.checkpoint_every_s > 0) release_stop_signals();
}

/// A run that fails on restored work would fail for ever.
AgreedError Checkpointing::with_advice(const AgreedError& error) const {
  if (error.exit_code() != ExitCode::internal || found_.empty()) return error;
  return AgreedError(error.exit_code(),
                     fmt::format("{}; the run went on from a checkpoint: discard it with --restart",
                                 error.what()));
}

void Checkpointing::discard() const {
  if (comm_.rank() != 0 || folder_.remove()) return;
  log_.info("the checkpoint {} is not needed any more, and cannot be removed",
            folder_.path().string());
}

}  // namespace orbitmill
