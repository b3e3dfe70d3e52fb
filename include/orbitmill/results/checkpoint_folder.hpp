/// The checkpoint of a job: a folder beside the result, `FILE.h5.checkpoint/`.
///
/// It holds one text file `job`, which says whose work this is, and records
/// (checkpoint_record.hpp). It comes into being with the first save and goes when the result is in
/// its place. Records are only ever added, so there is no newest one to trust or to lose: whatever
/// can be read counts, whoever wrote it, in any order. Indices that two records hold (two jobs once
/// wrote the same result at the same time) are taken from the first.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "orbitmill/results/checkpoint_record.hpp"
#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {

/// What decides the result of a job and the meaning of its indices, as names and values of one line
/// each: register, engine and its parameters. Not what may change on the way: ranks, threads,
/// schedule, batches.
using CheckpointJob = std::map<std::string, std::string>;

/// What a restore took over, for the log.
struct RestoreSummary {
  std::vector<Interval> ranges;  ///< sorted, disjoint, neighbours joined
  std::uint64_t records = 0;     ///< files that gave something
};

class CheckpointFolder {
 public:
  /// Does not touch the disk. `result` is the result file of the job.
  explicit CheckpointFolder(const std::filesystem::path& result);

  const std::filesystem::path& path() const noexcept { return path_; }

  /// The job whose checkpoint lies there; nothing where there is none. Throws IoError where the
  /// folder cannot be read or its file `job` is damaged, JobError where it is of another version.
  std::optional<CheckpointJob> read_job() const;
  /// The work of `job` belongs here from now on.
  void set_job(const CheckpointJob& job);

  /// Number of records, and their bytes.
  std::pair<std::uint64_t, std::uint64_t> size() const;

  /// Any rank, any time after set_job(): saves `parts` as a new record; creates the folder where
  /// there is none yet. Returns the bytes written. Throws IoError.
  std::uint64_t save(std::uint64_t phase, std::uint64_t indices, int rank,
                     const std::vector<FinishedPart>& parts) const;

  /// Reads all records of a phase and gives `section` what counts of them. `report` gets one line
  /// for whatever is left out. One rank calls it.
  RestoreSummary restore(std::uint64_t phase, std::uint64_t indices, const SectionReader& section,
                         const std::function<void(const std::string&)>& report) const;

  /// Creates an empty file beside the folder, by which other nodes can see whether theirs is the
  /// same. Returns its name, empty where it cannot be.
  std::string leave_mark() const;
  static void remove_mark(const std::string& mark);

  /// Removes what saves that were cut off have left. One rank calls it at the start.
  void remove_leftovers() const;

  /// Removes the checkpoint, if there is one; files that are none of ours stay. One rank calls it
  /// while no other writes. Returns false where something stayed.
  bool remove() const;

 private:
  std::vector<std::filesystem::path> records(std::uint64_t phase) const;

  std::filesystem::path path_;
  std::string head_;  ///< text of the file `job`
  std::uint64_t job_ = 0;
};

}  // namespace orbitmill
