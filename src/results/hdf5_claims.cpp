#include "hdf5_claims.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "orbitmill/cluster/memory_limits.hpp"

namespace orbitmill {

namespace {

/// HDF5 allocates whole chunks. Ours have at most 256 Ki rows of 8 bytes.
constexpr std::uint64_t max_chunk_bytes = std::uint64_t{128} << 20;
/// Whatever index a file has, it spends an address on each chunk.
constexpr std::uint64_t index_bytes_per_chunk = 8;

/// Twice deflated, a kilobyte holds a gigabyte.
bool are_harmless_filters(hid_t creation) {
  const int filters = H5Pget_nfilters(creation);
  std::array<bool, 3> met{};
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0, values = 0;
    std::size_t count = 0;
    const H5Z_filter_t filter = H5Pget_filter2(creation, static_cast<unsigned>(i), &flags, &count,
                                               nullptr, 0, nullptr, &values);
    const std::array known = {H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32};
    const auto place = std::ranges::find(known, filter);
    if (place == known.end()) return false;
    if (std::exchange(met[static_cast<std::size_t>(place - known.begin())], true)) return false;
  }
  return filters >= 0;
}

}  // namespace

bool is_plain_number(hid_t type) {
  const std::array plain = {H5T_STD_U64LE, H5T_STD_U8LE,   H5T_IEEE_F64LE, H5T_STD_I32LE,
                            H5T_STD_I64LE, H5T_STD_U32LE,  H5T_STD_I8LE,   H5T_STD_I16LE,
                            H5T_STD_U16LE, H5T_IEEE_F32LE, H5T_STD_U64BE,  H5T_STD_I64BE,
                            H5T_STD_U32BE, H5T_STD_I32BE,  H5T_STD_U16BE,  H5T_STD_I16BE,
                            H5T_STD_U8BE,  H5T_STD_I8BE,   H5T_IEEE_F64BE, H5T_IEEE_F32BE};
  return std::ranges::any_of(plain, [&](hid_t known) { return H5Tequal(type, known) > 0; });
}

CheckedColumn check_column(hid_t dataset, const std::string& path, H5T_class_t kind,
                           std::uint64_t file_bytes) {
  const auto refuse = [&](const char* what) {
    throw Hdf5Failure(fmt::format("the dataset {} {}", path, what));
  };
  // First the layout: asked for its extent, a virtual dataset opens other files.
  const Hdf5Handle creation(H5Dget_create_plist(dataset), H5Pclose, "reading a layout");
  const H5D_layout_t layout = H5Pget_layout(creation.get());
  if ((layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED) ||
      H5Pget_external_count(creation.get()) != 0)
    refuse("does not lie in the file itself");

  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose, "reading a type");
  const Hdf5Handle space = dataspace_of(dataset);
  const hssize_t rows = H5Sget_simple_extent_npoints(space.get());
  CheckedColumn column;
  column.width = H5Tget_size(type.get());
  column.chunked = layout == H5D_CHUNKED;
  const bool known_type =
      kind == H5T_STRING ? H5Tis_variable_str(type.get()) == 0 : is_plain_number(type.get());
  if (H5Tget_class(type.get()) != kind || !known_type || column.width == 0 || rows < 0 ||
      H5Sget_simple_extent_ndims(space.get()) != 1)
    refuse("has an unexpected type");
  column.rows = static_cast<std::uint64_t>(rows);

  if (!column.chunked) {
    if (column.rows > file_bytes / column.width) refuse("claims more rows than the file can hold");
    return column;
  }
  hsize_t chunk = 0;
  if (H5Pget_chunk(creation.get(), 1, &chunk) != 1 || chunk == 0 ||
      chunk > max_chunk_bytes / column.width || !are_harmless_filters(creation.get()))
    refuse("has an unexpected layout");
  // Every row that we write lies in a chunk that is there; rows that nobody wrote are claims.
  const std::uint64_t stored = std::min<std::uint64_t>(H5Dget_storage_size(dataset), file_bytes);
  if (column.rows / max_deflate_ratio > stored / column.width || (column.rows > 0 && stored == 0) ||
      (column.rows + chunk - 1) / chunk > file_bytes / index_bytes_per_chunk)
    refuse("claims more rows than the file can hold");
  return column;
}

void check_memory_for(std::uint64_t bytes, const std::string& path) {
  // Asking costs more than reading a small table.
  constexpr std::uint64_t never_asked = std::uint64_t{64} << 20;
  if (bytes <= never_asked || bytes <= available_node_memory()) return;
  throw Hdf5Failure(fmt::format(
      "{} bytes of {} belong together, more than this machine has memory for", bytes, path));
}

}  // namespace orbitmill
