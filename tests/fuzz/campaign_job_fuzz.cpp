/// The job file of a campaign. Input: the job file; behind a null byte, the file that its lists of
/// rows are read from.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "fuzz/fuzz_target.hpp"
#include "orbitmill/app/campaign_job.hpp"
#include "orbitmill/register/symmetry.hpp"

namespace {

using namespace orbitmill;
namespace fs = std::filesystem;

/// A folder with the one file that rows are read from, whatever the job calls it.
const fs::path& scratch_folder() {
  struct Scratch {
    Scratch() {
      const fs::path memory = "/dev/shm";
      path = (fs::is_directory(memory) ? memory : fs::temp_directory_path()) /
             fmt::format("orbitmill-fuzz.{}", ::getpid());
      fs::create_directory(path);
    }
    ~Scratch() {
      std::error_code error;
      fs::remove_all(path, error);
    }
    fs::path path;
  };
  static const Scratch scratch;
  return scratch.path;
}

/// Cheap enough to be resolved a million times. Tables of a large field take milliseconds.
bool is_small(const CampaignOptionsAsWritten& options) {
  std::int64_t lengths = 0;
  for (const SourceOptions& source : options.sources) {
    const std::int64_t order = source.field.value_or(2);
    if (order > 1024 && order <= 65536) return false;
    if (source.form) ++lengths;
  }
  return lengths <= 50;
}

void check(const CampaignJob& job) {
  fuzz::require(std::ranges::is_sorted(job.fields, {}, &FieldRecord::order), "fields are sorted");
  for (const ListEntry& entry : job.entries) {
    fuzz::require(entry.entry == RegisterList::none || entry.entry < job.list.size(),
                  "an entry is of the list");
  }
  for (const UnreadableEntry& entry : job.unreadable) {
    fuzz::check_message(entry.reason, 5000);
  }
  for (const FamilyJob& family : job.families) {
    const FormFamily made(Form(family.form), family.length, family.stage_ranges());
    // The same form by its own text, and registers that are of the family.
    fuzz::require(Form(family.form).text() == family.form, "a form round trip", family.form);
    const std::uint64_t some = std::min<std::uint64_t>(made.combinations(), 3);
    for (std::uint64_t index = 0; index < some; ++index) {
      const auto feedback = made.unrank(index);
      fuzz::require(!feedback || made.contains(*feedback), "a register of the family", family.form);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::string text(all.substr(0, all.find('\0')));
  const std::string_view rows = text.size() == size ? "" : all.substr(text.size() + 1);
  try {
    CampaignOptionsAsWritten options = parse_campaign(text, "job.toml");
    if (!is_small(options)) return 0;
    bool reads_rows = false;
    for (SourceOptions& source : options.sources) {
      if (!source.rows) continue;
      source.rows = "rows.csv";
      reads_rows = true;
    }
    if (reads_rows) std::ofstream(scratch_folder() / "rows.csv", std::ios::binary) << rows;
    check(resolve_campaign(options, reads_rows ? scratch_folder() : fs::path()));
  } catch (const JobError&) {
    fuzz::check_printed_message();
  } catch (const UsageError&) {
    fuzz::check_printed_message();
  }
  return 0;
}
