/// Looking states up in files whose index was made by brute force: every state of random registers.
#include "orbitmill/results/cycle_lookup.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/error.hpp"
#include "results/hdf5_values.hpp"
#include "unit/results/parallel_sample.hpp"

namespace orbitmill {
namespace {

using test::Random;
using test::Sample;

class CycleLookupTest : public test::ParallelFolder {
 protected:
  std::filesystem::path path() const { return folder / "a.h5"; }

  /// Row and phase of every state; writes the file with the positions that follow from them.
  void write(Sample& sample, unsigned zeros) {
    const Register& reg = sample.reg;
    row_.assign(reg.state_count(), 0);
    phase_.assign(reg.state_count(), 0);
    std::vector<std::uint64_t> position(reg.state_count());
    std::uint64_t next = 0;
    for (std::size_t row = 0; row < sample.rows.size(); ++row) {
      State state = sample.rows[row].leader;
      for (std::uint64_t step = 0; step < sample.rows[row].length; ++step) {
        row_[state] = row;
        phase_[state] = step;
        position[state] = next++;
        state = reg.next(state);
      }
    }
    const MilestoneMap map(reg, zeros);
    positions_.clear();
    for (std::uint64_t i = 0; i < map.count(); ++i) positions_.push_back(position[map.state_of(i)]);
    sample.record.index_zeros = zeros;
    const PositionSlice slice{zeros, positions_.data(), 0, map.count(), map.count()};
    write_result(comm, path(), true, sample.record, &sample.cycles, &sample.sequences, &slice);
  }

  template <class Action>
  void edit(Action action) {
    const Hdf5Handle file(H5Fopen(path().c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, "edit");
    action(file.get());
  }
  std::string complaint() {
    try {
      const ResultReader reader(path());
      CycleLookup(reader).locate(1);
      return {};
    } catch (const IoError& error) {
      return error.what();
    }
  }

  std::vector<std::uint64_t> row_, phase_, positions_;
};

Register random_long_register(Random& random) {
  for (;;) {
    Register reg = test::random_register(random);
    if (reg.length() >= 2) return reg;
  }
}

TEST_F(CycleLookupTest, EveryStateIsWhereItIs) {
  Random random(20260418);
  std::uint64_t without_milestone = 0;
  for (int round = 0; round < 30; ++round) {
    Sample sample(random, comm, random_long_register(random));
    const auto zeros = static_cast<unsigned>(test::pick(random, 1, sample.reg.length() - 1));
    write(sample, zeros);
    const ResultReader reader(path());
    EXPECT_EQ(reader.record().index_zeros, zeros);
    const CycleLookup lookup(reader);
    StatePlace before = lookup.locate(0);
    for (State state = 0; state < sample.reg.state_count(); ++state) {
      const StatePlace place = lookup.locate(state);
      ASSERT_EQ(place.state, state);
      ASSERT_EQ(place.row, row_[state]) << state;
      ASSERT_EQ(place.phase, phase_[state]) << state;
      ASSERT_EQ(place.leader, sample.rows[place.row].leader);
      ASSERT_EQ(place.length, sample.rows[place.row].length);
      without_milestone += place.walked == place.length ? 1U : 0U;
      const auto steps = distance(before, place);
      ASSERT_EQ(steps.has_value(), row_[before.state] == row_[state]);
      if (steps) {
        ASSERT_LT(*steps, place.length);
        State walk = before.state;
        for (std::uint64_t i = 0; i < *steps; ++i) walk = sample.reg.next(walk);
        ASSERT_EQ(walk, state);
      }
      if (test::pick(random, 0, 9) == 0) before = place;
    }
  }
  EXPECT_GT(without_milestone, 100u);
}

TEST_F(CycleLookupTest, AFileWithoutIndexSaysWhatToDo) {
  Random random(1);
  const Sample sample(random, comm, random_long_register(random));
  write_result(comm, path(), true, sample.record, &sample.cycles, &sample.sequences);
  const ResultReader reader(path());
  try {
    const CycleLookup lookup(reader);
    ADD_FAILURE() << "looked up without an index";
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("--index"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("a.h5"), std::string::npos) << error.what();
  }
}

TEST_F(CycleLookupTest, DamageIsAnErrorNotAnAnswer) {
  Random random(2);
  // One cycle of 63 states, one of 1: x^6 + x + 1 is primitive.
  Sample sample(random, comm, Register({2, "", 6, {{{1, {0}}, {1, {1}}}}}));
  const auto zeros = [](std::uint64_t value) {
    return [value](hid_t file) {
      const Hdf5Handle group = open_group(file, "milestones");
      hdf5_check(H5Adelete(group.get(), "zeros"), "edit");
      write_number(group.get(), "zeros", value);
    };
  };
  const auto values = [&](std::uint64_t value) {
    return [value](hid_t file) {
      const Hdf5Handle dataset = open_dataset(file, "milestones/position");
      const std::vector<std::uint64_t> all(8, value);
      hdf5_check(
          H5Dwrite(dataset.get(), H5T_NATIVE_UINT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()),
          "edit");
    };
  };
  const auto refuses = [&](auto change) {
    write(sample, 2);
    EXPECT_EQ(complaint(), "");
    edit(change);
    EXPECT_NE(complaint().find("damaged"), std::string::npos) << complaint();
  };
  refuses(zeros(0));
  refuses(zeros(3));
  refuses(zeros(6));
  refuses(zeros(~std::uint64_t{0}));
  refuses(values(64));
  EXPECT_NE(complaint().find("position is out of range"), std::string::npos) << complaint();
  refuses([](hid_t file) {
    hdf5_check(H5Adelete_by_name(file, "milestones", "zeros", H5P_DEFAULT), "edit");
  });
  refuses(
      [](hid_t file) { hdf5_check(H5Ldelete(file, "milestones/position", H5P_DEFAULT), "edit"); });
  refuses([](hid_t file) { hdf5_check(H5Ldelete(file, "cycles", H5P_DEFAULT), "edit"); });
  refuses([](hid_t file) {
    hdf5_check(H5Ldelete(file, "milestones/position", H5P_DEFAULT), "edit");
    const Hdf5Handle group = open_group(file, "milestones");
    write_column(group.get(), "position", std::vector<std::string>(8, "1"));
  });
}

}  // namespace
}  // namespace orbitmill
