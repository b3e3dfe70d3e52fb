/// Datasets as this program and others store them, and as nobody would who means well.
#include "results/hdf5_claims.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "results/hdf5_values.hpp"

namespace orbitmill {
namespace {

namespace fs = std::filesystem;

constexpr hsize_t huge = hsize_t{1} << 60;

using Layout = std::function<void(hid_t creation)>;

class Claims : public testing::Test {
 protected:
  Claims() {
    path_ = fs::temp_directory_path() /
            ("orbitmill-claims-" + std::to_string(std::random_device()()) + ".h5");
    file_ = Hdf5Handle(H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose,
                       "creating");
  }
  ~Claims() override {
    file_.close("closing");
    fs::remove(path_);
  }

  /// A dataset of these extents; `written`: with nulls in it.
  Hdf5Handle make(hid_t type, const std::vector<hsize_t>& extents, const Layout& layout,
                  bool written) {
    const Hdf5Handle creation = make_property_list(H5P_DATASET_CREATE);
    layout(creation.get());
    const Hdf5Handle space(
        H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose, "");
    Hdf5Handle dataset(H5Dcreate2(file_.get(), std::to_string(number_++).c_str(), type, space.get(),
                                  H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                       H5Dclose, "making a dataset");
    if (!written) return dataset;
    std::size_t bytes = H5Tget_size(type);
    for (const hsize_t extent : extents) bytes *= extent;
    const std::vector<std::byte> nulls(std::max<std::size_t>(bytes, 1));
    hdf5_check(H5Dwrite(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, nulls.data()), "");
    return dataset;
  }

  /// What is wrong, empty if nothing.
  std::string complaint(const Hdf5Handle& dataset, H5T_class_t kind) {
    H5Fflush(file_.get(), H5F_SCOPE_GLOBAL);
    try {
      check_column(dataset.get(), "/x", kind, fs::file_size(path_));
      return {};
    } catch (const Hdf5Failure& failure) {
      return failure.what();
    }
  }
  std::string complaint_of_words(std::vector<hsize_t> extents, const Layout& layout, bool written) {
    return complaint(make(H5T_STD_U64LE, extents, layout, written), H5T_INTEGER);
  }

  fs::path path_;
  Hdf5Handle file_;
  int number_ = 0;
};

void contiguous(hid_t creation) {
  H5Pset_alloc_time(creation, H5D_ALLOC_TIME_LATE);
}
void compact(hid_t creation) {
  H5Pset_layout(creation, H5D_COMPACT);
}
Layout chunks_of(hsize_t rows) {
  return [=](hid_t creation) { H5Pset_chunk(creation, 1, &rows); };
}
Layout packed(hsize_t rows, int times = 1) {
  return [=](hid_t creation) {
    H5Pset_chunk(creation, 1, &rows);
    H5Pset_shuffle(creation);
    for (int i = 0; i < times; ++i) H5Pset_deflate(creation, 9);
    H5Pset_fletcher32(creation);
  };
}

TEST_F(Claims, WhatIsThereIsRead) {
  for (const auto& layout : {Layout(contiguous), Layout(compact), chunks_of(7), packed(100)}) {
    for (const hsize_t rows : {100u, 1000u}) {
      const Hdf5Handle words = make(H5T_STD_U64LE, {rows}, layout, true);
      EXPECT_EQ(complaint(words, H5T_INTEGER), "");
      const CheckedColumn column =
          check_column(words.get(), "/x", H5T_INTEGER, fs::file_size(path_));
      EXPECT_EQ(column.rows, rows);
      EXPECT_EQ(column.width, 8u);
    }
  }
  EXPECT_EQ(complaint_of_words({0}, contiguous, false), "");
  EXPECT_EQ(complaint_of_words({0}, packed(1), false), "");
  // As well deflated as can be: 16 MiB of nulls.
  const Hdf5Handle nulls = make(H5T_STD_U64LE, {1 << 21}, packed(1 << 21), true);
  EXPECT_EQ(complaint(nulls, H5T_INTEGER), "");
  EXPECT_LT(H5Dget_storage_size(nulls.get()), hsize_t{1} << 15);
  EXPECT_EQ(complaint(make(H5T_IEEE_F64LE, {10}, chunks_of(4), true), H5T_FLOAT), "");
  const Hdf5Handle text(H5Tcopy(H5T_C_S1), H5Tclose, "");
  H5Tset_size(text.get(), 12);
  EXPECT_EQ(complaint(make(text.get(), {10}, contiguous, true), H5T_STRING), "");
}

TEST_F(Claims, RowsThatNobodyWroteAreRefused) {
  const std::string refused = "the dataset /x claims more rows than the file can hold";
  EXPECT_EQ(complaint_of_words({huge}, contiguous, false), refused);
  EXPECT_EQ(complaint_of_words({huge}, chunks_of(1 << 18), false), refused);
  EXPECT_EQ(complaint_of_words({1000}, chunks_of(1000), false), refused);
  EXPECT_EQ(complaint_of_words({1'000'000}, chunks_of(1), false), refused);
  // One chunk of many is there.
  const Hdf5Handle partly = make(H5T_STD_U64LE, {1 << 20}, chunks_of(16), false);
  const Hdf5Handle extent = dataspace_of(partly.get());
  select_rows(extent.get(), 0, 1);
  const Hdf5Handle memory = make_dataspace(1);
  const std::uint64_t value = 1;
  H5Dwrite(partly.get(), H5T_NATIVE_UINT64, memory.get(), extent.get(), H5P_DEFAULT, &value);
  EXPECT_EQ(complaint(partly, H5T_INTEGER), refused);
}

TEST_F(Claims, FiltersAndChunksThatCostMemoryAreRefused) {
  const std::string refused = "the dataset /x has an unexpected layout";
  EXPECT_EQ(complaint_of_words({1 << 21}, packed(1 << 21, 2), true), refused);
  EXPECT_EQ(complaint_of_words({1 << 10}, packed(1 << 10, 3), true), refused);
  EXPECT_EQ(complaint_of_words({huge}, packed(hsize_t{1} << 28), false), refused);
  // Decodes to whatever the file says.
  const auto scaled = [](hid_t creation) {
    const hsize_t rows = 100;
    H5Pset_chunk(creation, 1, &rows);
    H5Pset_scaleoffset(creation, H5Z_SO_INT, 0);
  };
  EXPECT_EQ(complaint_of_words({100}, scaled, true), refused);
}

TEST_F(Claims, DataInOtherFilesIsRefused) {
  const std::string refused = "the dataset /x does not lie in the file itself";
  const auto outside = [](hid_t creation) {
    H5Pset_external(creation, "/dev/zero", 0, H5F_UNLIMITED);
  };
  EXPECT_EQ(complaint_of_words({100}, outside, false), refused);
  const auto elsewhere = [](hid_t creation) {
    const Hdf5Handle space = make_dataspace(100);
    H5Pset_virtual(creation, space.get(), "other.h5", "/x", space.get());
  };
  EXPECT_EQ(complaint_of_words({100}, elsewhere, false), refused);
}

TEST_F(Claims, OddTypesAreRefused) {
  const std::string refused = "the dataset /x has an unexpected type";
  const auto check = [&](hid_t type, std::vector<hsize_t> extents, H5T_class_t kind) {
    EXPECT_EQ(complaint(make(type, extents, contiguous, false), kind), refused);
  };
  check(H5T_STD_U64LE, {10, 10}, H5T_INTEGER);
  check(H5T_STD_U64LE, {}, H5T_INTEGER);
  check(H5T_STD_U64LE, {10}, H5T_FLOAT);
  check(H5T_IEEE_F64LE, {10}, H5T_INTEGER);
  check(H5T_C_S1, {10}, H5T_INTEGER);
  const Hdf5Handle words(H5Tcopy(H5T_C_S1), H5Tclose, "");
  H5Tset_size(words.get(), H5T_VARIABLE);
  check(words.get(), {10}, H5T_STRING);
  // Numbers that no processor has.
  const Hdf5Handle wide(H5Tcopy(H5T_STD_U64BE), H5Tclose, "");
  H5Tset_size(wide.get(), 300);
  check(wide.get(), {10}, H5T_INTEGER);
  const Hdf5Handle narrow(H5Tcopy(H5T_STD_U64LE), H5Tclose, "");
  H5Tset_precision(narrow.get(), 13);
  check(narrow.get(), {10}, H5T_INTEGER);
  const Hdf5Handle odd(H5Tcopy(H5T_IEEE_F64LE), H5Tclose, "");
  H5Tset_ebias(odd.get(), 5);
  check(odd.get(), {10}, H5T_FLOAT);
}

/// The same for attributes, which have no layout.
TEST_F(Claims, OddAttributesAreRefused) {
  const auto write = [&](const char* name, hid_t type) {
    const Hdf5Handle scalar(H5Screate(H5S_SCALAR), H5Sclose, "");
    const Hdf5Handle attribute(
        H5Acreate2(file_.get(), name, type, scalar.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose, "");
    const std::vector<std::byte> nulls(H5Tget_size(type));
    hdf5_check(H5Awrite(attribute.get(), type, nulls.data()), "");
  };
  const Hdf5Handle wide(H5Tcopy(H5T_STD_U64BE), H5Tclose, "");
  H5Tset_size(wide.get(), 300);
  write("wide", wide.get());
  write("short", H5T_STD_I16BE);
  const ValueReader in(file_.get(), "", 1 << 20);
  EXPECT_THROW(in.number("wide"), Hdf5Failure);
  EXPECT_EQ(in.number("short"), 0u);
}

TEST(ClaimsOfMemory, MoreThanTheMachineHasIsRefused) {
  check_memory_for(0, "/x");
  check_memory_for(1 << 20, "/x");
  EXPECT_THROW(check_memory_for(std::uint64_t{1} << 50, "/x"), Hdf5Failure);
}

}  // namespace
}  // namespace orbitmill
