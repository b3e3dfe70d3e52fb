/// Certificates close for exact sums only; the distributed table is sorted whatever its partition.
#include "orbitmill/decompose/certificate.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <random>

#include "orbitmill/decompose/cycle_table.hpp"
#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

Histogram on_root(const boost::mpi::communicator& comm, const Histogram& histogram) {
  return comm.rank() == 0 ? histogram : Histogram{};
}

TEST(Certificate, ClosesForTheExactSumOnly) {
  const boost::mpi::communicator comm;
  const Certificate good = certify(comm, 16, on_root(comm, {{1, 1}, {15, 1}}), nullptr);
  EXPECT_TRUE(good.complete);
  EXPECT_EQ(good.states_accounted, 16u);
  EXPECT_EQ(good.cycles, 2u);
  EXPECT_EQ(good.checksum_of, ChecksumOf::histogram);
  EXPECT_EQ(good.checksum, histogram_checksum({{1, 1}, {15, 1}}));

  const std::vector<Histogram> wrong = {
      {},                                     // nothing found
      {{15, 1}},                              // one cycle missing
      {{1, 2}, {15, 1}},                      // one cycle twice
      {{1, 1}, {14, 1}},                      // one length too short
      {{std::uint64_t{1} << 63, 2}, {16, 1}}  // wraps around to 16 in 64 bits
  };
  for (const Histogram& histogram : wrong) {
    EXPECT_THROW(certify(comm, 16, on_root(comm, histogram), nullptr), InternalError);
  }
}

TEST(Certificate, RefusesATableThatDisagreesWithTheHistogram) {
  const boost::mpi::communicator comm;
  CycleSlice slice = sort_over_ranks(
      comm, comm.rank() == 0 ? std::vector<CycleRow>{{0, 1}, {1, 15}} : std::vector<CycleRow>{});
  EXPECT_TRUE(certify(comm, 16, on_root(comm, {{1, 1}, {15, 1}}), &slice).complete);
  slice = sort_over_ranks(
      comm, comm.rank() == 0 ? std::vector<CycleRow>{{1, 15}} : std::vector<CycleRow>{});
  EXPECT_THROW(certify(comm, 16, on_root(comm, {{1, 1}, {15, 1}}), &slice), InternalError);
}

TEST(CycleTable, SortsOverRanksAndHashesAsOneTable) {
  const boost::mpi::communicator comm;
  std::mt19937_64 random(11);
  for (const std::size_t size : {0u, 1u, 2u, 3u, 10u, 1000u, 20000u}) {
    std::vector<CycleRow> table;
    for (std::size_t i = 0; i < size; ++i) {
      table.push_back(
          {table.empty() ? random() % 5 : table.back().leader + 1 + random() % 1000, random()});
    }
    std::vector<CycleRow> shuffled = table;
    std::ranges::shuffle(shuffled, random);
    // Very uneven: each row goes to a rank drawn with a bias, one rank may get nothing.
    std::vector<CycleRow> mine;
    for (const CycleRow& row : shuffled) {
      const auto owner = static_cast<int>(std::min(random() % 7, random() % 7)) % comm.size();
      if (owner == comm.rank()) mine.push_back(row);
    }
    const CycleSlice slice = sort_over_ranks(comm, mine);
    EXPECT_EQ(slice.total_rows, size);
    ASSERT_LE(slice.first_row + slice.rows.size(), size);
    EXPECT_TRUE(std::equal(slice.rows.begin(), slice.rows.end(),
                           table.begin() + static_cast<std::ptrdiff_t>(slice.first_row)));
    const auto own = static_cast<std::uint64_t>(slice.rows.size());
    EXPECT_EQ(boost::mpi::all_reduce(comm, own, std::plus<>()), size);
    if (size >= 1000) {
      EXPECT_LT(own, 2 * size / static_cast<std::size_t>(comm.size()) + 200);
    }

    Histogram as_pairs;
    for (const CycleRow& row : table) as_pairs.push_back({row.leader, row.length});
    EXPECT_EQ(cycle_table_checksum(comm, slice), histogram_checksum(as_pairs));
  }
}

TEST(CycleTable, OutputSequencesAreTheOutputStageOfEveryState) {
  // x0 + x1 of length 4: the m-sequence from state 1, in step direction: 1 0 0 0 1 0 0 1 1 0 1 0 1
  // 1 1 (Golomb, Shift Register Sequences, 1967, the recursion a_k = a_{k-3} + a_{k-4}).
  const Register reg({2, "", 4, parse_feedback("0,1", Field(2), 4)});
  const std::vector<std::uint8_t> expected = {0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1};
  EXPECT_EQ(output_sequences(reg, {{0, 1}, {1, 15}}), expected);
}

TEST(CycleTally, MergesWorkersAndHistograms) {
  RowBudget budget({true, CyclePolicy::no_limit});
  CycleTally a(budget), b(budget);
  a.add(0, 1);
  a.add(5, 3);
  b.add(7, 3);
  a.merge(std::move(b));
  EXPECT_EQ(a.histogram(), (Histogram{{1, 1}, {3, 2}}));
  EXPECT_EQ(a.take_rows().size(), 3u);
  EXPECT_EQ(merge_histograms({{1, 1}, {3, 2}}, {{2, 5}, {3, 1}}),
            (Histogram{{1, 1}, {2, 5}, {3, 3}}));
  EXPECT_EQ(merge_histograms({}, {}), Histogram{});
}

}  // namespace
}  // namespace orbitmill
