/// The milestone engine against the leader sweep: equal histograms, certificates and rows, whatever
/// the register, the options, the ranks and the threads.
#include <gtest/gtest.h>

#include <boost/mpi/collectives.hpp>
#include <boost/mpi/communicator.hpp>
#include <boost/serialization/vector.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "orbitmill/decompose/decompose.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/kernel/plane_program.hpp"
#include "orbitmill/register/notation.hpp"
#include "support/ground_truth.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

/// What two runs must have in common, byte by byte.
struct Outcome {
  test::Histogram histogram;  ///< on root
  Certificate certificate;
  std::vector<std::uint64_t> table;  ///< leader, length, leader, ... of all ranks in order

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

class MilestoneEngine : public testing::Test {
 protected:
  /// A pool of one to three threads and the scheduler on top.
  struct Machine {
    Machine(const boost::mpi::communicator& comm, unsigned threads, std::uint64_t batch_size)
        : pool(threads), scheduler(comm, pool, options_of(batch_size)) {}
    static ScheduleOptions options_of(std::uint64_t batch_size) {
      ScheduleOptions options;
      options.batch_size = batch_size;
      return options;
    }
    WorkerPool pool;
    Scheduler scheduler;
  };

  Machine& machine(unsigned threads, std::uint64_t batch_size) {
    auto& one = machines_[{threads, batch_size}];
    if (!one) one = std::make_unique<Machine>(comm_, threads, batch_size);
    return *one;
  }

  Outcome outcome_of(const Decomposition& result) {
    Outcome outcome;
    for (const HistogramEntry& entry : result.histogram) {
      outcome.histogram[entry.length] = entry.count;
    }
    outcome.certificate = result.certificate;
    std::vector<std::uint64_t> flat;
    for (const CycleRow& row : result.cycles->rows) {
      flat.insert(flat.end(), {row.leader, row.length});
    }
    std::vector<std::vector<std::uint64_t>> gathered;
    boost::mpi::all_gather(comm_, flat, gathered);
    for (const auto& part : gathered) {
      outcome.table.insert(outcome.table.end(), part.begin(), part.end());
    }
    return outcome;
  }

  Outcome by_leaders(const Register& reg) {
    return outcome_of(decompose_by_leaders(reg, all_rows, machine(2, 0).scheduler));
  }

  /// k = 1, 2, n-1 and a random one, with random other choices; all must give `expected`.
  template <class Generator>
  void expect_everywhere(const Register& reg, const Outcome& expected, Generator& random) {
    const unsigned longest = reg.length() - 1;
    std::set<unsigned> all_zeros = {1, std::min(2U, longest), longest};
    all_zeros.insert(1 + static_cast<unsigned>(random() % longest));
    // Long registers are dear where every second state is a milestone.
    if (reg.state_count() > 1 << 18) all_zeros.erase(1);
    for (const unsigned zeros : all_zeros) expect_equal(reg, zeros, expected, random);
  }

  /// A register over GF(3), GF(4) or GF(8) in turn, of about 2^log_states states or more.
  template <class Generator>
  void expect_planes_everywhere(int round, int log_states, Generator& random) {
    const unsigned order = std::array{3U, 4U, 8U}[static_cast<std::size_t>(round) % 3];
    unsigned length = PlaneProgram::min_length;
    while (length * std::log2(order) < log_states) ++length;
    const Register reg(test::random_affine_register(random, order, length));
    ASSERT_TRUE(walks_in_lanes(reg));
    SCOPED_TRACE(testing::Message() << "round " << round << ", q = " << order << ", n = " << length
                                    << ", " << print_anf(reg.feedback()));
    expect_everywhere(reg, by_leaders(reg), random);
  }

