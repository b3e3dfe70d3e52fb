#include "orbitmill/decompose/lone_engine.hpp"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "oracle/bitmap_walk.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "support/ground_truth.hpp"
#include "support/random_register.hpp"

namespace {

using namespace orbitmill;

test::Histogram as_map(const Histogram& histogram) {
  test::Histogram map;
  for (const auto& [length, count] : histogram) map[length] += count;
  return map;
}

test::Histogram walked(const Register& reg) {
  return oracle::histogram_of(
      oracle::bitmap_walk(reg.state_count(), [&](State state) { return reg.next(state); }));
}

bool is_maximum(const test::Histogram& histogram, std::uint64_t states) {
  return histogram.rbegin()->first + 1 >= states;
}

Register binary(std::uint32_t length, const std::string& feedback) {
  RegisterSpec spec;
  spec.length = length;
  spec.feedback = parse_feedback(feedback, Field(2), length);
  return Register(spec);
}

/// The answer, against all cycles of the register.
PeriodAnswer checked_period(LoneEngine& engine, const Register& reg, const test::Histogram& cycles,
                            PeriodStageCounts& counts) {
  const PeriodStageCounts before = counts;
  const PeriodAnswer answer = engine.period(reg, counts);
  const std::string text = print_anf(reg.feedback()) + ", length " + std::to_string(reg.length());
  EXPECT_EQ(answer.maximum, is_maximum(cycles, reg.state_count())) << text;
  if (answer.maximum) {
    EXPECT_EQ(answer.witness_length, cycles.rbegin()->first) << text;
  } else if (answer.witness_length == 0) {
    // The parity of the number of cycles is wrong.
    EXPECT_EQ(answer.settled_by, PeriodStage::fixed_points) << text;
    std::uint64_t count = 0;
    for (const auto& [length, cycles_of_length] : cycles) count += cycles_of_length;
    const std::uint64_t fixed = cycles.contains(1) ? cycles.at(1) : 0;
    EXPECT_NE(count % 2, (fixed + 1) % 2) << text;
  } else {
    EXPECT_TRUE(cycles.contains(answer.witness_length)) << text << ": " << answer.witness_length;
  }
  if (answer.settled_by == PeriodStage::short_cycles) {
    const auto shortest = cycles.upper_bound(1);
    EXPECT_EQ(answer.witness_length, shortest->first) << text;
  }
  // Every stage up to the last one at most once, and one of them settled it.
  for (std::size_t i = 0; i < period_stages; ++i) {
    const bool last = i == static_cast<std::size_t>(answer.settled_by);
    EXPECT_EQ(counts[i].settled, before[i].settled + (last ? 1 : 0)) << text;
    EXPECT_LE(counts[i].entered, before[i].entered + 1) << text;
    EXPECT_GE(counts[i].seconds, before[i].seconds) << text;
    if (last) {
      EXPECT_EQ(counts[i].entered, before[i].entered + 1) << text;
    }
    if (i > static_cast<std::size_t>(answer.settled_by)) {
      EXPECT_EQ(counts[i].entered, before[i].entered) << text;
    }
  }
  return answer;
}

/// The four forms of tests/data/nlfsr_max_period_counts.tsv, one of each reciprocal pair.
std::vector<Feedback> registers_of_form(unsigned n, unsigned type) {
  const auto sets = [n](unsigned size) {
    std::vector<std::vector<std::uint32_t>> all;
    for (std::uint32_t mask = 0; mask < 1U << (n - 1); ++mask) {
      if (static_cast<unsigned>(__builtin_popcount(mask)) != size) continue;
      std::vector<std::uint32_t> stages;
      for (std::uint32_t i = 1; i < n; ++i) {
        if ((mask >> (i - 1) & 1) != 0) stages.push_back(i);
      }
      all.push_back(stages);
    }
    return all;
  };
  const std::array<unsigned, 4> taps = {2, 1, 4, 2};
  std::vector<Feedback> registers;
  std::set<std::set<std::vector<std::uint32_t>>> seen;
  const auto add = [&](const std::vector<std::uint32_t>& linear,
                       const std::vector<std::vector<std::uint32_t>>& products) {
    std::set<std::vector<std::uint32_t>> terms(products.begin(), products.end());
    for (const std::uint32_t stage : linear) terms.insert({stage});
    std::set<std::vector<std::uint32_t>> mirrored;
    for (const auto& stages : terms) {
      std::vector<std::uint32_t> mirror;
      for (auto i = stages.rbegin(); i != stages.rend(); ++i) mirror.push_back(n - *i);
      mirrored.insert(mirror);
    }
    if (!seen.insert(std::min(terms, mirrored)).second) return;
    Feedback feedback;
    feedback.terms.push_back({1, {0}});
    for (const auto& stages : terms) feedback.terms.push_back({1, stages});
    registers.push_back(feedback);
  };
  const auto products = sets(type == 4 ? 3 : 2);
  for (const auto& linear : sets(taps[type - 1])) {
    for (std::size_t i = 0; i < products.size(); ++i) {
      if (type != 2) {
        add(linear, {products[i]});
        continue;
      }
      for (std::size_t j = i + 1; j < products.size(); ++j) add(linear, {products[i], products[j]});
    }
  }
  return registers;
}

TEST(LoneEngine, HistogramsAgreeWithABitmapWalk) {
  std::mt19937_64 random(11);
  LoneEngine engine;  // one for all: what a register leaves behind must not matter
  for (unsigned i = 0; i < 400; ++i) {
    const auto& field = test::test_fields()[random() % test::test_fields().size()];
    const auto pair = test::random_register(random, field, 40'000);
    const Register reg(pair.spec);
    const auto expected = oracle::histogram_of(oracle::bitmap_walk(
        pair.slow.states(), [&](std::uint64_t state) { return pair.slow.step(state); }));
    EXPECT_EQ(as_map(engine.histogram(reg)), expected)
        << print_anf(reg.feedback()) << ", length " << reg.length() << ", q = " << field.order;
  }
}

TEST(LoneEngine, HistogramsOfLongerBinaryRegistersAgreeWithABitmapWalk) {
  std::mt19937_64 random(12);
  LoneEngine engine;
  for (unsigned i = 0; i < 120; ++i) {
    const auto pair = test::random_binary_register(random, 14 + i % 6);
    const Register reg(pair.spec);
    EXPECT_EQ(as_map(engine.histogram(reg)), walked(reg))
        << print_anf(reg.feedback()) << ", length " << reg.length();
  }
}

TEST(LoneEngine, HistogramsAboveTheTableOverOtherFields) {
  LoneEngine engine;
  std::mt19937_64 random(13);
  // 3^14 and 7^8 states: more than StateTable::max_states.
  for (const auto& [order, length] : {std::pair{3U, 14U}, std::pair{7U, 8U}}) {
    RegisterSpec spec;
    spec.field_order = order;
    spec.length = length;
    spec.feedback.terms = {{order - 1, {0}}, {1, {2}}, {order - 1, {5}}, {1, {}}};
    const Register reg(spec);
    EXPECT_EQ(as_map(engine.histogram(reg)), walked(reg)) << order;
  }
}

TEST(LoneEngine, KnownDecompositions) {
  LoneEngine engine;
  for (const auto& row : test::read_rows("cycles_known.tsv")) {
    if (std::stoul(row[0]) > 20) continue;
    const Register reg = binary(static_cast<std::uint32_t>(std::stoul(row[0])), row[2]);
    EXPECT_EQ(as_map(engine.histogram(reg)), test::read_histogram(row[4])) << row[2];
  }
}

TEST(LoneEngine, RefusesWhatItCannotWalk) {
  LoneEngine engine;
  PeriodStageCounts counts{};
  EXPECT_THROW(engine.histogram(binary(8, "1,2")), JobError);
  EXPECT_THROW(engine.period(binary(8, "1,2"), counts), JobError);
  EXPECT_THROW(engine.histogram(binary(63, "0,1")), JobError);
  EXPECT_THROW(engine.period(binary(63, "0,1,(2,3)"), counts), JobError);
  for (const PeriodStageCount& count : counts) EXPECT_EQ(count.entered, 0U);
}

TEST(LoneEngine, MaximumPeriodsOfTheFourForms) {
  LoneEngine engine;
  PeriodStageCounts counts{};
  std::uint64_t registers = 0;
  for (unsigned n = 4; n <= 9; ++n) {
    for (unsigned type = 1; type <= 4; ++type) {
      for (const Feedback& feedback : registers_of_form(n, type)) {
        // All of them up to 8, every fifth one of 9: the plain walks take their time.
        if (registers++ % 5 != 0 && n > 8) continue;
        RegisterSpec spec;
        spec.length = n;
        spec.feedback = feedback;
        const Register reg(spec);
        checked_period(engine, reg, walked(reg), counts);
      }
    }
  }
  EXPECT_GT(registers, 5000U);
}

/// Numbers from the literature: see the header of the table.
TEST(LoneEngine, CountsOfMaximumPeriodRegisters) {
  std::map<std::pair<unsigned, unsigned>, std::uint64_t> expected;
  for (const auto& row : test::read_rows("nlfsr_max_period_counts.tsv")) {
    expected[{static_cast<unsigned>(std::stoul(row[0])),
              static_cast<unsigned>(std::stoul(row[1]))}] = std::stoull(row[3]);
  }
  LoneEngine engine;
  PeriodStageCounts counts{};
  for (unsigned n = 4; n <= 12; ++n) {
    for (unsigned type = 1; type <= 4; ++type) {
      ASSERT_TRUE((expected.contains({n, type}))) << n << ", " << type;
      std::uint64_t found = 0;
      for (const Feedback& feedback : registers_of_form(n, type)) {
        RegisterSpec spec;
        spec.length = n;
        spec.feedback = feedback;
        found += engine.period(Register(spec), counts).maximum ? 1U : 0U;
      }
      EXPECT_EQ(found, (expected[{n, type}])) << "n = " << n << ", type " << type;
    }
  }
}

TEST(LoneEngine, KnownMaximumPeriodRegisters) {
  LoneEngine engine;
  PeriodStageCounts counts{};
  std::uint64_t registers = 0;
  for (const auto& row : test::read_rows("nlfsr_max_period_n4_16.tsv")) {
    const Register reg = binary(static_cast<std::uint32_t>(std::stoul(row[0])), row[1]);
    const PeriodAnswer answer = engine.period(reg, counts);
    EXPECT_TRUE(answer.maximum) << row[0] << ": " << row[1];
    EXPECT_EQ(answer.witness_length, reg.state_count() - 1);
    EXPECT_EQ(answer.settled_by, PeriodStage::full_pass);
    ++registers;
  }
  EXPECT_EQ(counts[static_cast<std::size_t>(PeriodStage::full_pass)].settled, registers);
}

TEST(LoneEngine, PeriodsOfRandomRegistersAgreeWithABitmapWalk) {
  std::mt19937_64 random(14);
  LoneEngine engine;
  PeriodStageCounts counts{};
  for (unsigned i = 0; i < 1500; ++i) {
    const auto pair = test::random_binary_register(random, 2 + i % 15);
    const Register reg(pair.spec);
    checked_period(engine, reg, walked(reg), counts);
  }
  for (unsigned i = 0; i < 150; ++i) {
    const auto& field = test::test_fields()[random() % test::test_fields().size()];
    const auto pair = test::random_register(random, field, 5'000);
    const Register reg(pair.spec);
    checked_period(engine, reg, walked(reg), counts);
  }
  // Each stage settles some.
  for (std::size_t i = 0; i < period_stages; ++i) {
    EXPECT_GT(counts[i].settled, 0U) << name_of(static_cast<PeriodStage>(i));
  }
}

/// Joining the cycle 0 of a maximum-period register to the other one gives a de Bruijn sequence: f
/// + (the product of all x_i + 1, i > 0), written out.
Register with_zero_joined(const Register& reg) {
  std::set<std::vector<std::uint32_t>> terms;
  const auto toggle = [&](const std::vector<std::uint32_t>& stages) {
    if (!terms.insert(stages).second) terms.erase(stages);
  };
  for (const Term& term : reg.feedback().terms) toggle(term.stages);
  for (std::uint32_t mask = 0; mask < 1U << (reg.length() - 1); ++mask) {
    std::vector<std::uint32_t> stages;
    for (std::uint32_t i = 1; i < reg.length(); ++i) {
      if ((mask >> (i - 1) & 1) != 0) stages.push_back(i);
    }
    toggle(stages);
  }
  RegisterSpec spec;
  spec.length = reg.length();
  for (const auto& stages : terms) spec.feedback.terms.push_back({1, stages});
  return Register(spec);
}

/// f(x_0 + 1, ...) + 1, written out: the register on complemented states.
Register complement(const Register& reg) {
  std::set<std::vector<std::uint32_t>> terms;
  const auto toggle = [&](const std::vector<std::uint32_t>& stages) {
    if (!terms.insert(stages).second) terms.erase(stages);
  };
  toggle({});
  for (const Term& term : reg.feedback().terms) {
    for (std::uint32_t mask = 0; mask < 1U << term.stages.size(); ++mask) {
      std::vector<std::uint32_t> some;
      for (std::size_t i = 0; i < term.stages.size(); ++i) {
        if ((mask >> i & 1) != 0) some.push_back(term.stages[i]);
      }
      toggle(some);
    }
  }
  RegisterSpec spec;
  spec.length = reg.length();
  for (const auto& stages : terms) spec.feedback.terms.push_back({1, stages});
  return Register(spec);
}

TEST(LoneEngine, DeBruijnAndComplementedRegisters) {
  LoneEngine engine;
  PeriodStageCounts counts{};
  std::set<std::uint32_t> lengths;
  for (const auto& row : test::read_rows("nlfsr_max_period_n4_16.tsv")) {
    const auto n = static_cast<std::uint32_t>(std::stoul(row[0]));
    const Register reg = binary(n, row[1]);
    const PeriodAnswer other = engine.period(complement(reg), counts);
    EXPECT_TRUE(other.maximum) << row[1];
    EXPECT_EQ(other.witness_length, reg.state_count() - 1) << row[1];
    if (n > 12 || !lengths.insert(n).second) continue;
    const Register joined = with_zero_joined(reg);
    const PeriodAnswer answer = engine.period(joined, counts);
    EXPECT_TRUE(answer.maximum) << row[1];
    EXPECT_EQ(answer.witness_length, reg.state_count()) << row[1];
    // The least flaw: the constant is gone, so 0 is a fixed point once more.
    RegisterSpec flawed = joined.spec();
    flawed.feedback.terms.pop_back();
    const Register wrong(flawed);
    EXPECT_FALSE(checked_period(engine, wrong, walked(wrong), counts).maximum) << row[1];
  }
  EXPECT_EQ(lengths.size(), 9U);
}

/// Answers must not depend on what the engine did before.
TEST(LoneEngine, WitnessesAreFunctionsOfTheRegister) {
  std::mt19937_64 random(15);
  LoneEngine used;
  PeriodStageCounts counts{};
  for (unsigned i = 0; i < 60; ++i) {
    const Register reg(test::random_binary_register(random, 18 + i % 4).spec);
    LoneEngine fresh;
    const PeriodAnswer a = used.period(reg, counts);
    used.histogram(binary(16, "0,1,(2,3)"));
    const PeriodAnswer b = used.period(reg, counts);
    const PeriodAnswer c = fresh.period(reg, counts);
    EXPECT_EQ(a.witness_length, b.witness_length);
    EXPECT_EQ(a.witness_length, c.witness_length);
    EXPECT_EQ(a.settled_by, c.settled_by);
    EXPECT_EQ(a.maximum, c.maximum);
  }
}

TEST(LoneEngine, PredictionsGrowWithTheStates) {
  EXPECT_GT(LoneEngine::predicted_s(binary(12, "0,1,(2,3)")), 0);
  EXPECT_GT(LoneEngine::predicted_s(binary(32, "0,1,(2,3)")),
            100 * LoneEngine::predicted_s(binary(20, "0,1,(2,3)")));
  RegisterSpec spec;
  spec.field_order = 3;
  spec.feedback.terms = {{1, {0}}};
  spec.length = 10;
  const double small_s = LoneEngine::predicted_s(Register(spec));
  spec.length = 20;
  EXPECT_GT(small_s, 0);
  EXPECT_GT(LoneEngine::predicted_s(Register(spec)), 1000 * small_s);
}

}  // namespace
