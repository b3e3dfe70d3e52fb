/// Records: what was written comes back; whatever happens to the file, nothing wrong does.
#include "orbitmill/results/checkpoint_record.hpp"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <sstream>

#include "orbitmill/error.hpp"
#include "orbitmill/results/checkpoint_folder.hpp"

namespace orbitmill {
namespace {

namespace fs = std::filesystem;

/// Sections as they came back, by their first index.
struct Section {
  std::vector<Interval> ranges;
  std::vector<std::byte> payload;

  friend bool operator==(const Section&, const Section&) = default;
};
using Sections = std::map<std::uint64_t, Section>;

class Records : public testing::Test {
 protected:
  Records() {
    folder_ =
        fs::temp_directory_path() / ("orbitmill-records-" + std::to_string(std::random_device()()));
    fs::create_directory(folder_);
  }
  ~Records() override { fs::remove_all(folder_); }

  /// Disjoint parts over [0, indices), with gaps; some payloads in views.
  std::vector<FinishedPart> random_parts(std::uint64_t indices) {
    std::vector<FinishedPart> parts(1 + random_() % 4);
    for (std::uint64_t at = random_() % 5; at < indices;) {
      const std::uint64_t last = std::min(indices, at + 1 + random_() % 9);
      parts[random_() % parts.size()].ranges.push_back({at, last});
      at = last + random_() % 5;
    }
    std::erase_if(parts, [](const FinishedPart& part) { return part.ranges.empty(); });
    for (FinishedPart& part : parts) {
      part.bytes.resize(random_() % 50);
      for (std::byte& byte : part.bytes) byte = static_cast<std::byte>(random_());
      for (std::uint64_t views = random_() % 3; views > 0; --views) {
        auto& memory = memory_.emplace_back(random_() % 70);
        for (std::byte& byte : memory) byte = static_cast<std::byte>(random_());
        part.views.emplace_back(memory);
      }
    }
    return parts;
  }

  static Sections expected(const std::vector<FinishedPart>& parts) {
    Sections sections;
    for (const FinishedPart& part : parts) {
      Section& section = sections[part.ranges.front().first];
      section = {part.ranges, part.bytes};
      for (const auto& view : part.views) {
        section.payload.insert(section.payload.end(), view.begin(), view.end());
      }
    }
    return sections;
  }