  template <class Generator>
  void expect_equal(const Register& reg, unsigned zeros, const Outcome& expected,
                    Generator& random) {
    constexpr std::array<std::uint64_t, 5> distances = {256, 1, 2, 7, 64};
    constexpr std::array<std::uint64_t, 4> batch_sizes = {0, 1, 3, 100};
    MilestoneOptions options;
    options.zeros = zeros;
    if (reg.field().order() == 2 && random() % 2 == 0) {
      options.short_cycles = static_cast<unsigned>(random() % std::min(reg.length(), 17U));
    }
    options.station_distance = distances[random() % distances.size()];
    const auto threads = static_cast<unsigned>(1 + random() % 3);
    const std::uint64_t batch_size = batch_sizes[random() % batch_sizes.size()];
    // A spread table on nodes of one or two ranks. Its long chains take a message a hop.
    options.spread = random() % 4 == 0;
    options.ranks_per_node = static_cast<int>(random() % 3);
    options.in_flight = random() % 2 == 0 ? 0 : 200 + random() % 1000;
    options.stride = random() % 2 == 0 ? 0 : 1 + random() % 600;
    if (options.spread) {
      options.station_distance = std::min<std::uint64_t>(options.station_distance, 16);
    }
    SCOPED_TRACE(testing::Message() << "k = " << zeros << ", short cycles " << options.short_cycles
                                    << ", a station every " << options.station_distance << ", "
                                    << threads << " threads, batches of " << batch_size
                                    << (options.spread ? ", spread over nodes of " : ", ")
                                    << options.ranks_per_node << " ranks");
    Scheduler& scheduler = machine(threads, batch_size).scheduler;
    const Decomposition result = decompose_by_milestones(reg, all_rows, options, scheduler);
    EXPECT_EQ(result.milestone_zeros, zeros);
    const Outcome found = outcome_of(result);
    EXPECT_EQ(found.histogram, expected.histogram);
    EXPECT_EQ(found.certificate, expected.certificate);
    EXPECT_EQ(found.table, expected.table);
    // The deficit is what it says: the states of the cycles whose leader has a shorter zero run.
    std::uint64_t deficit = 0;
    State bound = 1;
    for (unsigned i = 0; i < reg.length() - zeros; ++i) bound *= reg.field().order();
    for (std::size_t i = 0; i < expected.table.size(); i += 2) {
      const bool zero_cycle = expected.table[i] == 0 && expected.table[i + 1] == 1;
      if (expected.table[i] >= bound || zero_cycle) deficit += expected.table[i + 1];
    }
    EXPECT_EQ(result.deficit, deficit);
  }

  static constexpr CyclePolicy all_rows{true, CyclePolicy::no_limit};
  boost::mpi::communicator comm_;
  std::map<std::pair<unsigned, std::uint64_t>, std::unique_ptr<Machine>> machines_;
};

/// The part that runs once for every instruction set (every_target_test.sh).
TEST_F(MilestoneEngine, QuickAgreesWithTheLeaderSweep) {
  std::mt19937_64 random(1);  // the same on every rank, as in all tests here
  for (int round = 0; round < 10; ++round) {
    const unsigned length = 8 + static_cast<unsigned>(round);
    const Register reg(test::random_binary_register(random, length).spec);
    SCOPED_TRACE(testing::Message() << "round " << round << ", n = " << reg.length() << ", "
                                    << print_anf(reg.feedback()));
    expect_everywhere(reg, by_leaders(reg), random);
  }
  for (int round = 0; round < 9; ++round) {
    expect_planes_everywhere(round, 10 + round / 3, random);
  }
}

TEST_F(MilestoneEngine, AgreesWithTheLeaderSweepOverGf2) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 100; ++round) {
    const unsigned length = round % 50 == 49 ? 22 : 2 + static_cast<unsigned>(round) % 17;
    const Register reg(test::random_binary_register(random, length).spec);
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ", n = " << length << ", " << print_anf(reg.feedback()));
    expect_everywhere(reg, by_leaders(reg), random);
  }
}

