#include <gtest/gtest.h>

#include <boost/mpi/collectives/all_reduce.hpp>
#include <boost/mpi/operations.hpp>
#include <filesystem>
#include <fstream>
#include <tuple>

#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/error.hpp"
#include "results/hdf5_handle.hpp"
#include "results/table_writer.hpp"
#include "unit/results/parallel_sample.hpp"

namespace orbitmill {
namespace {

namespace fs = std::filesystem;
using test::Random;

class ResultWriter : public test::ParallelFolder {
 protected:
  void TearDown() override {
    EXPECT_EQ(H5Fget_obj_count(hid_t{H5F_OBJ_ALL}, H5F_OBJ_ALL), 0) << "something was left open";
    test::ParallelFolder::TearDown();
  }
};
using test::Sample;

template <class Value>
std::vector<Value> read_dataset(const fs::path& path, const char* name, hid_t type) {
  const Hdf5Handle file = open_file_for_reading(path.string());
  const Hdf5Handle dataset = open_dataset(file.get(), name);
  const Hdf5Handle space = dataspace_of(dataset.get());
  std::vector<Value> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.get())));
  hdf5_check(H5Dread(dataset.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), name);
  return values;
}

void expect_equal(const DecompositionRecord& found, const DecompositionRecord& expected) {
  EXPECT_EQ(found.title, expected.title);
  EXPECT_EQ(found.register_spec, expected.register_spec);
  EXPECT_EQ(found.histogram, expected.histogram);
  EXPECT_EQ(found.certificate, expected.certificate);
  EXPECT_EQ(found.has_cycles, expected.has_cycles);
  EXPECT_EQ(found.has_sequences, expected.has_sequences);
  EXPECT_EQ(found.index_zeros, expected.index_zeros);
  const RunInfo &a = found.run, &b = expected.run;
  EXPECT_EQ(a.hosts, b.hosts);
  EXPECT_EQ(std::tie(a.version, a.commit, a.compiler, a.flags, a.mpi, a.hdf5, a.ranks, a.threads),
            std::tie(b.version, b.commit, b.compiler, b.flags, b.mpi, b.hdf5, b.ranks, b.threads));
  EXPECT_EQ(std::tie(a.command_line, a.job_text, a.effective_job, a.start_utc, a.end_utc),
            std::tie(b.command_line, b.job_text, b.effective_job, b.start_utc, b.end_utc));
  EXPECT_EQ(std::tie(a.engine_asked, a.engine, a.engine_reason, a.elapsed_s),
            std::tie(b.engine_asked, b.engine, b.engine_reason, b.elapsed_s));
  EXPECT_EQ(std::tie(a.table, a.table_reason), std::tie(b.table, b.table_reason));
  EXPECT_EQ(std::tie(a.milestone_zeros, a.deficit, a.predicted_s),
            std::tie(b.milestone_zeros, b.deficit, b.predicted_s));
  EXPECT_EQ(std::tie(a.schedule_asked, a.schedule, a.schedule_reason),
            std::tie(b.schedule_asked, b.schedule, b.schedule_reason));
  ASSERT_EQ(a.phases.size(), b.phases.size());
  for (std::size_t i = 0; i < a.phases.size(); ++i)
    EXPECT_EQ(std::tie(a.phases[i].name, a.phases[i].seconds),
              std::tie(b.phases[i].name, b.phases[i].seconds));
  ASSERT_EQ(found.profile.size(), expected.profile.size());
  for (std::size_t i = 0; i < found.profile.size(); ++i) {
    const RankProfile &x = found.profile[i], &y = expected.profile[i];
    EXPECT_EQ(std::tie(x.rank, x.host, x.threads), std::tie(y.rank, y.host, y.threads));
    for (const auto& [name, member] : profile_counts) EXPECT_EQ(x.*member, y.*member) << name;
    for (const auto& [name, member] : profile_times) EXPECT_EQ(x.*member, y.*member) << name;
    ASSERT_EQ(x.workers.size(), y.workers.size());
    for (std::size_t t = 0; t < x.workers.size(); ++t)
      EXPECT_EQ(std::tie(x.workers[t].busy_s, x.workers[t].idle_s, x.workers[t].batches),
                std::tie(y.workers[t].busy_s, y.workers[t].idle_s, y.workers[t].batches));
  }
}

