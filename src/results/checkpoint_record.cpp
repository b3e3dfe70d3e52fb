#include "orbitmill/results/checkpoint_record.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_STATIC_LINKING_ONLY  // a hash state on the stack
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <optional>

#include "descriptor.hpp"
#include "orbitmill/cluster/memory_limits.hpp"
#include "orbitmill/error.hpp"
#include "output_path.hpp"

namespace orbitmill {

namespace fs = std::filesystem;

namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t version = 1;
constexpr std::uint64_t magic = 0x01'6c'6c'69'6d'62'72'6f;  // "orbmill\1"
constexpr std::size_t head_words = 8;
constexpr std::size_t section_words = 3;
/// Above, whether there is so much memory is asked first: a sparse file has any size.
constexpr std::uint64_t large_section = std::uint64_t{256} << 20;

using Words = std::vector<std::uint64_t>;

std::uint64_t checksum(std::span<const std::uint64_t> words, std::uint64_t seed = 0) {
  return XXH64(words.data(), words.size_bytes(), seed);
}

[[noreturn]] void fail(const fs::path& path, int error) {
  throw IoError(fmt::format("writing \"{}\" failed: {}", path.string(), std::strerror(error)));
}

/// That a name survives a power cut cannot be had on every file system, so failure is none.
void sync_folder(const fs::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() >= 0) ::fsync(fd.get());
}

std::uint64_t payload_bytes(const FinishedPart& part) {
  std::uint64_t bytes = part.bytes.size();
  for (const auto& view : part.views) bytes += view.size();
  return bytes;
}

/// A file open for reading, with its size.
class Source {
 public:
  explicit Source(const fs::path& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    struct stat status {};
    if (fd_.get() < 0 || ::fstat(fd_.get(), &status) != 0) {
      error_ = std::strerror(errno);
    } else if (!S_ISREG(status.st_mode)) {
      error_ = "it is no ordinary file";
    } else {
      size_ = static_cast<std::uint64_t>(status.st_size);
    }
  }

  /// Why it cannot be read; empty while it can.
  const std::string& error() const noexcept { return error_; }
  std::uint64_t size() const noexcept { return size_; }
  std::uint64_t offset() const noexcept { return offset_; }
  std::uint64_t left() const noexcept { return size_ - offset_; }

  /// False at the end of the file or where reading fails.
  bool read(std::span<std::byte> to) {
    if (to.size() > left()) return false;
    while (!to.empty()) {
      const ssize_t got = ::read(fd_.get(), to.data(), to.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        error_ = got < 0 ? std::strerror(errno) : "it ends early";
        return false;
      }
      to = to.subspan(static_cast<std::size_t>(got));
      offset_ += static_cast<std::uint64_t>(got);
    }
    return true;
  }

 private:
  Descriptor fd_;
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  std::string error_;
};

std::string check_head(const std::array<std::uint64_t, head_words>& head, const RecordKey& key) {
  if (head[0] != magic) return "it is no record of a checkpoint";
  if (head[7] != checksum(std::span(head).first(head_words - 1))) return "its head is damaged";
  if (head[1] != version) {
    return fmt::format("it is of version {}, and this program reads {}", head[1], version);
  }
  if (head[2] != key.job) return "it belongs to another job";
  if (head[3] != key.phase || head[4] != key.indices) return "it belongs to another phase";
  return {};
}

bool are_ranges(const std::vector<Interval>& ranges, std::uint64_t indices) {
  std::uint64_t at = 0;
  for (const Interval& range : ranges) {
    if (range.first < at || range.empty() || range.last > indices) return false;
    at = range.last;
  }
  return !ranges.empty();
}

/// Reads the section at the source's place. Empty: all is well; nothing: the rest of the file
/// cannot be found.
std::optional<std::string> read_section(Source& source, std::uint64_t indices,
                                        const SectionReader& reader) {
  std::array<std::uint64_t, section_words> head{};
  const std::uint64_t offset = source.offset();
  if (!source.read(std::as_writable_bytes(std::span(head)))) return std::nullopt;
  if (head[2] != checksum(std::span(head).first(2), offset)) return std::nullopt;
  const auto [range_count, bytes, head_sum] = head;
  std::uint64_t sum = 0;
  if (source.left() < sizeof(sum) ||
      range_count > (source.left() - sizeof(sum)) / sizeof(Interval) ||
      bytes > source.left() - sizeof(sum) - range_count * sizeof(Interval)) {
    return std::nullopt;
  }
  const std::uint64_t needed = range_count * sizeof(Interval) + bytes;
  if (needed > large_section && needed > available_node_memory()) return std::nullopt;
  std::vector<Interval> ranges(range_count);
  std::vector<std::byte> payload(bytes);
  if (!source.read(std::as_writable_bytes(std::span(ranges))) || !source.read(payload) ||
      !source.read(std::as_writable_bytes(std::span(&sum, 1)))) {
    return std::nullopt;
  }
  XXH64_state_t state;
  XXH64_reset(&state, 0);
  XXH64_update(&state, ranges.data(), ranges.size() * sizeof(Interval));
  XXH64_update(&state, payload.data(), payload.size());
  if (sum != XXH64_digest(&state)) return "is damaged";
  if (!are_ranges(ranges, indices)) return "names no ranges of this phase";
  return reader(ranges, payload);
}

}  // namespace