TEST_F(MilestoneEngine, AgreesWithTheLeaderSweepOverOtherFields) {
  std::mt19937_64 random(3);
  constexpr std::array<std::uint64_t, 8> orders = {3, 4, 5, 7, 8, 9, 16, 25};
  for (std::size_t round = 0; round < 80; ++round) {
    const std::uint64_t order = orders[round % orders.size()];
    RegisterSpec spec;
    do {
      spec = test::random_register(random, {order, order, {}}, 20'000).spec;
    } while (spec.length < 2);
    const Register reg(spec);
    SCOPED_TRACE(testing::Message() << "round " << round << ", q = " << order << ", n = "
                                    << reg.length() << ", " << print_anf(reg.feedback()));
    expect_everywhere(reg, by_leaders(reg), random);
  }
}

/// The fields that are bit-sliced in planes: every length from the least on.
TEST_F(MilestoneEngine, AgreesWithTheLeaderSweepInPlanes) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 60; ++round) {
    expect_planes_everywhere(round, 8 + static_cast<int>(random() % 10), random);
  }
}

/// The long test milestone_engine_long runs these two: up to 2^22 states.
TEST_F(MilestoneEngine, DISABLED_LongRegistersOverGf2) {
  std::mt19937_64 random(8);
  for (int round = 0; round < 120; ++round) {
    const Register reg(
        test::random_binary_register(random, 19 + static_cast<unsigned>(round) % 4).spec);
    SCOPED_TRACE(testing::Message() << "round " << round << ", n = " << reg.length() << ", "
                                    << print_anf(reg.feedback()));
    expect_everywhere(reg, by_leaders(reg), random);
  }
}

TEST_F(MilestoneEngine, DISABLED_LongRegistersOverOtherFields) {
  std::mt19937_64 random(9);
  constexpr std::array<std::uint64_t, 8> orders = {3, 4, 5, 7, 8, 9, 16, 25};
  for (std::size_t round = 0; round < 24; ++round) {
    const std::uint64_t order = orders[round % orders.size()];
    const auto length = static_cast<unsigned>(22 / std::log2(order));
    const Register reg(test::random_affine_register(random, order, length));
    SCOPED_TRACE(testing::Message() << "round " << round << ", q = " << order << ", n = " << length
                                    << ", " << print_anf(reg.feedback()));
    expect_everywhere(reg, by_leaders(reg), random);
  }
}

/// f(0) != 0: the state 0 is on a cycle with others, which begins with the longest zero run.
TEST_F(MilestoneEngine, CoversTheStateZeroWhereverItIs) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 14; ++round) {
    const test::TestField& field = test::test_fields()[static_cast<std::size_t>(round) % 7];
    RegisterSpec spec;
    do {
      spec = test::random_register(random, field, 5000).spec;
    } while (spec.length < 2);
    std::erase_if(spec.feedback.terms, [](const Term& term) { return term.stages.empty(); });
    for (const bool complemented : {false, true}) {
      if (complemented) spec.feedback.terms.push_back({1, {}});
      const Register reg(spec);
      SCOPED_TRACE(testing::Message() << "round " << round << ", q = " << field.order << ", "
                                      << print_anf(reg.feedback()));
      const Outcome expected = by_leaders(reg);
      ASSERT_EQ(expected.table[1] == 1, !complemented);
      expect_everywhere(reg, expected, random);
    }
  }
}

/// Every row of the tables, against the published histograms.
class MilestoneGroundTruth : public MilestoneEngine {
 protected:
  /// With a number of zeros that suits the length, as a real run would take, and with any.
  void expect_histogram(const Register& reg, const test::Histogram& expected) {
    expect_histogram(reg, expected, std::max(1U, reg.length() / 3));
    expect_histogram(reg, expected, any_zeros(reg));
  }
  void expect_histogram(const Register& reg, const test::Histogram& expected, unsigned zeros) {
    SCOPED_TRACE(testing::Message() << "k = " << zeros);
    MilestoneOptions options;
    options.zeros = zeros;
    if (reg.field().order() == 2) options.short_cycles = std::min(reg.length() - 1, 8U);
    const Decomposition result = decompose_by_milestones(
        reg, all_rows, options, machine(1 + static_cast<unsigned>(random_() % 3), 0).scheduler);
    EXPECT_TRUE(result.certificate.complete);
    const Outcome found = outcome_of(result);
    if (comm_.rank() == 0) {
      EXPECT_EQ(found.histogram, expected);
    }
  }
  unsigned any_zeros(const Register& reg) {
    return 1 + static_cast<unsigned>(random_() % (reg.length() - 1));
  }
  Register coefficient_register(std::uint64_t order, const std::string& text) {
    const ParsedRegister parsed = parse_coefficients(text, Field(order));
    return Register({order, "", parsed.length, parsed.feedback});
  }
  Register feedback_register(const std::string& length, const std::string& feedback) {
    const auto n = static_cast<std::uint32_t>(std::stoul(length));
    return Register({2, "", n, parse_feedback(feedback, Field(2), n)});
  }

