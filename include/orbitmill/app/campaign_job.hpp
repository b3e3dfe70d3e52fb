/// The job of `orbitmill campaign`: read, checked, complete (jobs/campaign-example.toml).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "orbitmill/app/checkpoint_settings.hpp"
#include "orbitmill/app/options.hpp"
#include "orbitmill/decompose/campaign.hpp"
#include "orbitmill/results/campaign_file.hpp"

namespace orbitmill {

/// One [[registers]] as it was written.
struct SourceOptions {
  std::string place;  ///< "job.toml:7:1", for messages
  std::optional<std::int64_t> field;
  std::optional<std::string> modulus;
  std::optional<std::pair<std::int64_t, std::int64_t>> lengths;
  std::optional<std::string> form;
  std::vector<StageRange> ranges;
  std::optional<std::string> rows;  ///< file, relative to the job file's folder
  bool has_list = false;
  std::vector<std::string> list;
};

struct CampaignOptionsAsWritten {
  std::optional<std::string> task;
  std::vector<SourceOptions> sources;
  RegisterFilter filter;
  RunOptions run;
};

/// A family as it travels; the ranges were checked.
struct FamilyJob {
  std::string form;
  std::uint32_t length = 0;
  std::vector<std::uint32_t> ranges;  ///< letter, first, last; again and again
  std::string ranges_text;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& form& length& ranges& ranges_text;
  }
  std::vector<StageRange> stage_ranges() const;
};

/// Plain values; root makes it, every rank gets it as a Boost.Serialization message.
struct CampaignJob {
  std::string title;
  CampaignTask task = CampaignTask::decompose;
  RegisterFilter filter;
  std::vector<FieldRecord> fields;  ///< by order, with the modulus in use
  std::vector<FamilyJob> families;
  RegisterList list;
  bool has_list = false;
  std::string schedule = "auto";
  std::string steal_transport = "auto";
  std::uint32_t threads = 0;
  std::uint64_t batch_size = 0;
  CheckpointSettings checkpoints;
  bool oversubscribe = false;
  bool overwrite = false;
  bool quiet = false;
  bool verbose = false;
  std::string output;
  bool goes_on = false;  ///< a campaign file is there, and its rows are taken over

  // Root's alone.
  std::string job_text;
  std::vector<ListEntry> entries;
  std::vector<UnreadableEntry> unreadable;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& title& task& filter& fields& families& list& has_list& schedule& steal_transport&
        threads& batch_size& checkpoints& oversubscribe& overwrite& quiet& verbose& output& goes_on;
  }
};

/// Reads a campaign's job file; the text goes to `text`. Throws JobError with line and column.
CampaignOptionsAsWritten read_campaign_file(const std::filesystem::path& path, std::string& text);
CampaignOptionsAsWritten parse_campaign(const std::string& text, const std::string& name);

/// Checks the options, reads the lists, and fills in the defaults. An entry that is no register is
/// noted as unreadable; all else that is wrong throws JobError or UsageError. `folder`: of the job
/// file. Root alone: it takes the time of reading the lists.
CampaignJob resolve_campaign(const CampaignOptionsAsWritten& options,
                             const std::filesystem::path& folder);

/// Adds the entries of one source to the lists of `job`; `field` is the field of the source.
void read_list_source(const SourceOptions& source, std::uint64_t number, const Field& field,
                      const std::filesystem::path& folder, CampaignJob& job);

}  // namespace orbitmill
