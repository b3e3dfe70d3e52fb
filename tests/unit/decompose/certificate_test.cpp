/// Certificates close for exact sums only; the distributed table is sorted whatever its partition.
#include "orbitmill/decompose/certificate.hpp"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <functional>
#include <map>
#include <random>
#include <sstream>

#include "orbitmill/decompose/closed_form.hpp"
#include "orbitmill/decompose/cycle_table.hpp"
#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/results/report.hpp"
#include "unit/results/random_record.hpp"

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

/// The message of the InternalError, the same on every rank; empty if there was none.
std::string refusal(const boost::mpi::communicator& comm, const std::function<void()>& action) {
  std::string message;
  try {
    action();
  } catch (const InternalError& error) {
    message = error.what();
  }
  std::vector<std::string> all;
  boost::mpi::all_gather(comm, message, all);
  for (const std::string& one : all) EXPECT_EQ(one, message);
  return message;
}

Histogram histogram_of(const std::vector<CycleRow>& rows) {
  std::map<std::uint64_t, std::uint64_t> counts;
  for (const CycleRow& row : rows) ++counts[row.length];
  Histogram histogram;
  for (const auto& [length, count] : counts) histogram.push_back({length, count});
  return histogram;
}

TEST(Certificate, NotesThatTheoryAgreesWithWhatWasWalked) {
  const boost::mpi::communicator comm;
  std::mt19937_64 random(20261121);
  int linear = 0;
  for (int round = 0; round < 60; ++round) {
    const Register reg = test::random_register(random);
    const Histogram walked = histogram_of(test::walk_all_cycles(reg));
    Certificate certificate = certify(comm, reg.state_count(), on_root(comm, walked), nullptr);
    compare_with_theory(comm, reg, on_root(comm, walked), certificate);
    const bool affine = reg.feedback().is_affine();
    linear += affine ? 1 : 0;
    EXPECT_EQ(certificate.theory, affine ? Theory::agrees : Theory::not_linear);
    EXPECT_EQ(certificate.predicted, affine ? to_exact(walked) : ExactHistogram{});
    EXPECT_TRUE(certificate.complete);
    if (!affine) continue;
    // The same number of states, cut otherwise: the count alone would let it pass.
    Histogram other = walked;
    if (other.back().length < 3) continue;
    if (--other.back().count == 0) other.pop_back();
    other = merge_histograms(other, {{1, 1}, {walked.back().length - 1, 1}});
    Certificate closes = certify(comm, reg.state_count(), on_root(comm, other), nullptr);
    const std::string message =
        refusal(comm, [&] { compare_with_theory(comm, reg, on_root(comm, other), closes); });
    EXPECT_NE(message.find("length 1: "), std::string::npos) << message;
  }
  EXPECT_GT(linear, 20);
}

TEST(Certificate, NamesTheFirstDifference) {
  const auto difference = [](const Histogram& found, const Histogram& predicted) {
    return first_difference(to_exact(found), to_exact(predicted)).value_or("");
  };
  EXPECT_EQ(difference({}, {}), "");
  EXPECT_EQ(difference({{1, 1}, {7, 1}}, {{1, 1}, {7, 1}}), "");
  EXPECT_EQ(difference({{1, 1}, {7, 2}}, {{1, 1}, {7, 3}}),
            "length 7: 2 cycles found, 3 predicted");
  EXPECT_EQ(difference({{1, 1}, {5, 2}}, {{1, 1}, {7, 3}}),
            "length 5: 2 cycles found, 0 predicted");
  EXPECT_EQ(difference({{1, 1}, {9, 2}}, {{1, 1}, {7, 3}}),
            "length 7: 0 cycles found, 3 predicted");
  EXPECT_EQ(difference({{1, 1}}, {{1, 1}, {7, 3}}), "length 7: 0 cycles found, 3 predicted");
  EXPECT_EQ(difference({{1, 1}, {7, 3}}, {{1, 1}}), "length 7: 3 cycles found, 0 predicted");
}

TEST(Certificate, TravelsWithNumbersOfAnySize) {
  const boost::mpi::communicator comm;
  Certificate certificate;
  certificate.states = certificate.states_accounted = power(3, 100'000);
  certificate.cycles = power(2, 64) - 1;
  certificate.predicted = {{1, power(10, 400)}, {power(7, 99), 12}};
  certificate.theory = Theory::is_result;
  certificate.height = 17;
  Certificate received = comm.rank() == 0 ? certificate : Certificate{};
  boost::mpi::broadcast(comm, received, 0);
  EXPECT_EQ(received, certificate);
}

TEST(Certificate, HashesWordsAsWordsAndLargeNumbersAsLines) {
  const Integer largest_word = power(2, 64) - 1;
  const ExactHistogram words = {{1, 3}, {largest_word, 1}};
  EXPECT_EQ(exact_checksum(words).of, ChecksumOf::histogram);
  EXPECT_EQ(exact_checksum(words).value, histogram_checksum({{1, 3}, {~std::uint64_t{0}, 1}}));
  for (const ExactHistogram& large : {ExactHistogram{{1, 3}, {largest_word + 1, 1}},
                                      ExactHistogram{{1, largest_word + 1}, {2, 1}}}) {
    DecompositionRecord record;
    record.histogram = large;
    std::ostringstream csv;
    print_csv(csv, record);
    const std::string lines = csv.str().substr(csv.str().find('\n') + 1);
    EXPECT_EQ(exact_checksum(large).of, ChecksumOf::histogram_text);
    EXPECT_EQ(exact_checksum(large).value, XXH64(lines.data(), lines.size(), 0));
  }
}

TEST(Certificate, OfAClosedFormCountsTransientStates) {
  // x^5 (x^122 + ...) with one cycle of 2^122 - 1: invented, for the sums alone.
  const Register reg({2, "", 127, {{{1, {5}}, {1, {6}}}}});
  ClosedForm closed_form;
  closed_form.histogram = {{1, 1}, {power(2, 122) - 1, 1}};
  closed_form.height = 5;
  closed_form.transient_states = power(2, 127) - power(2, 122);
  const Certificate certificate = certify_closed_form(reg, closed_form);
  EXPECT_TRUE(certificate.complete);
  EXPECT_EQ(certificate.states, power(2, 127));
  EXPECT_EQ(certificate.states_accounted, power(2, 127));
  EXPECT_EQ(certificate.cycles, 2);
  EXPECT_EQ(certificate.transient_states, closed_form.transient_states);
  EXPECT_EQ(certificate.height, 5u);
  EXPECT_EQ(certificate.theory, Theory::is_result);
  EXPECT_EQ(certificate.checksum_of, ChecksumOf::histogram_text);
  closed_form.transient_states -= 1;
  EXPECT_THROW(certify_closed_form(reg, closed_form), InternalError);
  closed_form.transient_states += 1;
  closed_form.histogram[0].count += 1;
  EXPECT_THROW(certify_closed_form(reg, closed_form), InternalError);
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