  Sections read(const fs::path& path, const RecordKey& key) {
    problems_.clear();
    Sections sections;
    read_record(
        path, key,
        [&](const std::vector<Interval>& ranges, std::span<const std::byte> payload) {
          sections[ranges.front().first] = {ranges, {payload.begin(), payload.end()}};
          return std::string();
        },
        [&](const std::string& problem) { problems_.push_back(problem); });
    return sections;
  }

  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static void overwrite(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  fs::path folder_;
  std::mt19937_64 random_{11};
  std::deque<std::vector<std::byte>> memory_;
  std::vector<std::string> problems_;
};

constexpr RecordKey key{0x1234'5678'9abc'def0, 3, 100};
constexpr std::size_t head_bytes = 64;

TEST_F(Records, ComeBack) {
  for (int round = 0; round < 40; ++round) {
    const auto parts = random_parts(100);
    const fs::path path = folder_ / std::to_string(round);
    const std::uint64_t bytes = write_record(path, key, parts);
    EXPECT_EQ(bytes, fs::file_size(path));
    EXPECT_EQ(read(path, key), expected(parts));
    EXPECT_TRUE(problems_.empty());
  }
  // Nothing but the records: no temporary file is left.
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 40);
}

TEST_F(Records, OfOtherWorkAreLeftOut) {
  const fs::path path = folder_ / "r";
  write_record(path, key, random_parts(100));
  for (const RecordKey& other :
       {RecordKey{key.job + 1, 3, 100}, RecordKey{key.job, 2, 100}, RecordKey{key.job, 3, 101}}) {
    EXPECT_TRUE(read(path, other).empty());
    EXPECT_EQ(problems_.size(), 1u);
  }
}

/// Any change anywhere: a section that still comes back is what was written, and if one is missing
/// somebody is told.
TEST_F(Records, DamageIsNoticed) {
  const fs::path path = folder_ / "r";
  int partly = 0;
  Sections whole;
  std::string undamaged;
  for (int round = 0; round < 600; ++round) {
    if (round % 30 == 0) {
      fs::remove(path);
      const auto parts = random_parts(100);
      write_record(path, key, parts);
      whole = expected(parts);
      undamaged = content(path);
    }
    std::string text = undamaged;
    const std::size_t at = round < 64 ? static_cast<std::size_t>(round) : random_() % text.size();
    const auto damage = random_() % 3;
    if (damage == 0) {
      text[at] = static_cast<char>(text[at] ^ static_cast<char>(1U << random_() % 8));
    } else if (damage == 1) {
      text.resize(at);
    } else {
      // A word that lies: as a size it would ask for everything there is.
      text.replace(at / 8 * 8, 8,
                   std::string(8, static_cast<char>(random_() % 2 == 0 ? -1 : 0x7f)));
      if (text == undamaged) continue;
    }
    overwrite(path, text);
    const Sections left = read(path, key);
    for (const auto& [first, section] : left) {
      ASSERT_TRUE(whole.contains(first));
      EXPECT_EQ(section, whole.at(first)) << "round " << round << ", byte " << at;
    }
    EXPECT_LT(left.size(), whole.size());
    EXPECT_FALSE(problems_.empty());
    partly += left.empty() ? 0 : 1;
  }
  EXPECT_GT(partly, 100);  // the rest of a damaged record counts
}

/// Sizes that lie, with checksums that are right: as somebody would write them on purpose. The file
/// is as large as its record says and takes no room on the disk.
TEST_F(Records, SizesAreNotBelieved) {
  const fs::path path = folder_ / "r";
  write_record(path, key, {{{{20, 30}}, {}, {}}, {{{40, 50}}, {}, {}}});
  const std::string whole = content(path);
  constexpr std::uint64_t huge[] = {1ull << 60, 1ull << 41, ~0ull, (1ull << 60) - 1, 3};
  for (const std::uint64_t ranges : huge) {
    for (const std::uint64_t bytes : huge) {
      if (ranges == 3 && bytes == 3) continue;
      for (const std::uint64_t apparent : {0ull, 1ull << 42}) {
        std::string text = whole;
        const std::uint64_t sizes[] = {ranges, bytes};
        const std::uint64_t sum = XXH64(sizes, sizeof(sizes), head_bytes);
        std::memcpy(text.data() + head_bytes, sizes, sizeof(sizes));
        std::memcpy(text.data() + head_bytes + sizeof(sizes), &sum, sizeof(sum));
        overwrite(path, text);
        if (apparent > 0) fs::resize_file(path, apparent);
        EXPECT_TRUE(read(path, key).empty());
        EXPECT_EQ(problems_.size(), 1u);
      }
    }
  }
}

TEST_F(Records, ForeignFilesAreLeftOut) {
  const fs::path path = folder_ / "r";
  for (const std::string& text :
       {std::string(), std::string("no record"), std::string(4096, '\0'), std::string(4096, 'x'),
        std::string("\x89HDF\r\n\x1a\n") + std::string(99, 'h')}) {
    overwrite(path, text);
    EXPECT_TRUE(read(path, key).empty());
    EXPECT_EQ(problems_.size(), 1u);
  }
  EXPECT_TRUE(read(folder_ / "missing", key).empty());
  EXPECT_EQ(problems_.size(), 1u);
  EXPECT_TRUE(read(folder_, key).empty());
  EXPECT_EQ(problems_.size(), 1u);
}

/// Ranges that pass the checksum and make no sense: a program error must not become a wrong result.
TEST_F(Records, RangesOutsideThePhaseAreLeftOut) {
  const fs::path path = folder_ / "r";
  for (const std::vector<Interval>& ranges :
       {std::vector<Interval>{{90, 101}}, std::vector<Interval>{{5, 5}},
        std::vector<Interval>{{7, 3}}, std::vector<Interval>{{5, 9}, {8, 12}},
        std::vector<Interval>{{50, 60}, {1, 2}}}) {
    fs::remove(path);
    write_record(path, key, {{ranges, {}, {}}, {{{20, 30}}, {}, {}}});
    const Sections left = read(path, key);
    EXPECT_EQ(left.size(), 1u);
    EXPECT_TRUE(left.contains(20));
    EXPECT_EQ(problems_.size(), 1u);
  }
}

TEST_F(Records, FailToBeWrittenWithoutALeftover) {
  EXPECT_THROW(write_record(folder_ / "missing" / "r", key, {}), IoError);
  fs::create_directory(folder_ / "r");
  EXPECT_THROW(write_record(folder_ / "r", key, {}), IoError);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

/// Saves in any order and of several ranks add up; what a second record repeats is left out.
TEST_F(Records, AddUpInTheFolder) {
  CheckpointFolder folder(folder_ / "result.h5");
  EXPECT_EQ(folder.read_job(), std::nullopt);
  const CheckpointJob job = {{"feedback", "x0 + x1"}, {"length", "7"}};
  folder.set_job(job);
  EXPECT_FALSE(fs::exists(folder.path()));  // not before the first save
  std::vector<int> model(100, 0);
  for (int save = 0; save < 40; ++save) {
    const std::uint64_t first = random_() % 99;
    const std::uint64_t last = first + 1 + random_() % std::min<std::uint64_t>(99 - first + 1, 6);
    const FinishedPart part{{{first, std::min<std::uint64_t>(last, 100)}}, {}, {}};
    folder.save(3, 100, save % 3, {part});
    folder.save(4, 100, save % 3, {{{{0, 100}}, {}, {}}});
  }
  EXPECT_EQ(CheckpointFolder(folder_ / "result.h5").read_job(), job);
  std::vector<std::string> problems;
  const RestoreSummary summary = folder.restore(
      3, 100,
      [&](const std::vector<Interval>& ranges, std::span<const std::byte>) {
        for (const Interval& range : ranges) {
          for (std::uint64_t i = range.first; i < range.last; ++i) ++model[i];
        }
        return std::string();
      },
      [&](const std::string& problem) { problems.push_back(problem); });
  EXPECT_EQ(std::ranges::count_if(model, [](int times) { return times > 1; }), 0);
  std::vector<int> told(100, 0);
  std::uint64_t at = 0;
  for (const Interval& range : summary.ranges) {
    EXPECT_TRUE(at == 0 || range.first > at) << "neighbours are joined";
    at = range.last;
    for (std::uint64_t i = range.first; i < range.last; ++i) ++told[i];
  }
  EXPECT_EQ(told, model);
  EXPECT_EQ(summary.records + problems.size(), 40u);
  EXPECT_GT(problems.size(), 0u);

  EXPECT_TRUE(folder.remove());
  EXPECT_FALSE(fs::exists(folder.path()));
  EXPECT_TRUE(folder.remove());
}

TEST_F(Records, TheJobFileIsChecked) {
  CheckpointFolder folder(folder_ / "result.h5");
  folder.set_job({{"feedback", "x0 + x1"}});
  folder.save(0, 10, 0, {{{{0, 1}}, {}, {}}});
  const fs::path job = folder.path() / "job";
  const std::string whole = content(job);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string text = whole;
    text[at] = static_cast<char>(text[at] ^ 4);
    overwrite(job, text);
    EXPECT_THROW(folder.read_job(), IoError) << at;
    overwrite(job, whole.substr(0, at));
    EXPECT_THROW(folder.read_job(), IoError) << at;
  }
  fs::remove(job);
  EXPECT_THROW(folder.read_job(), IoError);
  overwrite(job, whole);
  EXPECT_TRUE(folder.read_job());
  // What is not ours stays.
  overwrite(folder.path() / "notes.txt", "mine");
  EXPECT_FALSE(folder.remove());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

}  // namespace
}  // namespace orbitmill
