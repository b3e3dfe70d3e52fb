/// The result file: one HDF5 file per decomposition, in and out (layout: jobs/SCHEMA.md).
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/results/record.hpp"

namespace orbitmill {

inline constexpr const char* result_filetype = "orbitmill decomposition";
inline constexpr int result_version_major = 1;
inline constexpr int result_version_minor = 1;

/// What a reader insists on before it hands out a record.
enum class Trust : std::uint8_t {
  /// Histogram, certificate, register and table must not contradict each other.
  consistent,
  /// Types and sizes must allow reading; what the values say is for the caller to judge (verify).
  readable,
};

/// One rank's part of /sequences: the output symbols of its rows of the cycle table, from the
/// leader on, one cycle after the other. The rank's slice of the table says how many per row.
struct SequenceSlice {
  std::vector<std::uint8_t> symbols;
  std::uint64_t first_symbol = 0;   ///< position of symbols[0] in the whole dataset
  std::uint64_t total_symbols = 0;  ///< of the whole dataset, the same on every rank
};

/// One rank's part of /milestones: positions [first, first + count) of the milestone index.
struct PositionSlice {
  unsigned zeros = 0;                        ///< k
  const std::uint64_t* positions = nullptr;  ///< of the part; written from where they lie
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  std::uint64_t total = 0;  ///< of the whole dataset, the same on every rank
};

/// Rows of 8 bytes that lie together in the file. A part that begins at a multiple of it shares
/// none with another rank's, which would cost HDF5 an exchange.
inline constexpr std::uint64_t table_chunk_rows = std::uint64_t{256} << 10;

/// Checks, before any work is done, that `path` can be created later: its folder exists and can be
/// written, `path` is no folder, and no file is there unless `overwrite`. Leaves nothing behind.
/// One rank calls it. Throws CannotCreateError with the fix; IoError if the disk is full already.
void check_output_path(const std::filesystem::path& path, bool overwrite);

/// Writes the result under a temporary name beside `path`, flushes, closes, syncs and renames;
/// until then a previous file stays as it is. On failure the temporary file is removed.
///
/// Collective over `comm`. `record` counts on rank 0 only, the slices on every rank (cycles may be
/// null everywhere: no /cycles; sequences and positions likewise and only together with cycles).
/// Rank 0 writes the small groups, then all ranks write the tables in collective transfers of at
/// most 1 GiB a call and read them back. Throws on every rank if any rank failed:
/// CannotCreateError, IoError; InternalError for a record whose certificate is not complete - such
/// a result is never written. If the ranks lost each other inside HDF5 (a full disk that not all of
/// them were told of), the job is aborted instead, with the message and exit code of the failure.
void write_result(const boost::mpi::communicator& comm, const std::filesystem::path& path,
                  bool overwrite, const DecompositionRecord& record, const CycleSlice* cycles,
                  const SequenceSlice* sequences, const PositionSlice* positions = nullptr);

/// A result file open for reading, serial. Every member throws IoError naming the file when the
/// file is damaged, truncated, not an orbitmill decomposition (both filetypes in the message) or of
/// another major version (both versions in the message).
class ResultReader {
 public:
  explicit ResultReader(const std::filesystem::path& path, Trust trust = Trust::consistent);
  ~ResultReader();
  ResultReader(const ResultReader&) = delete;
  ResultReader& operator=(const ResultReader&) = delete;

  const DecompositionRecord& record() const noexcept { return record_; }
  const std::filesystem::path& path() const noexcept { return path_; }

  /// Rows of /cycles; 0 if there is no table.
  std::uint64_t cycle_rows() const;
  /// Rows [first, first + count) of /cycles, clipped to the table. Empty if there is no table.
  std::vector<CycleRow> cycles(std::uint64_t first, std::uint64_t count) const;

  /// Entries [first, first + count) of /sequences/offset and of /sequences/symbol, clipped. Empty
  /// if there are no sequences.
  std::vector<std::uint64_t> sequence_offsets(std::uint64_t first, std::uint64_t count) const;
  std::vector<std::uint8_t> symbols(std::uint64_t first, std::uint64_t count) const;

  /// The position of one milestone (decompose/milestone_index.hpp). Preconditions: the record has
  /// an index; milestone < its number of milestones. Reads one chunk.
  std::uint64_t milestone_position(std::uint64_t milestone) const;

 private:
  template <class Value>
  std::vector<Value> read_sequences(const char* name, std::uint64_t first,
                                    std::uint64_t count) const;

  std::filesystem::path path_;
  Trust trust_;
  std::int64_t file_ = -1;  ///< hid_t; HDF5's header stays out of ours
  DecompositionRecord record_;
};

}  // namespace orbitmill
