#include "checkpointing.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/mpi/collectives.hpp>
#include <boost/serialization/map.hpp>
#include <boost/serialization/string.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <thread>
#include <utility>
#include <vector>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/error.hpp"
#include "planning.hpp"

namespace orbitmill {
namespace {

/// Commands whose work is kept; a checkpoint that names none is of `decompose`.
constexpr const char* command_key = "command";
constexpr const char* command_otherwise = "decompose";

void warn(const std::string& where, const std::string& text) {
  fmt::print(stderr, "orbitmill: warning{}: {}\n", where, text);
  std::fflush(stderr);
}

/// A client of a network file system may look at what it remembers of a folder for a while.
bool appears(const std::string& path) {
  constexpr int looks = 30;
  for (int look = 0; look < looks; ++look) {
    if (std::filesystem::exists(path)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return false;
}

}  // namespace

std::string value_in(const CheckpointJob& job, const std::string& name) {
  const auto entry = job.find(name);
  if (entry != job.end()) return entry->second;
  return name == command_key ? command_otherwise : "unknown";
}

void refuse_checkpoint(const CheckpointFolder& folder, const std::string& name,
                       const std::string& there, const std::string& here) {
  throw JobError(fmt::format(
      "the checkpoint \"{}\" belongs to another job: its {} is \"{}\", and here it is \"{}\"; run "
      "that job to its end, choose another name with -o, or discard the checkpoint with --restart",
      folder.path().string(), name, there, here));
}

void compare_jobs(const CheckpointFolder& folder, const CheckpointJob& found,
                  const CheckpointJob& asked_for) {
  const auto compare = [&](const std::string& name) {
    const std::string there = value_in(found, name);
    const std::string here = value_in(asked_for, name);
    if (there != here) refuse_checkpoint(folder, name, there, here);
  };
  // The others mean something only where this one is the same.
  compare(command_key);
  for (const auto& [name, here] : asked_for) compare(name);
}

Checkpointing::Checkpointing(const boost::mpi::communicator& comm, const std::string& output,
                             const CheckpointSettings& settings, const Log& log)
    : comm_(comm), log_(log), output_(output), settings_(settings), folder_(output) {
  if (!settings_.saves()) release_stop_signals();
}

void Checkpointing::find(const std::function<void(const CheckpointJob&)>& check) {
  found_ = decide_on_root(comm_, [&]() -> CheckpointJob {
    if (settings_.restart && !folder_.remove()) {
      throw IoError(fmt::format("--restart: the checkpoint \"{}\" cannot be removed; do it by hand",
                                folder_.path().string()));
    }
    const auto found = folder_.read_job();
    if (!found) return {};
    check(*found);
    folder_.remove_leftovers();
    return *found;
  });
}

void Checkpointing::require_shared_folder(const Topology& topology) const {
  if (topology.nodes == 1) return;
  const auto mark = decide_on_root(comm_, [&] { return folder_.leave_mark(); });
  const bool unseen = topology.rank_on_node == 0 && !mark.empty() && !appears(mark);
  std::vector<std::string> hosts;
  boost::mpi::gather(comm_, unseen ? topology.host : "", hosts, 0);
  agree(comm_, [&] {
    if (comm_.rank() != 0) return;
    CheckpointFolder::remove_mark(mark);
    std::erase(hosts, "");
    if (hosts.empty()) return;
    throw CannotCreateError(
        fmt::format("cannot create \"{}\": {} of {} nodes do not see its folder as rank 0 does, "
                    "such as {}; choose one on a file system that all nodes share with -o",
                    output_, hosts.size(), topology.nodes, hosts.front()));
  });
}

void Checkpointing::open(const CheckpointJob& job, bool carries) {
  folder_.set_job(job);
  SaverOptions options;
  options.interval_s = settings_.every_s;
  options.max_run_s = 60 * settings_.max_minutes;
  options.carries = carries;
  options.elapsed_s = elapsed_seconds;
  options.note = [this](const std::string& text) { log_.info("{}", text); };
  const std::string where = comm_.size() > 1 ? fmt::format(" (rank {})", comm_.rank()) : "";
  options.warn = [where](const std::string& text) { warn(where, text); };
  const bool root = comm_.rank() == 0;
  options.leave = [root](const std::string& farewell) {
    if (root) {
      fmt::print(stderr, "orbitmill: {}\n", farewell);
      std::fflush(stderr);
    }
    _exit(static_cast<int>(ExitCode::stopped));
  };
  saver_ = std::make_unique<CheckpointSaver>(folder_, comm_.rank(), std::move(options));
  if (settings_.saves()) note_stop_signals();
}

void Checkpointing::tell_what_is_there() const {
  if (found_.empty()) return;
  const auto [records, bytes] = folder_.size();
  log_.info("going on from {}: {} record{}, {}", folder_.path().string(), records,
            records == 1 ? "" : "s", human_bytes(bytes));
}

void Checkpointing::close() {
  saver_->finish();
  if (settings_.saves()) release_stop_signals();
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