/// Invented positions, the same on every rank, cut into one part a rank: often empty ones.
struct RandomIndex {
  std::vector<std::uint64_t> positions;
  PositionSlice slice;

  RandomIndex(Random& random, const boost::mpi::communicator& comm, const Sample& sample) {
    if (sample.record.index_zeros == 0) return;
    positions.resize(MilestoneMap(sample.reg, sample.record.index_zeros).count());
    for (auto& position : positions) position = test::pick(random, 0, sample.reg.state_count() - 1);
    std::vector<std::size_t> cuts{0, positions.size()};
    for (int rank = 1; rank < comm.size(); ++rank)
      cuts.push_back(test::pick(random, 0, 2) == 0 ? 0 : test::pick(random, 0, positions.size()));
    std::sort(cuts.begin(), cuts.end());
    const auto rank = static_cast<std::size_t>(comm.rank());
    slice = {sample.record.index_zeros, positions.data() + cuts[rank], cuts[rank],
             cuts[rank + 1] - cuts[rank], positions.size()};
    if (slice.count == 0) slice.positions = nullptr;
  }
};

TEST_F(ResultWriter, WhatIsWrittenIsRead) {
  Random random(20260131);
  for (int round = 0; round < 40; ++round) {
    Sample sample(random, comm, test::random_register(random));
    sample.record.has_cycles = test::pick(random, 0, 3) != 0;
    sample.record.has_sequences = sample.record.has_cycles && test::pick(random, 0, 1) != 0;
    const unsigned length = sample.reg.length();
    if (sample.record.has_cycles && length > 1 && test::pick(random, 0, 1) != 0)
      sample.record.index_zeros = static_cast<unsigned>(test::pick(random, 1, length - 1));
    const DecompositionRecord& record = sample.record;
    const RandomIndex index(random, comm, sample);
    const fs::path path = folder / "a.h5";
    // From a few values a call to everything in one call.
    TransferOptions options;
    options.max_bytes_per_call = std::uint64_t{1} << test::pick(random, 5, 13);
    const TransferReport report =
        write_result_with(comm, path, true, record, record.has_cycles ? &sample.cycles : nullptr,
                          record.has_sequences ? &sample.sequences : nullptr,
                          record.index_zeros > 0 ? &index.slice : nullptr, options);
    EXPECT_LE(report.largest_call, options.max_bytes_per_call);
    EXPECT_TRUE(report.all_collective);
    const auto calls =
        boost::mpi::all_reduce(comm, report.calls, boost::mpi::maximum<std::uint64_t>());
    EXPECT_EQ(report.calls, calls) << "every rank enters every write";
    EXPECT_EQ(calls == 0, !record.has_cycles);

    const ResultReader reader(path);
    expect_equal(reader.record(), record);
    EXPECT_EQ(reader.cycles(0, ~std::uint64_t{0}),
              record.has_cycles ? sample.rows : std::vector<CycleRow>{});
    if (record.has_sequences) {
      EXPECT_EQ(read_dataset<std::uint8_t>(path, "sequences/symbol", H5T_NATIVE_UINT8),
                sample.symbols);
      std::vector<std::uint64_t> offsets{0};
      for (const CycleRow& row : sample.rows) offsets.push_back(offsets.back() + row.length);
      EXPECT_EQ(read_dataset<std::uint64_t>(path, "sequences/offset", H5T_NATIVE_UINT64), offsets);
    }
    if (record.index_zeros > 0) {
      EXPECT_EQ(read_dataset<std::uint64_t>(path, "milestones/position", H5T_NATIVE_UINT64),
                index.positions);
      for (std::size_t i = 0; i < index.positions.size(); i += 1 + random() % 50)
        EXPECT_EQ(reader.milestone_position(i), index.positions[i]);
    }
    EXPECT_EQ(files(), 1);
  }
}