  std::mt19937_64 random_{5};
};

TEST_F(MilestoneGroundTruth, KnownBinaryRegisters) {
  for (const auto& row : test::read_rows("cycles_known.tsv")) {
    SCOPED_TRACE(row[0] + " " + row[2]);
    expect_histogram(feedback_register(row[0], row[2]), test::read_histogram(row[4]));
  }
}

TEST_F(MilestoneGroundTruth, KnownRegistersOverOtherFields) {
  for (const auto& row : test::read_rows("cycles_known_gfq.tsv")) {
    SCOPED_TRACE(row[0] + " " + row[1]);
    expect_histogram(coefficient_register(std::stoull(row[0]), row[1]),
                     test::read_histogram(row[2]));
  }
}

TEST_F(MilestoneGroundTruth, RowsOfLfsrSeq) {
  for (const auto& row : test::read_rows("lfsr_seq_rows.tsv")) {
    SCOPED_TRACE(row[1]);
    expect_histogram(coefficient_register(std::stoull(row[0]), row[1]),
                     test::read_histogram(row[2]));
  }
}

TEST_F(MilestoneGroundTruth, MaximumPeriodRegisters) {
  for (const auto& row : test::read_rows("nlfsr_max_period_n4_16.tsv")) {
    SCOPED_TRACE(row[0] + " " + row[1]);
    const Register reg = feedback_register(row[0], row[1]);
    expect_histogram(reg, {{1, 1}, {reg.state_count() - 1, 1}}, any_zeros(reg));
  }
}

/// A wrong length leaves a permutation, so that nothing but the certificate can find it. What ends
/// the job on the way is tested from outside: milestone_damage_test.py.
TEST_F(MilestoneEngine, AWrongLengthEndsInAnInternalError) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 40; ++round) {
    const test::TestField& field = test::test_fields()[static_cast<std::size_t>(round) % 7];
    RegisterSpec spec;
    do {
      spec = test::random_register(random, field, 20'000).spec;
    } while (spec.length < 2);
    const Register reg(spec);
    MilestoneOptions options;
    options.zeros = 1 + static_cast<unsigned>(random() % (reg.length() - 1));
    options.spread = round % 2 == 1;
    options.ranks_per_node = 1;
    options.station_distance = 16;
    const SegmentFormat format(MilestoneMap(reg, options.zeros).count());
    const std::uint64_t draw = random();
    std::uint64_t damaged = 0;
    options.before_contraction = [&](std::uint64_t* entries, std::uint64_t count) {
      ++damaged;
      // Of a spread table root has the first part, which is never empty.
      if (comm_.rank() != 0) return;
      std::uint64_t& entry = entries[draw % count];
      // One state more, one less, or a bit of the length flipped.
      const std::uint64_t length = format.length(entry);
      const std::uint64_t wrong = round % 3 == 0   ? length + 1
                                  : round % 3 == 1 ? length - 1
                                                   : length ^ (std::uint64_t{1} << (draw % 16));
      entry = format.pack(format.successor(entry), wrong);
    };
    SCOPED_TRACE(testing::Message() << "round " << round << ", q = " << field.order
                                    << ", n = " << reg.length() << ", k = " << options.zeros);
    try {
      decompose_by_milestones(reg, all_rows, options, machine(2, 0).scheduler);
      ADD_FAILURE() << "a decomposition came out of a damaged table";
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), ExitCode::internal) << error.what();
    }
    EXPECT_EQ(damaged, 1u);
  }
}

}  // namespace
}  // namespace orbitmill
