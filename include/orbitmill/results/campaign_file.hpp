/// The campaign file: one HDF5 file per campaign, in and out (layout: jobs/SCHEMA.md).
///
/// The same rules as for results of single registers (result_file.hpp): temporary name and rename,
/// collective writing, equal bytes for equal jobs outside /run and /profile.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "orbitmill/decompose/campaign.hpp"
#include "orbitmill/results/record.hpp"

namespace orbitmill {

inline constexpr const char* campaign_filetype = "orbitmill campaign";
inline constexpr int campaign_version_major = 1;
inline constexpr int campaign_version_minor = 0;

/// One entry of the list as it was written: where, and which register of RegisterList it is.
struct ListEntry {
  std::uint64_t source = 0;                  ///< which [[registers]], from 1
  std::uint64_t line = 0;                    ///< of its file, or which string of its list, from 1
  std::uint64_t entry = RegisterList::none;  ///< none: unreadable
};

/// An entry that is no register.
struct UnreadableEntry {
  std::uint64_t source = 0;
  std::uint64_t line = 0;
  std::string text;
  std::string reason;
};

struct FamilyRecord {
  std::string form;
  std::uint32_t length = 0;
  std::string ranges;  ///< as job files say it, "a = [1, 9]", empty: all whole
  FamilyCount count;

  bool is_same_question(const FamilyRecord& other) const {
    return form == other.form && length == other.length && ranges == other.ranges;
  }
};

struct FieldRecord {
  std::uint32_t order = 2;
  std::string modulus;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& order& modulus;
  }
};

/// A campaign without its tables.
struct CampaignRecord {
  std::string title;
  CampaignTask task = CampaignTask::decompose;
  std::string filter;
  std::vector<FieldRecord> fields;  ///< by order
  std::vector<FamilyRecord> families;
  std::vector<UnreadableEntry> unreadable;
  bool has_list = false;
  std::uint64_t rows = 0;
  std::uint64_t failed = 0;  ///< rows that are failures, and unreadable entries
  std::uint64_t maximum = 0;
  std::uint64_t de_bruijn = 0;
  RunInfo run;  ///< of it: provenance, schedule, phases
  std::vector<std::string> decisions;
  std::vector<FilterCount> filters;
  std::vector<RankProfile> profile;
};

/// What the table of the list needs beside the rows. Root's alone; elsewhere empty.
struct CampaignListTable {
  std::vector<ListEntry> entries;
  const RegisterList* list = nullptr;
  const std::vector<ListOutcome>* outcomes = nullptr;
  std::vector<std::uint64_t> rows;  ///< row of each register of the list
};

/// Row of the table of each register of `list`, on root: RegisterList::none where there is none.
/// Collective.
std::vector<std::uint64_t> rows_of_list(const boost::mpi::communicator& comm,
                                        const CampaignSlice& slice, const RegisterList& list);

/// Writes the file; as write_result(). Collective; `record` and `list` count on root.
void write_campaign(const boost::mpi::communicator& comm, const std::filesystem::path& path,
                    bool overwrite, const CampaignRecord& record, const CampaignListTable& list,
                    const CampaignSlice& slice);

/// "orbitmill decomposition" or "orbitmill campaign" or whatever it says; empty where the file is
/// none that says anything. Throws nothing.
std::string filetype_of(const std::filesystem::path& path);

/// A campaign file open for reading, serial, by one thread. Every member throws IoError, as
/// ResultReader.
class CampaignReader {
 public:
  explicit CampaignReader(const std::filesystem::path& path);
  ~CampaignReader();
  CampaignReader(const CampaignReader&) = delete;
  CampaignReader& operator=(const CampaignReader&) = delete;

  const CampaignRecord& record() const noexcept { return record_; }

  /// Rows [first, first + count) of the table, clipped.
  CampaignRows rows(std::uint64_t first, std::uint64_t count) const;

  /// One entry of /list.
  struct ListRow {
    std::uint64_t source = 0, line = 0;
    ListOutcome outcome = ListOutcome::open;
    std::uint64_t row = RegisterList::none;
    std::string canonical;  ///< register_key(); empty: unreadable
  };
  std::uint64_t list_size() const noexcept { return list_size_; }
  std::vector<ListRow> list(std::uint64_t first, std::uint64_t count) const;

 private:
  const Field& field(std::uint64_t order) const;

  std::filesystem::path path_;
  std::uint64_t file_bytes_ = 0;
  std::int64_t file_ = -1;  ///< hid_t
  /// Those of /fields that a row was over: tables of each of thousands would be gigabytes.
  mutable std::map<std::uint64_t, Field> fields_;
  std::uint64_t list_size_ = 0;
  CampaignRecord record_;
};

/// What `orbitmill show` prints of a campaign. A row has what lfsr-seq prints in its period-only
/// mode: the periods with their counts, and the order of the characteristic polynomial of a linear
/// register; a failed one has its reason. Rows in the order of the list, then the others.
void print_campaign_text(std::ostream& out, const CampaignReader& reader, std::uint64_t max_rows);
void print_campaign_json(std::ostream& out, const CampaignReader& reader);
void print_campaign_csv(std::ostream& out, const CampaignReader& reader);

}  // namespace orbitmill