/// The pure cycling register f = x_0 has one cycle for each necklace, about 2^n / n: enough for two
/// chunks of 256 Ki rows.
TEST_F(ResultWriter, ManyChunksInManyRounds) {
  Random random(7);
  RegisterSpec spec;
  spec.length = 23;
  spec.feedback.terms.push_back({1, {0}});
  Sample sample(random, comm, Register(spec));
  sample.record.has_sequences = false;
  ASSERT_EQ(sample.rows.size(), 364'724u);  // necklaces of 23 beads in 2 colours, OEIS A000031
  TransferOptions options;
  options.max_bytes_per_call = 300'000;
  const TransferReport report = write_result_with(comm, folder / "a.h5", false, sample.record,
                                                  &sample.cycles, nullptr, nullptr, options);
  EXPECT_TRUE(report.all_collective);
  EXPECT_GT(report.calls, 4u);
  const ResultReader reader(folder / "a.h5");
  EXPECT_EQ(reader.cycles(0, sample.rows.size()), sample.rows);
  const std::vector<CycleRow> across(sample.rows.begin() + 262'000, sample.rows.begin() + 262'400);
  EXPECT_EQ(reader.cycles(262'000, 400), across);
  EXPECT_EQ(reader.cycles(sample.rows.size() - 1, 10).size(), 1u);
  EXPECT_TRUE(reader.cycles(sample.rows.size(), 10).empty());
}

/// Closed forms: no table, numbers of any size, transient states.
TEST_F(ResultWriter, LargeNumbersAreExact) {
  Random random(20261121);
  const Sample sample(random, comm, test::random_register(random));
  const fs::path path = folder / "a.h5";
  const Integer word = power(2, 64);
  struct Case {
    std::uint32_t length, height;
    ExactHistogram histogram;
    bool as_text;
  };
  const Integer longest = power(2, 100'000);
  const std::vector<Case> cases = {
      {3, 2, {{1, 2}}, false},
      {64, 1, {{1, 1}, {power(2, 63) - 1, 1}}, false},
      {65, 1, {{1, 1}, {word - 1, 1}}, false},
      {64, 0, {{word, 1}}, true},
      {65, 0, {{1, word}, {2, word / 2}}, true},
      {100'000, 0, {{1, 2}, {2, longest / 2 - 1}}, true},
      {100'000, 99'990, {{1, 24}, {1000, 1}}, false},
  };
  for (const Case& one : cases) {
    DecompositionRecord record = sample.record;
    record.has_cycles = record.has_sequences = false;
    record.register_spec = Register({2, "", one.length, {{{1, {one.height}}}}}).spec();
    record.histogram = one.histogram;
    Certificate& certificate = record.certificate;
    certificate = {};
    certificate.states = power(2, one.length);
    certificate.transient_states = certificate.states - power(2, one.length - one.height);
    certificate.height = one.height;
    const HistogramSums sums = sums_of(one.histogram);
    certificate.cycles = sums.cycles;
    certificate.states_accounted = sums.states + certificate.transient_states;
    ASSERT_EQ(certificate.states_accounted, certificate.states);
    certificate.complete = true;
    certificate.theory = Theory::is_result;
    const ExactChecksum checksum = exact_checksum(one.histogram);
    certificate.checksum = checksum.value;
    certificate.checksum_of = checksum.of;
    write_result(comm, path, true, record, nullptr, nullptr);
    {
      const ResultReader reader(path);
      expect_equal(reader.record(), record);
      EXPECT_TRUE(reader.cycles(0, 1).empty());
      const Hdf5Handle file = open_file_for_reading(path.string());
      EXPECT_EQ(H5Lexists(file.get(), "histogram/length_text", H5P_DEFAULT) > 0, one.as_text);
      EXPECT_EQ(H5Lexists(file.get(), "histogram/count", H5P_DEFAULT) > 0, !one.as_text);
    }
    comm.barrier();  // the next file replaces this one
  }
}

TEST_F(ResultWriter, KeepsAFileThatCameInTheMeantime) {
  Random random(3);
  const Sample sample(random, comm, test::random_register(random));
  const fs::path path = folder / "a.h5";
  if (root()) std::ofstream(path) << "precious";
  comm.barrier();
  try {
    write_result(comm, path, false, sample.record, &sample.cycles, &sample.sequences);
    ADD_FAILURE() << "overwrote";
  } catch (const CannotCreateError& error) {
    EXPECT_NE(std::string(error.what()).find("--overwrite"), std::string::npos) << error.what();
  }
  EXPECT_EQ(files(), 1);
  std::string content;
  std::ifstream(path) >> content;
  EXPECT_EQ(content, "precious");
  write_result(comm, path, true, sample.record, &sample.cycles, &sample.sequences);
  EXPECT_EQ(ResultReader(path).cycles(0, sample.rows.size()), sample.rows);
}

TEST_F(ResultWriter, RefusesWhatIsNotCertifiedOrDoesNotFit) {
  Random random(4);
  RegisterSpec spec;
  spec.length = 8;
  spec.feedback.terms.push_back({1, {0}});
  const Sample sample(random, comm, Register(spec));
  const auto refuses = [&](auto change) {
    Sample changed = sample;
    change(changed);
    EXPECT_THROW(write_result(comm, folder / "a.h5", true, changed.record, &changed.cycles,
                              &changed.sequences),
                 InternalError);
    EXPECT_EQ(files(), 0);
  };
  refuses([](Sample& s) { s.record.certificate.complete = false; });
  refuses([](Sample& s) { s.record.certificate.states_accounted -= 1; });
  refuses([](Sample& s) { s.record.has_sequences = false; });
  refuses([](Sample& s) { s.record.certificate.cycles += 1; });
  const bool last = comm.rank() == comm.size() - 1;
  refuses([&](Sample& s) { s.cycles.total_rows += last ? 1 : 0; });
  refuses([&](Sample& s) {
    if (last) s.cycles.rows.push_back({255, 1});
  });
  refuses([](Sample& s) { s.cycles.first_row += 1; });
  refuses([](Sample& s) { s.sequences.first_symbol += 1; });
  refuses([&](Sample& s) {
    if (last) s.sequences.symbols.push_back(0);
  });
  const std::vector<std::uint64_t> positions(64);
  const auto refuses_index = [&](PositionSlice slice, unsigned zeros, bool with_cycles) {
    Sample changed = sample;
    changed.record.index_zeros = zeros;
    changed.record.has_cycles = with_cycles;
    changed.record.has_sequences = false;
    EXPECT_THROW(write_result(comm, folder / "a.h5", true, changed.record,
                              with_cycles ? &changed.cycles : nullptr, nullptr, &slice),
                 InternalError);
    EXPECT_EQ(files(), 0);
  };
  const std::uint64_t own = root() ? 64 : 0;
  const PositionSlice whole{1, positions.data(), 0, own, 64};
  refuses_index(whole, 2, true);
  refuses_index(whole, 0, true);
  refuses_index(whole, 1, false);
  refuses_index({1, positions.data(), 0, own, 63}, 1, true);
  refuses_index({1, positions.data(), 1, own, 64}, 1, true);
  if (comm.size() > 1) {
    EXPECT_THROW(write_result(comm, folder / "a.h5", true, sample.record,
                              last ? nullptr : &sample.cycles, nullptr),
                 InternalError);
    EXPECT_EQ(files(), 0);
  }
}

TEST_F(ResultWriter, AMissingFolderIsOneErrorForAll) {
  Random random(5);
  const Sample sample(random, comm, test::random_register(random));
  EXPECT_THROW(write_result(comm, folder / "missing" / "a.h5", true, sample.record, &sample.cycles,
                            &sample.sequences),
               CannotCreateError);
}

}  // namespace
}  // namespace orbitmill
