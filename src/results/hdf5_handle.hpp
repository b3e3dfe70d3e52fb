/// HDF5's C interface made safe for the rest of the room: identifiers that close themselves, errors
/// as exceptions, and HDF5 kept from acting on its own at the end of the program.
#pragma once

#include <hdf5.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace orbitmill {

/// An HDF5 call that failed; what() is "<what we did>: <HDF5's innermost message>". Callers that
/// know the file turn it into IoError.
struct Hdf5Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Message of the deepest frame of HDF5's error stack: the cause, such as "truncated file", where
/// the outer frames only say that opening failed.
std::string hdf5_innermost_message();

/// Passes a result through; throws Hdf5Failure if it is negative, HDF5's sign for a failure.
template <class Result>
Result hdf5_check(Result result, const std::string& doing) {
  if (result < 0) throw Hdf5Failure(doing + ": " + hdf5_innermost_message());
  return result;
}

/// Owns one HDF5 identifier.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Hdf5Handle() = default;
  /// Takes over `id`. Throws Hdf5Failure with `doing` if it is negative, that is, if the call that
  /// made it failed.
  Hdf5Handle(hid_t id, Close closer, const std::string& doing)
      : id_(hdf5_check(id, doing)), close_(closer) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(other.release()), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }

  hid_t get() const noexcept { return id_; }
  /// Gives the identifier up without closing it.
  hid_t release() noexcept { return std::exchange(id_, -1); }
  /// Closes now, so that a failure can be told; the destructor has to swallow it.
  void close(const std::string& doing) {
    if (id_ >= 0) hdf5_check(close_(release()), doing);
  }

 private:
  hid_t id_ = -1;
  Close close_ = nullptr;
};

inline Hdf5Handle make_property_list(hid_t kind) {
  return {H5Pcreate(kind), H5Pclose, "making a property list"};
}
inline Hdf5Handle open_group(hid_t place, const char* name) {
  return {H5Gopen2(place, name, H5P_DEFAULT), H5Gclose, std::string("opening /") + name};
}
inline Hdf5Handle open_dataset(hid_t place, const std::string& name) {
  return {H5Dopen2(place, name.c_str(), H5P_DEFAULT), H5Dclose, "opening /" + name};
}
inline Hdf5Handle dataspace_of(hid_t dataset) {
  return {H5Dget_space(dataset), H5Sclose, "reading an extent"};
}

/// Dataspace of one dimension.
inline Hdf5Handle make_dataspace(hsize_t extent) {
  return {H5Screate_simple(1, &extent, nullptr), H5Sclose, "making a dataspace"};
}
/// Selects [first, first + count) of a dataspace of one dimension; count may be 0.
void select_rows(hid_t dataspace, hsize_t first, hsize_t count);

/// Opens a file for reading with the serial driver. Takes no lock: results are renamed into place
/// complete and never change, and many cluster file systems refuse locks.
Hdf5Handle open_file_for_reading(const std::string& path);

}  // namespace orbitmill
