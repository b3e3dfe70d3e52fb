/// What a checkpoint holds: records and the file `job`. Input: a byte for what is done to the rest,
/// one for the phase that takes it over, the rest.
///
/// Checksums would keep all but one input in 2^64 from the code behind them, so as a rule they are
/// made right first: the rest is then the sections of a record alone (checkpoint_record.hpp).
#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <vector>

#include "fuzz/fuzz_target.hpp"
#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/decompose/milestone_pass.hpp"
#include "orbitmill/decompose/short_cycles.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/results/checkpoint_folder.hpp"

namespace {

using namespace orbitmill;
namespace fs = std::filesystem;
using fuzz::require;

constexpr std::size_t word = sizeof(std::uint64_t);
constexpr std::size_t head_bytes = 8 * word;

std::uint64_t word_at(const std::string& bytes, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, word);
  return value;
}

void set_word(std::string& bytes, std::size_t at, std::uint64_t value) {
  std::memcpy(bytes.data() + at, &value, word);
}

/// The phases that restore finished work, over one small register.
class Phases {
 public:
  std::unique_ptr<Phase> make(std::uint8_t choice) {
    switch (choice % 4) {
      case 0:
        return std::make_unique<LeaderSweep>(reg_, rows_, whole_sweep(reg_));
      case 1:
        return std::make_unique<LeaderSweep>(reg_, no_rows_, whole_sweep(reg_));
      case 2:
        return std::make_unique<ShortCycles>(reg_, 5, 4, rows_);
      default:
        return std::make_unique<MilestonePass>(map_, format_, table_.data(), 1, 2);
    }
  }

 private:
  Register reg_{spec()};
  RowBudget rows_{{true, CyclePolicy::no_limit}};
  RowBudget no_rows_{{false, 0}};
  MilestoneMap map_{reg_, 2};
  SegmentFormat format_{std::uint64_t{1} << 56};  // few bits for lengths: long segments occur
  std::vector<std::uint64_t> table_ = std::vector<std::uint64_t>(map_.count());

  static RegisterSpec spec() {
    RegisterSpec spec;
    spec.length = 9;
    spec.feedback = parse_feedback("0,4,(1,2)", Field(2), 9);
    return spec;
  }
};

/// A folder with one record and one file `job`, written anew for every input.
class Checkpoint {
 public:
  Checkpoint() {
    const fs::path memory = "/dev/shm";
    root_ = (fs::is_directory(memory) ? memory : fs::temp_directory_path()) /
            fmt::format("orbitmill-fuzz.{}", ::getpid());
    fs::create_directory(root_);
    folder_ = std::make_unique<CheckpointFolder>(root_ / "result.h5");
    folder_->set_job({{"engine", "milestone"}, {"length", "9"}});
  }
  ~Checkpoint() {
    std::error_code error;
    fs::remove_all(root_, error);
  }

  const CheckpointFolder& folder() const { return *folder_; }
  void write_job(const std::string& text) const {
    fs::create_directory(folder_->path());
    std::ofstream(folder_->path() / "job", std::ios::binary) << text;
  }
  /// The head of a record of this job, as the program writes it.
  const std::string& head(std::uint64_t indices) {
    std::string& head = heads_[indices];
    if (!head.empty()) return head;
    fs::remove(record_path());
    folder_->save(0, indices, 0, {});
    for (const auto& entry : fs::directory_iterator(folder_->path())) {
      if (entry.path().extension() != ".rec") continue;
      head = fuzz::read_file(entry.path().string());
      fs::remove(entry.path());
    }
    require(head.size() == head_bytes, "a record without sections is a head");
    return head;
  }
  void write_record(const std::string& bytes) const {
    std::ofstream(record_path(), std::ios::binary) << bytes;
  }

 private:
  fs::path record_path() const { return folder_->path() / "00-00000-0000000000000000.rec"; }

  fs::path root_;
  std::unique_ptr<CheckpointFolder> folder_;
  std::map<std::uint64_t, std::string> heads_;
};

/// A record with these sections, as far as their sizes make sense.
std::string repaired(const std::string& head, std::string_view sections) {
  std::string record = head + std::string(sections);
  std::uint64_t count = 0;
  std::size_t at = head_bytes;
  while (record.size() - at >= 3 * word) {
    ++count;
    set_word(record, at + 2 * word, XXH64(record.data() + at, 2 * word, at));
    const std::uint64_t ranges = word_at(record, at), bytes = word_at(record, at + word);
    at += 3 * word;
    const std::size_t left = record.size() - at;
    if (ranges > left / sizeof(Interval) || bytes > left - ranges * sizeof(Interval)) break;
    const std::size_t covered = ranges * sizeof(Interval) + bytes;
    if (left - covered < word) record.append(word - (left - covered), '\0');
    set_word(record, at + covered, XXH64(record.data() + at, covered, 0));
    at += covered + word;
  }
  set_word(record, 5 * word, count);
  set_word(record, 6 * word, record.size());
  set_word(record, 7 * word, XXH64(record.data(), 7 * word, 0));
  return record;
}

void restore(const CheckpointFolder& folder, Phase& phase, std::size_t record_bytes) {
  const std::uint64_t indices = phase.index_count();
  std::size_t seen = 0;
  const auto section = [&](const std::vector<Interval>& ranges,
                           std::span<const std::byte> payload) -> std::string {
    std::uint64_t at = 0;
    for (const Interval& range : ranges) {
      require(range.first >= at && range.first < range.last && range.last <= indices,
              "sorted, disjoint ranges of the phase");
      at = range.last;
    }
    seen += ranges.size() * sizeof(Interval) + payload.size();
    require(seen <= record_bytes, "no more than the record has");
    return phase.restore(ranges, payload) ? "" : "does not fit the phase";
  };
  const RestoreSummary kept = folder.restore(
      0, indices, section, [](const std::string& problem) { fuzz::check_message(problem); });
  require(kept.ranges.empty() == (kept.records == 0), "ranges come from records");
  if (auto* sweep = dynamic_cast<LeaderSweep*>(&phase)) sweep->take_tally();
  if (auto* words = dynamic_cast<ShortCycles*>(&phase)) words->take_tally();
}

void read_job(const CheckpointFolder& folder) {
  try {
    const auto job = folder.read_job();
    if (!job) return;
    CheckpointFolder again(folder.path().parent_path() / "again.h5");
    again.set_job(*job);
    again.save(0, 1, 0, {});
    // Equal keys may have come twice: what is read is written, and read again.
    require(again.read_job() == job, "a job round trip");
    again.remove();
  } catch (const IoError&) {
    fuzz::check_printed_message();
  } catch (const JobError&) {
    fuzz::check_printed_message();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Phases phases;
  static Checkpoint checkpoint;
  fuzz::Bytes bytes(data, size);
  const std::uint8_t kind = bytes.byte() % 8;
  const std::uint8_t choice = bytes.byte();
  const std::string_view rest = bytes.rest();
  if (kind < 2) {
    const std::string body = "orbitmill checkpoint 1\n" + std::string(rest) + "\n";
    checkpoint.write_job(kind == 0 ? std::string(rest)
                                   : fmt::format("{}checksum = {:016x}\n", body,
                                                 XXH64(body.data(), body.size(), 0)));
    read_job(checkpoint.folder());
    return 0;
  }
  const auto phase = phases.make(choice);
  phase->prepare(1);
  const std::string& head = checkpoint.head(phase->index_count());
  const std::string record = kind == 2 ? std::string(rest) : repaired(head, rest);
  checkpoint.write_record(record);
  restore(checkpoint.folder(), *phase, record.size());
  return 0;
}
