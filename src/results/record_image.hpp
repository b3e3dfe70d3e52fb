/// The small part of a result file: all groups and attributes, and the big tables still empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "hdf5_handle.hpp"
#include "orbitmill/results/record.hpp"

namespace orbitmill {

/// Extents of the big tables; the datasets are made where the record says that there are some.
struct TableExtents {
  std::uint64_t rows = 0;        ///< of /cycles
  std::uint64_t symbols = 0;     ///< of /sequences/symbol
  std::uint64_t milestones = 0;  ///< of /milestones/position
};

/// Bytes of a complete HDF5 file with the record. It is built in memory and handed back as bytes
/// because HDF5 does not survive a failed write well (see hdf5_handle.cpp), and write() does.
/// Throws Hdf5Failure, JobError for a register that is none.
std::vector<std::byte> make_record_image(const DecompositionRecord& record,
                                         const TableExtents& extents);

// The pieces, for other kinds of files.

/// Runs `fill` on an empty file in memory and hands back its bytes.
std::vector<std::byte> make_image(const std::function<void(hid_t)>& fill);
Hdf5Handle make_group(hid_t file, const char* name);
/// An empty table: chunked, shuffled (for words), deflated at level 1; level 6 takes twice the time
/// for a tenth of the size.
void make_table(hid_t group, const char* name, hid_t type, std::uint64_t rows);
/// In /run: by which build, on how many ranks and threads, and what it was asked.
void write_provenance(hid_t group, const RunInfo& run);
/// /profile.
void write_profile(hid_t file, const std::vector<RankProfile>& profile);

}  // namespace orbitmill
