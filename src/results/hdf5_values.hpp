/// Attributes and small datasets by name, written and read with checks.
///
/// On file: texts are scalar UTF-8 strings of fixed size, padded with nulls (an empty text has size
/// 1); numbers are little-endian uint64, reals little-endian double, flags uint8 0 or 1. Every HDF5
/// reader knows these types.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hdf5_handle.hpp"

namespace orbitmill {

void write_text(hid_t place, const char* name, std::string_view text);
void write_number(hid_t place, const char* name, std::uint64_t value);
void write_real(hid_t place, const char* name, double value);
void write_flag(hid_t place, const char* name, bool value);
/// A pair of integers, such as the version.
void write_pair(hid_t place, const char* name, int first, int second);

/// Whole datasets of one dimension, contiguous.
void write_column(hid_t place, const char* name, const std::vector<std::uint64_t>& values);
void write_column(hid_t place, const char* name, const std::vector<double>& values);
void write_column(hid_t place, const char* name, const std::vector<std::string>& values);

/// Reads from a file that may be damaged. Types are checked (hdf5_claims.hpp), and nothing is
/// allocated that the file is too small to hold: `file_bytes` is the bound for every value that
/// lies in it unpacked. Throws Hdf5Failure.
class ValueReader {
 public:
  ValueReader(hid_t place, std::string place_name, std::uint64_t file_bytes)
      : place_(place), place_name_(std::move(place_name)), file_bytes_(file_bytes) {}

  bool has(const char* name) const;         ///< an attribute
  bool has_column(const char* name) const;  ///< a dataset
  std::string text(const char* name) const;
  std::uint64_t number(const char* name) const;
  double real(const char* name) const;
  bool flag(const char* name) const;
  std::vector<int> pair(const char* name) const;

  std::vector<std::uint64_t> numbers(const char* name) const;
  std::vector<double> reals(const char* name) const;
  std::vector<std::string> texts(const char* name) const;

 private:
  struct Attribute;
  Attribute open_attribute(const char* name, H5T_class_t expected, hssize_t values) const;
  Hdf5Handle open_column(const char* name, H5T_class_t expected, std::size_t& rows,
                         std::size_t& value_bytes) const;
  std::string path(const char* name) const { return place_name_ + "/" + name; }

  hid_t place_;
  std::string place_name_;
  std::uint64_t file_bytes_;
};

}  // namespace orbitmill