void write_in_one_piece(const fs::path& path,
                        const std::vector<std::span<const std::byte>>& pieces) {
  const fs::path temporary = temporary_name(path);
  Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (fd.get() < 0) fail(path, errno);
  int error = 0;
  for (const auto& piece : pieces) {
    if (error == 0) error = write_all(fd.get(), piece);
  }
  // EINVAL: the file system has no notion of syncing.
  if (error == 0 && ::fsync(fd.get()) != 0 && errno != EINVAL) error = errno;
  if (fd.close() != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail(path, error);
  }
  sync_folder(path.parent_path());
}

std::uint64_t write_record(const fs::path& path, const RecordKey& key,
                           const std::vector<FinishedPart>& parts) {
  std::uint64_t size = head_words * sizeof(std::uint64_t);
  Words words;  // of all sections: 3 of their head and 1 checksum each
  words.reserve(parts.size() * (section_words + 1));
  for (const FinishedPart& part : parts) {
    const std::uint64_t bytes = payload_bytes(part);
    const std::array<std::uint64_t, 2> sizes = {part.ranges.size(), bytes};
    XXH64_state_t state;
    XXH64_reset(&state, 0);
    XXH64_update(&state, part.ranges.data(), part.ranges.size() * sizeof(Interval));
    XXH64_update(&state, part.bytes.data(), part.bytes.size());
    for (const auto& view : part.views) XXH64_update(&state, view.data(), view.size());
    words.insert(words.end(), {sizes[0], sizes[1], checksum(sizes, size), XXH64_digest(&state)});
    size += (section_words + 1) * sizeof(std::uint64_t) + sizes[0] * sizeof(Interval) + bytes;
  }
  std::array<std::uint64_t, head_words> head = {magic,       version,      key.job, key.phase,
                                                key.indices, parts.size(), size,    0};
  head[7] = checksum(std::span(head).first(head_words - 1));

  std::vector<std::span<const std::byte>> pieces = {std::as_bytes(std::span(head))};
  const std::uint64_t* own = words.data();
  for (const FinishedPart& part : parts) {
    pieces.push_back(std::as_bytes(std::span(own, section_words)));
    pieces.push_back(std::as_bytes(std::span(part.ranges)));
    pieces.emplace_back(part.bytes);
    pieces.insert(pieces.end(), part.views.begin(), part.views.end());
    pieces.push_back(std::as_bytes(std::span(own + section_words, 1)));
    own += section_words + 1;
  }
  write_in_one_piece(path, pieces);
  return size;
}

void read_record(const fs::path& path, const RecordKey& key, const SectionReader& section,
                 const std::function<void(const std::string&)>& problem) {
  const std::string name = path.filename().string();
  Source source(path);
  std::array<std::uint64_t, head_words> head{};
  if (!source.error().empty()) {
    return problem(fmt::format("record \"{}\" cannot be read: {}", name, source.error()));
  }
  if (!source.read(std::as_writable_bytes(std::span(head)))) {
    return problem(fmt::format("record \"{}\" is left out: it is too short", name));
  }
  if (const std::string fault = check_head(head, key); !fault.empty()) {
    return problem(fmt::format("record \"{}\" is left out: {}", name, fault));
  }
  for (std::uint64_t number = 0; number < head[5]; ++number) {
    const auto fault = read_section(source, key.indices, section);
    if (!fault) {
      return problem(
          fmt::format("record \"{}\" is damaged from byte {} on ({} of {} sections read)", name,
                      source.offset(), number, head[5]));
    }
    if (!fault->empty()) {
      problem(fmt::format("section {} of record \"{}\" {}", number + 1, name, *fault));
    }
  }
}

}  // namespace orbitmill
