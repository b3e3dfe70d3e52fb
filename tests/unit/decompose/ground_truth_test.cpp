/// Whole decompositions over ranks and threads: published tables, and the bitmap walk on random
/// registers.
#include "support/ground_truth.hpp"

#include <gtest/gtest.h>

#include <boost/mpi/collectives.hpp>
#include <boost/mpi/communicator.hpp>
#include <boost/serialization/vector.hpp>
#include <random>

#include "orbitmill/decompose/certificate.hpp"
#include "orbitmill/decompose/decompose.hpp"
#include "orbitmill/register/notation.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

class GroundTruth : public testing::Test {
 protected:
  Decomposition decompose(const RegisterSpec& spec, std::uint64_t batch_size = 0) {
    ScheduleOptions options;
    options.batch_size = batch_size;
    Scheduler scheduler(comm_, pool_, options);
    return decompose_by_leaders(Register(spec), {true, CyclePolicy::no_limit}, scheduler);
  }

  /// Root checks the histogram; every rank the certificate.
  void expect_histogram(const Decomposition& result, const test::Histogram& expected) {
    EXPECT_TRUE(result.certificate.complete);
    if (comm_.rank() != 0) return;
    test::Histogram found;
    for (const HistogramEntry& entry : result.histogram) found[entry.length] = entry.count;
    EXPECT_EQ(found, expected);
  }

  RegisterSpec feedback_spec(std::uint32_t length, const std::string& feedback) {
    return {2, "", length, parse_feedback(feedback, Field(2), length)};
  }
  RegisterSpec coefficient_spec(std::uint64_t order, const std::string& text) {
    const ParsedRegister parsed = parse_coefficients(text, Field(order));
    return {order, "", parsed.length, parsed.feedback};
  }

  boost::mpi::communicator comm_;
  WorkerPool pool_{2};
};

TEST_F(GroundTruth, KnownBinaryRegisters) {
  for (const auto& row : test::read_rows("cycles_known.tsv")) {
    SCOPED_TRACE(row[0] + " " + row[2]);
    ASSERT_EQ(row[1], "2");
    const auto result =
        decompose(feedback_spec(static_cast<std::uint32_t>(std::stoul(row[0])), row[2]));
    expect_histogram(result, test::read_histogram(row[4]));
    EXPECT_EQ(result.certificate.cycles.get_str(), row[3]);
  }
}

TEST_F(GroundTruth, KnownRegistersOverOtherFields) {
  for (const auto& row : test::read_rows("cycles_known_gfq.tsv")) {
    SCOPED_TRACE(row[0] + " " + row[1]);
    expect_histogram(decompose(coefficient_spec(std::stoull(row[0]), row[1])),
                     test::read_histogram(row[2]));
  }
}

TEST_F(GroundTruth, RowsOfLfsrSeq) {
  for (const auto& row : test::read_rows("lfsr_seq_rows.tsv")) {
    SCOPED_TRACE(row[1]);
    expect_histogram(decompose(coefficient_spec(std::stoull(row[0]), row[1])),
                     test::read_histogram(row[2]));
  }
}

TEST_F(GroundTruth, MaximumPeriodRegistersUpTo14) {
  int registers = 0;
  for (const auto& row : test::read_rows("nlfsr_max_period_n4_16.tsv")) {
    const auto length = static_cast<std::uint32_t>(std::stoul(row[0]));
    if (length > 14) continue;
    SCOPED_TRACE(row[0] + " " + row[1]);
    expect_histogram(decompose(feedback_spec(length, row[1])),
                     {{1, 1}, {(std::uint64_t{1} << length) - 1, 1}});
    ++registers;
  }
  EXPECT_GT(registers, 400);
}

TEST_F(GroundTruth, BitmapWalkOnRandomRegistersRowByRow) {
  std::mt19937_64 random(42);  // the same on every rank
  for (int round = 0; round < 210; ++round) {
    const test::TestField& field = test::test_fields()[static_cast<std::size_t>(round) % 7];
    const auto [spec, slow] = test::random_register(random, field, 3000);
    SCOPED_TRACE(testing::Message() << "round " << round << ", q = " << field.order << ", "
                                    << print_anf(spec.feedback) << ", n = " << spec.length);
    const Decomposition result = decompose(spec, round % 2 == 0 ? 0 : 1 + random() % 40);
    const auto expected = oracle::bitmap_walk(
        slow.states(), [&, &slow = slow](std::uint64_t state) { return slow.step(state); });
    expect_histogram(result, oracle::histogram_of(expected));

    // The table over all ranks, in rank order, is the oracle's table.
    std::vector<std::uint64_t> flat;
    for (const CycleRow& row : result.cycles->rows)
      flat.insert(flat.end(), {row.leader, row.length});
    std::vector<std::vector<std::uint64_t>> gathered;
    boost::mpi::all_gather(comm_, flat, gathered);
    std::vector<std::uint64_t> table, oracle_table;
    for (const auto& part : gathered) table.insert(table.end(), part.begin(), part.end());
    for (const auto& [leader, length] : expected) {
      oracle_table.insert(oracle_table.end(), {leader, length});
    }
    EXPECT_EQ(table, oracle_table);

    // The checksum as its documentation defines it, computed here in one piece.
    std::vector<HistogramEntry> pairs;
    for (const auto& [leader, length] : expected) pairs.push_back({leader, length});
    EXPECT_EQ(result.certificate.checksum, histogram_checksum(pairs));
    EXPECT_EQ(result.certificate.checksum_of, ChecksumOf::cycles);
  }
}

}  // namespace
}  // namespace orbitmill
