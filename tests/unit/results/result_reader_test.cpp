/// The reader on files that are damaged, truncated, foreign or of another version: an IoError with
/// the name of the file, or the truth; never a crash, a hang or an invented number.
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "orbitmill/error.hpp"
#include "orbitmill/results/result_file.hpp"
#include "results/hdf5_values.hpp"
#include "unit/results/parallel_sample.hpp"

namespace orbitmill {
namespace {

namespace fs = std::filesystem;
using test::Random;
using test::Sample;

class ResultReaderTest : public test::ParallelFolder {
 protected:
  void TearDown() override {
    EXPECT_EQ(H5Fget_obj_count(hid_t{H5F_OBJ_ALL}, H5F_OBJ_ALL), 0) << "something was left open";
    test::ParallelFolder::TearDown();
  }

  fs::path path() const { return folder / "a.h5"; }

  std::vector<char> write_sample(const Sample& sample) {
    write_result(comm, path(), true, sample.record, &sample.cycles, &sample.sequences);
    std::vector<char> bytes(fs::file_size(path()));
    std::ifstream(path(), std::ios::binary)
        .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
  }
  void write_bytes(const std::vector<char>& bytes) {
    std::ofstream out(path(), std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  /// The message of the IoError, empty if the file was read.
  std::string complaint(const fs::path& file) {
    try {
      const ResultReader reader(file);
      reader.cycles(0, 10);
      return {};
    } catch (const IoError& error) {
      EXPECT_NE(std::string(error.what()).find(file.string()), std::string::npos) << error.what();
      return error.what();
    }
  }
  /// Changes the file with HDF5.
  template <class Action>
  void edit(Action action) {
    const Hdf5Handle file(H5Fopen(path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "edit");
    action(file.get());
  }
};

Sample pure_cycling_sample(Random& random, const boost::mpi::communicator& comm,
                           std::uint32_t length) {
  RegisterSpec spec;
  spec.length = length;
  spec.feedback.terms.push_back({1, {0}});
  return Sample(random, comm, Register(spec));
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(ResultReaderTest, EveryTruncationIsAnError) {
  Random random(1);
  const Sample sample = pure_cycling_sample(random, comm, 10);
  std::vector<char> bytes = write_sample(sample);
  for (int round = 0; !bytes.empty(); ++round) {
    // The last bytes one by one, then faster.
    bytes.resize(bytes.size() - std::min(bytes.size(), round < 50 ? 1 : bytes.size() / 40 + 1));
    write_bytes(bytes);
    EXPECT_NE(complaint(path()), "") << bytes.size() << " bytes";
  }
  EXPECT_TRUE(bytes.empty());
}

TEST_F(ResultReaderTest, DamageIsFoundOrHarmless) {
  Random random(2);
  Sample sample = pure_cycling_sample(random, comm, 10);
  // Long text fills the file with bytes that no checksum covers and no check looks at.
  sample.record.run.job_text.clear();
  const std::vector<char> whole = write_sample(sample);
  int found = 0;
  for (int round = 0; round < 1500; ++round) {
    std::vector<char> bytes = whole;
    // One bit, or a stretch of nulls or noise as a lost block leaves it.
    const std::uint64_t at = test::pick(random, 0, bytes.size() - 1);
    const std::uint64_t kind = test::pick(random, 0, 3);
    const std::uint64_t end =
        kind < 2 ? at + 1 : std::min<std::uint64_t>(at + test::pick(random, 1, 4096), bytes.size());
    for (std::uint64_t i = at; i < end; ++i) {
      if (kind < 2) bytes[i] = static_cast<char>(bytes[i] ^ (1 << test::pick(random, 0, 7)));
      if (kind == 2) bytes[i] = 0;
      if (kind == 3) bytes[i] = static_cast<char>(random());
    }
    write_bytes(bytes);
    try {
      const ResultReader reader(path());
      EXPECT_EQ(reader.record().certificate, sample.record.certificate) << "byte " << at;
      EXPECT_EQ(reader.record().histogram, sample.record.histogram) << "byte " << at;
      EXPECT_EQ(reader.record().register_spec, sample.record.register_spec) << "byte " << at;
      EXPECT_EQ(reader.cycles(0, 1000), sample.rows) << "byte " << at;
    } catch (const IoError&) {
      ++found;
    }
  }
  // Most of the file is text, checksummed metadata and deflated tables.
  EXPECT_GT(found, 300);
}

TEST_F(ResultReaderTest, ForeignFilesAreNamedForWhatTheyAre) {
  Random random(3);
  const Sample sample = pure_cycling_sample(random, comm, 6);
  EXPECT_TRUE(contains(complaint(folder / "missing.h5"), "no such file"));
  EXPECT_TRUE(contains(complaint(folder), "no ordinary file"));
  write_bytes({});
  EXPECT_TRUE(contains(complaint(path()), "no HDF5 file"));
  write_bytes(std::vector<char>(5000, 'x'));
  EXPECT_TRUE(contains(complaint(path()), "no HDF5 file"));

  write_sample(sample);
  edit([](hid_t file) {
    hdf5_check(H5Adelete(file, "filetype"), "edit");
    write_text(file, "filetype", "statepoint");
  });
  EXPECT_TRUE(contains(complaint(path()), "\"statepoint\"")) << complaint(path());
  EXPECT_TRUE(contains(complaint(path()), "\"orbitmill decomposition\""));
  edit([](hid_t file) { hdf5_check(H5Adelete(file, "filetype"), "edit"); });
  EXPECT_TRUE(contains(complaint(path()), "filetype is \"\""));

  write_sample(sample);
  edit([](hid_t file) {
    hdf5_check(H5Adelete(file, "version"), "edit");
    write_pair(file, "version", 2, 7);
  });
  EXPECT_TRUE(contains(complaint(path()), "version 2.7")) << complaint(path());
  EXPECT_TRUE(contains(complaint(path()), "1.1")) << complaint(path());
  edit([](hid_t file) {
    hdf5_check(H5Adelete(file, "version"), "edit");
    write_pair(file, "version", 1, 9);
  });
  EXPECT_EQ(complaint(path()), "") << "a later minor version only adds";
}

TEST_F(ResultReaderTest, ContradictionsInsideAFileAreDamage) {
  Random random(4);
  const Sample sample = pure_cycling_sample(random, comm, 6);
  const auto refuses = [&](auto change) {
    write_sample(sample);
    edit(change);
    EXPECT_TRUE(contains(complaint(path()), "damaged")) << complaint(path());
  };
  const auto replace = [](const char* group, const char* name, auto write) {
    return [=](hid_t file) {
      const Hdf5Handle place = open_group(file, group);
      if (H5Aexists(place.get(), name) > 0)
        hdf5_check(H5Adelete(place.get(), name), "edit");
      else
        hdf5_check(H5Ldelete(place.get(), name, H5P_DEFAULT), "edit");
      write(place.get());
    };
  };
  using Words = std::vector<std::uint64_t>;
  const auto texts = [](const char* name, const char* text) {
    return [=](hid_t place) { write_text(place, name, text); };
  };
  const auto words = [](const char* name, const Words& values) {
    return [=](hid_t place) { write_column(place, name, values); };
  };
  // The true histogram of the pure cycling register of length 6 is 2 + 2/2 + 6/3 + 54/6.
  ASSERT_EQ(sample.record.histogram, to_exact({{1, 2}, {2, 1}, {3, 2}, {6, 9}}));
  refuses(replace("histogram", "count", words("count", {2, 1, 2, 8})));
  refuses(replace("histogram", "count", words("count", {2, 1, 2})));
  refuses(replace("histogram", "length", words("length", {1, 3, 2, 6})));
  refuses(replace("histogram", "length", words("length", {1, 2, 3, 1ull << 62})));
  refuses(replace("histogram", "count", [](hid_t place) {
    write_column(place, "count", std::vector<std::string>(4, "2"));
  }));
  // Same sums, other histogram: 1 x 2 + 5 x 1 + 3 x 2 + ... is caught by the checksum alone.
  refuses([&](hid_t file) {
    replace("histogram", "length", words("length", {1, 2, 3, 5, 6, 7}))(file);
    replace("histogram", "count", words("count", {2, 1, 2, 1, 7, 1}))(file);
  });
  refuses(replace("certificate", "states", texts("states", "128")));
  refuses(replace("certificate", "states", texts("states", "64x")));
  refuses(replace("certificate", "checksum", texts("checksum", "0123456789abcdef")));
  refuses(replace("certificate", "checksum_of", texts("checksum_of", "nothing")));
  refuses(replace("certificate", "complete", texts("complete", "yes")));
  refuses(replace("certificate", "complete", [](hid_t at) { write_flag(at, "complete", false); }));
  refuses(replace("certificate", "transient_states", texts("transient_states", "1")));
  refuses(replace("certificate", "transient_states", texts("transient_states", "-1")));
  refuses(replace("certificate", "theory", texts("theory", "perhaps")));
  // The true histogram once more, with one number changed: the prediction is compared too.
  refuses([&](hid_t file) {
    const Hdf5Handle place = open_group(file, "certificate");
    hdf5_check(H5Adelete(place.get(), "theory"), "edit");
    write_text(place.get(), "theory", "agrees");
    for (const char* name : {"predicted_length", "predicted_count"})
      if (H5Lexists(place.get(), name, H5P_DEFAULT) > 0)
        hdf5_check(H5Ldelete(place.get(), name, H5P_DEFAULT), "edit");
    write_column(place.get(), "predicted_length", Words{1, 2, 3, 6});
    write_column(place.get(), "predicted_count", Words{2, 1, 2, 8});
  });
  // Text columns win over words, and must be numbers.
  refuses([&](hid_t file) {
    const Hdf5Handle place = open_group(file, "histogram");
    write_column(place.get(), "length_text", std::vector<std::string>{"1", "2", "3", "6x"});
    write_column(place.get(), "count_text", std::vector<std::string>{"2", "1", "2", "9"});
  });
  refuses([&](hid_t file) {
    const Hdf5Handle place = open_group(file, "histogram");
    write_column(place.get(), "length_text",
                 std::vector<std::string>{"1", "2", "3", std::string(1000, '6')});
    write_column(place.get(), "count_text", std::vector<std::string>{"2", "1", "2", "9"});
  });
  refuses(replace("register", "length", [](hid_t place) { write_number(place, "length", 0); }));
  refuses(replace("register", "length", [](hid_t place) { write_number(place, "length", 7); }));
  // Not the chunked layout; then the values.
  refuses(replace("cycles", "leader", words("leader", Words(14, 0))));
  for (const Words& leaders : {Words(14, 1), Words(14, 64)}) {
    refuses([&](hid_t file) {
      const Hdf5Handle dataset = open_dataset(file, "cycles/leader");
      hdf5_check(
          H5Dwrite(dataset.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, leaders.data()),
          "edit");
    });
  }
  refuses([](hid_t file) { hdf5_check(H5Ldelete(file, "run", H5P_DEFAULT), "edit"); });
  write_sample(sample);
  edit(replace("register", "feedback", texts("feedback", "x0 + x9")));
  EXPECT_TRUE(contains(complaint(path()), "a register in it is none")) << complaint(path());
}

TEST_F(ResultReaderTest, FilesOfVersion10AreReadAsBefore) {
  Random random(7);
  const Sample sample = pure_cycling_sample(random, comm, 6);
  write_sample(sample);
  edit([](hid_t file) {
    hdf5_check(H5Adelete(file, "version"), "edit");
    write_pair(file, "version", 1, 0);
    const Hdf5Handle place = open_group(file, "certificate");
    for (const char* name : {"theory", "height", "transient_states"})
      hdf5_check(H5Adelete(place.get(), name), "edit");
  });
  const ResultReader reader(path());
  EXPECT_EQ(reader.record().histogram, sample.record.histogram);
  EXPECT_EQ(reader.record().certificate.theory, Theory::not_compared);
  EXPECT_EQ(reader.record().certificate.transient_states, 0);
}

/// Puts an empty dataset of 2^60 rows in the place of another.
void make_huge(hid_t file, const std::string& group, const char* name, bool chunked) {
  const Hdf5Handle place = open_group(file, group.c_str());
  const Hdf5Handle space = make_dataspace(hsize_t{1} << 60);
  const Hdf5Handle creation = make_property_list(H5P_DATASET_CREATE);
  const hsize_t chunk = 1 << 18;
  hdf5_check(chunked ? H5Pset_chunk(creation.get(), 1, &chunk)
                     : H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_LATE),
             "edit");
  hdf5_check(H5Ldelete(place.get(), name, H5P_DEFAULT), "edit");
  const Hdf5Handle dataset(H5Dcreate2(place.get(), name, H5T_STD_U64LE, space.get(), H5P_DEFAULT,
                                      creation.get(), H5P_DEFAULT),
                           H5Dclose, "edit");
}

/// A header that claims 2^60 rows must not make the reader allocate them.
TEST_F(ResultReaderTest, ClaimsAreNotBelieved) {
  Random random(5);
  const Sample sample = pure_cycling_sample(random, comm, 6);
  for (const bool chunked : {false, true}) {
    for (const auto& [group, name] :
         {std::pair{"histogram", "length"}, {"cycles", "leader"}, {"profile", "rank"}}) {
      write_sample(sample);
      edit([&, group = group, name = name](hid_t file) { make_huge(file, group, name, chunked); });
      EXPECT_TRUE(contains(complaint(path()), "damaged")) << group << ": " << complaint(path());
    }
  }
}

/// Not even when everything else in the file agrees with them.
TEST_F(ResultReaderTest, ConsistentClaimsAreNotBelievedEither) {
  Random random(6);
  Sample sample = pure_cycling_sample(random, comm, 6);
  sample.record.has_cycles = sample.record.has_sequences = false;
  sample.record.register_spec.length = 62;
  Certificate& certificate = sample.record.certificate;
  certificate.theory = Theory::not_compared;
  certificate.predicted.clear();
  const auto claim = [&](const Histogram& histogram) {
    sample.record.histogram = to_exact(histogram);
    certificate.cycles = sums_of(sample.record.histogram).cycles;
    certificate.checksum = histogram_checksum(histogram);
  };
  certificate.states = certificate.states_accounted = power(2, 62);
  claim({{3, 1ull << 60}, {1ull << 60, 1}});
  write_result(comm, path(), true, sample.record, nullptr, nullptr);
  EXPECT_EQ(complaint(path()), "");
  // One cycle less, so that the number of rows is the power of two that make_huge() makes.
  claim({{4, 1ull << 60}});
  write_result(comm, path(), true, sample.record, nullptr, nullptr);
  edit([&](hid_t file) {
    const Hdf5Handle group(H5Gcreate2(file, "cycles", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                           H5Gclose, "edit");
    write_column(group.get(), "leader", std::vector<std::uint64_t>{});
    write_column(group.get(), "length", std::vector<std::uint64_t>{});
    make_huge(file, "cycles", "leader", true);
    make_huge(file, "cycles", "length", true);
  });
  const ResultReader reader(path());
  EXPECT_THROW(reader.cycles(0, ~std::uint64_t{0}), IoError);
}

}  // namespace
}  // namespace orbitmill
