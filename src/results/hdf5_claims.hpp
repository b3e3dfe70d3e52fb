/// What a file claims about its datasets, checked before anything is allocated or read.
///
/// A few bytes can claim any number of rows, rows of any width, chunks of any size, data in other
/// files, or filters that make gigabytes of kilobytes. HDF5 believes all of it. So a dataset is
/// read only if it is stored as this program stores them, or as the usual tools (h5repack, h5py)
/// would store them again: in the file itself, contiguous or in chunks, with each of shuffle,
/// deflate and fletcher32 at most once.
///
/// Types are checked because HDF5 1.10 converts any pair of number types and is known to write
/// beyond its buffers for numbers of odd widths (hundreds of bytes, bits outside the number); types
/// that processors have are converted safely.
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <string>

#include "hdf5_handle.hpp"

namespace orbitmill {

/// Bound for the unpacked size of `packed_bytes` of deflated data: zlib's best ratio is 1032 to 1
/// (zlib, "Technical Details", Maximum Compression Factor); the constant leaves room for headers.
inline constexpr std::uint64_t max_deflate_ratio = 1100;

/// An integer of 1, 2, 4 or 8 bytes, or an IEEE float of 4 or 8, in either byte order.
bool is_plain_number(hid_t type);

/// A dataset of one dimension whose claims the file can keep.
struct CheckedColumn {
  std::uint64_t rows = 0;
  std::size_t width = 0;  ///< bytes of a value
  bool chunked = false;
};

/// Opens nothing else and reads no values. `kind`: what the values must be: H5T_INTEGER, H5T_FLOAT
/// (plain numbers) or H5T_STRING (of fixed size). Throws Hdf5Failure that names `path`.
CheckedColumn check_column(hid_t dataset, const std::string& path, H5T_class_t kind,
                           std::uint64_t file_bytes);

/// Before `bytes` of a file's tables are held at once, where what the file claims alone decides how
/// many. Throws Hdf5Failure where this node does not have them.
void check_memory_for(std::uint64_t bytes, const std::string& path);

}  // namespace orbitmill
