/// One save of one rank: a small file with ranges of finished indices and what was found there.
///
/// Written once, under a temporary name, synced and renamed, and never changed, so a crash can harm
/// nothing that was saved before. A record consists of sections, each the part of one worker, each
/// with checksums of its own (XXH64): where one is damaged the others still count, and what the
/// damaged one covers is done again.
///
///   head     8 words: "orbmill\1", version, job, phase, indices of the phase, sections, bytes of
///            the file, checksum of the 7 words before
///   section  3 words: ranges, bytes of the payload, checksum of the 2 words before with the
///            section's offset in the file as seed; then the ranges (first, last), the payload, and
///            the checksum of ranges and payload
///
/// Words are uint64, little-endian; "job" is the checksum of the job that the work belongs to
/// (checkpoint_folder.hpp), so records of another job are told apart even when file names are mixed
/// up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

/// What a record belongs to.
struct RecordKey {
  std::uint64_t job = 0;
  std::uint64_t phase = 0;    ///< 0 for the first phase of the job that is kept
  std::uint64_t indices = 0;  ///< Phase::index_count(): the indices mean the same

  friend bool operator==(const RecordKey&, const RecordKey&) = default;
};

/// Creates `path`, which must not exist, with `parts`; synced when it returns, the folder included.
/// Needs no MPI. Throws IoError; leaves no half of it. Returns the bytes written.
std::uint64_t write_record(const std::filesystem::path& path, const RecordKey& key,
                           const std::vector<FinishedPart>& parts);

/// Called with the ranges of a section (sorted, disjoint, below key.indices) and its payload.
/// Returns what is wrong with it, empty if nothing.
using SectionReader = std::function<std::string(const std::vector<Interval>& ranges,
                                                std::span<const std::byte> payload)>;

/// Reads a record section by section. `problem` is called with a description of whatever cannot be
/// used: the file as a whole, or a section. No size is believed before it is checked: memory for
/// one section at a time, never more than the file has.
void read_record(const std::filesystem::path& path, const RecordKey& key,
                 const SectionReader& section,
                 const std::function<void(const std::string&)>& problem);

/// Creates a file in one piece: temporary name (temporary_name() of results/), sync, rename, sync
/// of the folder. A file of this name is replaced. Throws IoError.
void write_in_one_piece(const std::filesystem::path& path,
                        const std::vector<std::span<const std::byte>>& pieces);

}  // namespace orbitmill
