/// The small part of a result file: all groups and attributes, and the big tables still empty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

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

}  // namespace orbitmill
