#include "orbitmill/results/checkpoint_folder.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <system_error>
#include <utility>

#include "orbitmill/error.hpp"
#include "output_path.hpp"

namespace orbitmill {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view title = "orbitmill checkpoint ";
constexpr std::string_view version = "1";
constexpr const char* job_name = "job";
constexpr const char* record_ending = ".rec";
/// The file `job` holds a feedback of some thousand terms at most.
constexpr std::uintmax_t max_job_bytes = 16 << 20;

std::uint64_t checksum(std::string_view text) {
  return XXH64(text.data(), text.size(), 0);
}

std::string print(const CheckpointJob& job) {
  std::string text = fmt::format("{}{}\n", title, version);
  for (const auto& [name, value] : job) text += fmt::format("{} = {}\n", name, value);
  return text;
}

bool is_leftover(const fs::path& path) {
  return path.filename().string().find(".partial-") != std::string::npos;
}

bool is_ours(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == job_name || name.ends_with(record_ending) || is_leftover(path);
}

/// The ranges taken so far, by their first index.
class TakenRanges {
 public:
  bool overlaps(const std::vector<Interval>& ranges) const {
    return std::ranges::any_of(ranges, [&](const Interval& range) {
      const auto behind = taken_.lower_bound(range.last);  // first one that begins at or behind
      return behind != taken_.begin() && std::prev(behind)->second > range.first;
    });
  }
  void add(const std::vector<Interval>& ranges) {
    for (const Interval& range : ranges) taken_.emplace(range.first, range.last);
  }
  std::vector<Interval> joined() const {
    std::vector<Interval> all;
    for (const auto& [first, last] : taken_) {
      if (!all.empty() && all.back().last == first) {
        all.back().last = last;
      } else {
        all.push_back({first, last});
      }
    }
    return all;
  }

 private:
  std::map<std::uint64_t, std::uint64_t> taken_;
};

}  // namespace

CheckpointFolder::CheckpointFolder(const fs::path& result) : path_(result) {
  path_ += ".checkpoint";
}

std::optional<CheckpointJob> CheckpointFolder::read_job() const {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path_, error))) return std::nullopt;
  const auto unusable = [&](const std::string& why) -> IoError {
    return IoError(
        fmt::format("the checkpoint \"{}\" cannot be used: {}; discard it with --restart",
                    path_.string(), why));
  };
  if (!fs::is_directory(path_, error)) throw unusable("it is not a folder");
  const fs::path file = path_ / job_name;
  // A pipe would be waited for.
  if (fs::exists(file, error) && !fs::is_regular_file(file, error)) {
    throw unusable(fmt::format("its file \"{}\" is no ordinary file", job_name));
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    // A save that did not get that far: there is no record either.
    if (errno == ENOENT && size().first == 0) return std::nullopt;
    throw unusable(fmt::format("its file \"{}\" cannot be read: {}", job_name,
                               std::generic_category().message(errno)));
  }
  if (fs::file_size(file, error) > max_job_bytes) {
    throw unusable(fmt::format("its file \"{}\" is too large", job_name));
  }
  std::ostringstream content;
  content << stream.rdbuf();
  const std::string text = content.str();
  const std::size_t sum_line = text.rfind("\nchecksum = ");
  if (!text.starts_with(title) || sum_line == std::string::npos) {
    throw unusable(fmt::format("its file \"{}\" is damaged, or something else", job_name));
  }
  const std::string body = text.substr(0, sum_line + 1);
  if (text.substr(sum_line + 1) != fmt::format("checksum = {:016x}\n", checksum(body))) {
    throw unusable(fmt::format("its file \"{}\" is damaged", job_name));
  }
  std::istringstream lines(body);
  std::string line;
  std::getline(lines, line);
  if (line.substr(title.size()) != version) {
    throw JobError(fmt::format(
        "the checkpoint \"{}\" has format {}, and this program reads format {}; go on with the "
        "program that wrote it, or discard it with --restart",
        path_.string(), line.substr(title.size()), version));
  }
  CheckpointJob job;
  while (std::getline(lines, line)) {
    const std::size_t at = line.find(" = ");
    if (at == std::string::npos) throw unusable("its file \"job\" is damaged");
    job[line.substr(0, at)] = line.substr(at + 3);
  }
  return job;
}

