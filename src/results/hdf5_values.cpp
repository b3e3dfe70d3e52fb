#include "hdf5_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "hdf5_claims.hpp"

namespace orbitmill {

namespace {

Hdf5Handle make_text_type(std::size_t bytes) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "making a text type");
  // HDF5 knows no string of size 0; a single null is the empty text.
  hdf5_check(H5Tset_size(type.get(), std::max<std::size_t>(bytes, 1)), "sizing a text type");
  hdf5_check(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), "padding a text type");
  hdf5_check(H5Tset_cset(type.get(), H5T_CSET_UTF8), "encoding a text type");
  return type;
}

void write_attribute(hid_t place, const char* name, hid_t file_type, hid_t memory_type,
                     const Hdf5Handle& space, const void* value) {
  const std::string doing = fmt::format("writing the attribute {}", name);
  const Hdf5Handle attribute(
      H5Acreate2(place, name, file_type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose, doing);
  hdf5_check(H5Awrite(attribute.get(), memory_type, value), doing);
}

Hdf5Handle scalar() {
  return {H5Screate(H5S_SCALAR), H5Sclose, "making a scalar"};
}

void write_dataset(hid_t place, const char* name, hid_t file_type, hid_t memory_type, hsize_t rows,
                   const void* values) {
  const std::string doing = fmt::format("writing the dataset {}", name);
  const Hdf5Handle space = make_dataspace(rows);
  const Hdf5Handle creation = make_property_list(H5P_DATASET_CREATE);
  // The file says nothing about the time of writing outside /run: equal jobs, equal bytes.
  hdf5_check(H5Pset_obj_track_times(creation.get(), false), doing);
  const Hdf5Handle dataset(
      H5Dcreate2(place, name, file_type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
      H5Dclose, doing);
  // HDF5 wants a buffer even for no rows at all.
  if (rows == 0) return;
  hdf5_check(H5Dwrite(dataset.get(), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), doing);
}

/// Text of a fixed-size string value as read, without its padding.
std::string unpad(const char* bytes, std::size_t size, H5T_str_t padding) {
  std::string text(bytes, std::find(bytes, bytes + size, '\0'));
  if (padding == H5T_STR_SPACEPAD) text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

void write_text(hid_t place, const char* name, std::string_view text) {
  std::string padded(text);
  if (padded.empty()) padded.push_back('\0');
  const Hdf5Handle type = make_text_type(padded.size());
  write_attribute(place, name, type.get(), type.get(), scalar(), padded.data());
}

void write_number(hid_t place, const char* name, std::uint64_t value) {
  write_attribute(place, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, scalar(), &value);
}

void write_real(hid_t place, const char* name, double value) {
  write_attribute(place, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, scalar(), &value);
}

void write_flag(hid_t place, const char* name, bool value) {
  const std::uint8_t byte = value ? 1 : 0;
  write_attribute(place, name, H5T_STD_U8LE, H5T_NATIVE_UINT8, scalar(), &byte);
}

void write_pair(hid_t place, const char* name, int first, int second) {
  const int values[] = {first, second};
  write_attribute(place, name, H5T_STD_I32LE, H5T_NATIVE_INT, make_dataspace(2), values);
}

void write_column(hid_t place, const char* name, const std::vector<std::uint64_t>& values) {
  write_dataset(place, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, values.size(), values.data());
}

void write_column(hid_t place, const char* name, const std::vector<double>& values) {
  write_dataset(place, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, values.size(), values.data());
}

void write_column(hid_t place, const char* name, const std::vector<std::string>& values) {
  std::size_t width = 1;
  for (const std::string& value : values) width = std::max(width, value.size());
  std::vector<char> padded(width * values.size(), '\0');
  for (std::size_t row = 0; row < values.size(); ++row)
    std::copy(values[row].begin(), values[row].end(),
              padded.begin() + static_cast<std::ptrdiff_t>(row * width));
  const Hdf5Handle type = make_text_type(width);
  write_dataset(place, name, type.get(), type.get(), values.size(), padded.data());
}

struct ValueReader::Attribute {
  Hdf5Handle id;
  Hdf5Handle type;
  std::size_t bytes = 0;
  std::string name;

  void read(hid_t memory_type, void* out) const {
    hdf5_check(H5Aread(id.get(), memory_type, out), "reading " + name);
  }
};

bool ValueReader::has(const char* name) const {
  return H5Aexists(place_, name) > 0;
}

bool ValueReader::has_column(const char* name) const {
  return H5Lexists(place_, name, H5P_DEFAULT) > 0;
}

ValueReader::Attribute ValueReader::open_attribute(const char* name, H5T_class_t expected,
                                                   hssize_t values) const {
  Attribute attribute;
  attribute.name = path(name);
  attribute.id =
      Hdf5Handle(H5Aopen(place_, name, H5P_DEFAULT), H5Aclose, "reading " + attribute.name);
  attribute.type = Hdf5Handle(H5Aget_type(attribute.id.get()), H5Tclose, attribute.name);
  const Hdf5Handle space(H5Aget_space(attribute.id.get()), H5Sclose, attribute.name);
  attribute.bytes = H5Tget_size(attribute.type.get());
  if (H5Tget_class(attribute.type.get()) != expected ||
      (expected != H5T_STRING && !is_plain_number(attribute.type.get())) ||
      H5Sget_simple_extent_npoints(space.get()) != values || attribute.bytes == 0 ||
      attribute.bytes > file_bytes_)
    throw Hdf5Failure(fmt::format("the attribute {} has an unexpected type", attribute.name));
  return attribute;
}

std::string ValueReader::text(const char* name) const {
  const Attribute attribute = open_attribute(name, H5T_STRING, 1);
  if (H5Tis_variable_str(attribute.type.get()) > 0) {
    // Never ours, but what other programs write: a foreign filetype should appear in the message.
    char* value = nullptr;
    attribute.read(attribute.type.get(), &value);
    std::string text(value == nullptr ? "" : value);
    H5free_memory(value);
    return text;
  }
  std::vector<char> bytes(attribute.bytes);
  attribute.read(attribute.type.get(), bytes.data());
  return unpad(bytes.data(), bytes.size(), H5Tget_strpad(attribute.type.get()));
}

std::uint64_t ValueReader::number(const char* name) const {
  std::uint64_t value = 0;
  open_attribute(name, H5T_INTEGER, 1).read(H5T_NATIVE_UINT64, &value);
  return value;
}

double ValueReader::real(const char* name) const {
  double value = 0;
  open_attribute(name, H5T_FLOAT, 1).read(H5T_NATIVE_DOUBLE, &value);
  return value;
}

bool ValueReader::flag(const char* name) const {
  return number(name) != 0;
}

std::vector<int> ValueReader::pair(const char* name) const {
  std::vector<int> values(2);
  open_attribute(name, H5T_INTEGER, 2).read(H5T_NATIVE_INT, values.data());
  return values;
}

Hdf5Handle ValueReader::open_column(const char* name, H5T_class_t expected, std::size_t& rows,
                                    std::size_t& value_bytes) const {
  Hdf5Handle dataset(H5Dopen2(place_, name, H5P_DEFAULT), H5Dclose, "opening " + path(name));
  const CheckedColumn column = check_column(dataset.get(), path(name), expected, file_bytes_);
  rows = column.rows;
  value_bytes = column.width;
  if (rows > file_bytes_ / value_bytes)
    throw Hdf5Failure(fmt::format("the dataset {} claims more than the file holds", path(name)));
  return dataset;
}

std::vector<std::uint64_t> ValueReader::numbers(const char* name) const {
  std::size_t rows = 0, bytes = 0;
  const Hdf5Handle dataset = open_column(name, H5T_INTEGER, rows, bytes);
  std::vector<std::uint64_t> values(rows);
  if (rows == 0) return values;
  hdf5_check(
      H5Dread(dataset.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
      "reading " + path(name));
  return values;
}

std::vector<double> ValueReader::reals(const char* name) const {
  std::size_t rows = 0, bytes = 0;
  const Hdf5Handle dataset = open_column(name, H5T_FLOAT, rows, bytes);
  std::vector<double> values(rows);
  if (rows == 0) return values;
  hdf5_check(
      H5Dread(dataset.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()),
      "reading " + path(name));
  return values;
}

std::vector<std::string> ValueReader::texts(const char* name) const {
  std::size_t rows = 0, width = 0;
  const Hdf5Handle dataset = open_column(name, H5T_STRING, rows, width);
  if (rows == 0) return {};
  const Hdf5Handle type(H5Dget_type(dataset.get()), H5Tclose, "reading " + path(name));
  std::vector<char> bytes(rows * width);
  hdf5_check(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
             "reading " + path(name));
  std::vector<std::string> values;
  values.reserve(rows);
  for (std::size_t row = 0; row < rows; ++row)
    values.push_back(unpad(bytes.data() + row * width, width, H5Tget_strpad(type.get())));
  return values;
}

}  // namespace orbitmill
