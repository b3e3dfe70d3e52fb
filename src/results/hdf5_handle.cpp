#include "hdf5_handle.hpp"

namespace orbitmill {

namespace {

/// HDF5 hooks its own shutdown into exit() and, if MPI runs when the library wakes up, into
/// MPI_Finalize(). The shutdown flushes files that are still open. After a failed collective write
/// such a file must never be flushed: the ranks disagree about its metadata and would wait for each
/// other for ever. So the first hook is declined here, and waking the library before main(), hence
/// before MPI_Init(), avoids the second. Everything that should be closed is closed by Hdf5Handle.
const bool hdf5_is_tamed = [] {
  const bool declined = H5dont_atexit() >= 0;
  const bool awake = H5open() >= 0;
  // Ours have none, and a file from elsewhere must not have us open others: a pipe would be waited
  // for, a device read for ever.
  const bool closed = H5Lunregister(H5L_TYPE_EXTERNAL) >= 0;
  // Errors become exceptions; HDF5 would print its stack on standard error as well.
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  return declined && awake && closed;
}();

}  // namespace

std::string hdf5_innermost_message() {
  std::string message;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned frame, const H5E_error2_t* error, void* out) -> herr_t {
        if (frame == 0 && error->desc != nullptr) *static_cast<std::string*>(out) = error->desc;
        return 0;
      },
      &message);
  return message.empty() ? "HDF5 gives no reason" : message;
}

void select_rows(hid_t dataspace, hsize_t first, hsize_t count) {
  if (count == 0) {
    hdf5_check(H5Sselect_none(dataspace), "selecting no rows");
    return;
  }
  hdf5_check(H5Sselect_hyperslab(dataspace, H5S_SELECT_SET, &first, nullptr, &count, nullptr),
             "selecting rows");
}

Hdf5Handle open_file_for_reading(const std::string& path) {
  const Hdf5Handle access = make_property_list(H5P_FILE_ACCESS);
  hdf5_check(H5Pset_file_locking(access.get(), false, true), "declining file locks");
  // The default chunk cache of 1 MiB holds none of our chunks of 2 MiB, so that reading a table in
  // small pieces would inflate a chunk again for every piece. 521 slots is HDF5's default.
  hdf5_check(H5Pset_cache(access.get(), 0, 521, std::size_t{16} << 20, 1.0), "sizing the cache");
  return {H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose, "opening the file"};
}

}  // namespace orbitmill