void CheckpointFolder::set_job(const CheckpointJob& job) {
  const std::string body = print(job);
  job_ = checksum(body);
  head_ = fmt::format("{}checksum = {:016x}\n", body, job_);
}

std::pair<std::uint64_t, std::uint64_t> CheckpointFolder::size() const {
  std::pair<std::uint64_t, std::uint64_t> sum{0, 0};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    if (entry.path().extension() != record_ending) continue;
    ++sum.first;
    const std::uintmax_t bytes = entry.file_size(error);
    sum.second += error ? 0 : bytes;
  }
  return sum;
}

std::uint64_t CheckpointFolder::save(std::uint64_t phase, std::uint64_t indices, int rank,
                                     const std::vector<FinishedPart>& parts) const {
  std::error_code error;
  fs::create_directory(path_, error);
  if (error) {
    throw IoError(
        fmt::format("creating the folder \"{}\" failed: {}", path_.string(), error.message()));
  }
  // Every rank may be the first; all write the same.
  if (!fs::exists(path_ / job_name, error)) {
    write_in_one_piece(path_ / job_name, {std::as_bytes(std::span(head_))});
  }
  // Names need not be in order, only new: an earlier run's records lie there too.
  std::random_device random;
  const std::uint64_t number = std::uint64_t{random()} << 32 | random();
  return write_record(
      path_ / fmt::format("{:02}-{:05}-{:016x}{}", phase, rank, number, record_ending),
      {job_, phase, indices}, parts);
}

std::vector<fs::path> CheckpointFolder::records(std::uint64_t phase) const {
  std::vector<fs::path> found;
  const std::string prefix = fmt::format("{:02}-", phase);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(record_ending)) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

RestoreSummary CheckpointFolder::restore(
    std::uint64_t phase, std::uint64_t indices, const SectionReader& section,
    const std::function<void(const std::string&)>& report) const {
  RestoreSummary summary;
  TakenRanges taken;
  for (const fs::path& path : records(phase)) {
    bool used = false;
    const auto take = [&](const std::vector<Interval>& ranges,
                          std::span<const std::byte> payload) -> std::string {
      if (taken.overlaps(ranges)) return "repeats what another record has";
      std::string fault = section(ranges, payload);
      if (!fault.empty()) return fault;
      taken.add(ranges);
      used = true;
      return {};
    };
    read_record(path, {job_, phase, indices}, take, report);
    if (used) ++summary.records;
  }
  summary.ranges = taken.joined();
  return summary;
}

std::string CheckpointFolder::leave_mark() const {
  const fs::path mark = temporary_name(path_);
  return std::ofstream(mark) ? mark.string() : std::string();
}

void CheckpointFolder::remove_mark(const std::string& mark) {
  std::error_code error;
  if (!mark.empty()) fs::remove(mark, error);
}

void CheckpointFolder::remove_leftovers() const {
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    if (is_leftover(entry.path())) found.push_back(entry.path());
  }
  for (const fs::path& path : found) fs::remove(path, error);
}

bool CheckpointFolder::remove() const {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path_, error))) return true;
  std::vector<fs::path> ours;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    if (is_ours(entry.path())) ours.push_back(entry.path());
  }
  // `job` last: without it the rest would be no checkpoint, and in the way.
  std::partition(ours.begin(), ours.end(),
                 [](const fs::path& path) { return path.filename() != job_name; });
  for (const fs::path& path : ours) fs::remove(path, error);
  return fs::remove(path_, error) && !error;
}

}  // namespace orbitmill
