// The closed form against walks over every state, and against the tables of tests/data.
#include "orbitmill/decompose/closed_form.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "support/ground_truth.hpp"
#include "support/slow_polynomial.hpp"

namespace {

using namespace orbitmill;
using test::Coefficients;

/// Cycles and tails of a map that need not be a bijection.
struct Walk {
  test::Histogram histogram;
  std::uint64_t transient_states = 0;
  std::uint64_t height = 0;  ///< the most steps that a state is away from its cycle
};

Walk walk_everything(const Register& reg) {
  constexpr std::uint64_t unseen = ~std::uint64_t{0};
  constexpr std::uint64_t on_path = unseen - 1;
  std::vector<std::uint64_t> distance(reg.state_count(), unseen);
  Walk walk;
  std::vector<State> path;
  for (State start = 0; start < distance.size(); ++start) {
    State state = start;
    path.clear();
    for (; distance[state] == unseen; state = reg.next(state)) {
      distance[state] = on_path;
      path.push_back(state);
    }
    if (distance[state] == on_path) {
      const auto cycle = std::ranges::find(path, state);
      for (auto it = cycle; it != path.end(); ++it) distance[*it] = 0;
      ++walk.histogram[static_cast<std::uint64_t>(path.end() - cycle)];
      path.erase(cycle, path.end());
    }
    for (std::uint64_t steps = distance[state]; !path.empty(); path.pop_back()) {
      distance[path.back()] = ++steps;
      ++walk.transient_states;
      walk.height = std::max(walk.height, steps);
    }
  }
  return walk;
}

ExactHistogram exact(const test::Histogram& histogram) {
  ExactHistogram result;
  for (const auto& [length, count] : histogram) {
    result.push_back({to_integer(length), to_integer(count)});
  }
  return result;
}

RegisterSpec spec_of(const test::FieldPair& pair, const Coefficients& polynomial,
                     Element constant) {
  RegisterSpec spec;
  spec.field_order = pair.order;
  spec.modulus = pair.modulus;
  spec.length = static_cast<std::uint32_t>(polynomial.size() - 1);
  for (std::uint32_t i = 0; i < spec.length; ++i) {
    const auto c = static_cast<Element>(test::slow_negate(pair.slow, polynomial[i]));
    if (c != 0) spec.feedback.terms.push_back({c, {i}});
  }
  if (constant != 0) spec.feedback.terms.push_back({constant, {}});
  return spec;
}

// What must have occurred among the random registers, lest the bias be lost unseen.
struct Seen {
  int singular = 0, affine = 0, no_fixed_point = 0, both = 0, repeated = 0, transient_only = 0;
};

TEST(ClosedForm, AgreesWithWalksOverEveryState) {
  std::mt19937_64 random(1);
  Seen seen;
  for (const test::FieldPair& pair : test::field_pairs()) {
    for (int trial = 0; trial < 400; ++trial) {
      const std::uint64_t states = trial % 8 == 0 ? 1 << 14 : 1 << 11;
      const std::size_t degree = 1 + random() % test::longest_degree(pair.order, states);
      const Coefficients polynomial = test::random_monic(random, pair.slow, degree);
      const auto constant =
          static_cast<Element>(trial % 3 == 0 ? 1 + random() % (pair.order - 1) : 0);
      const RegisterSpec spec = spec_of(pair, polynomial, constant);
      if (spec.feedback.terms.empty()) continue;
      const Register reg(spec);
      SCOPED_TRACE(fmt::format("GF({}) [{}] n = {}: {}", pair.order, pair.modulus, spec.length,
                               print_anf(reg.feedback())));
      const Walk walk = walk_everything(reg);
      const ClosedForm form = closed_form(reg);
      EXPECT_EQ(form.histogram, exact(walk.histogram));
      EXPECT_EQ(form.height, walk.height);
      EXPECT_EQ(form.transient_states, to_integer(walk.transient_states));
      EXPECT_EQ(test::to_slow(form.analysis.polynomial), polynomial);

      const bool fixed_point = walk.histogram.contains(1);
      seen.singular += walk.height > 0;
      seen.affine += constant != 0;
      seen.no_fixed_point += constant != 0 && !fixed_point;
      seen.both += walk.height > 0 && !fixed_point;
      seen.transient_only += walk.height == degree;
      seen.repeated += std::ranges::any_of(form.analysis.factors, [](const FactorOrder& entry) {
        return entry.order > 1 && entry.multiplicity > 1;
      });
    }
  }
  EXPECT_GT(seen.singular, 500);
  EXPECT_GT(seen.affine, 500);
  EXPECT_GT(seen.no_fixed_point, 200);
  EXPECT_GT(seen.both, 50);
  EXPECT_GT(seen.repeated, 300);
  EXPECT_GT(seen.transient_only, 10);
}

// Every coefficient row and constant of the shortest registers.
TEST(ClosedForm, AgreesWithWalksForAllShortRegisters) {
  for (const test::FieldPair& pair : test::field_pairs()) {
    if (pair.order > 5) continue;
    const std::size_t longest = pair.order == 2 ? 6 : pair.order == 3 ? 4 : 3;
    for (std::size_t degree = 1; degree <= longest; ++degree) {
      Coefficients polynomial(degree + 1);
      polynomial.back() = 1;
      while (true) {
        for (Element constant = 0; constant < pair.order; ++constant) {
          const RegisterSpec spec = spec_of(pair, polynomial, constant);
          if (spec.feedback.terms.empty()) continue;
          const Register reg(spec);
          const Walk walk = walk_everything(reg);
          const ClosedForm form = closed_form(reg);
          ASSERT_EQ(form.histogram, exact(walk.histogram)) << print_anf(reg.feedback());
          ASSERT_EQ(form.height, walk.height) << print_anf(reg.feedback());
        }
        std::size_t digit = 0;
        while (digit < degree && ++polynomial[digit] == pair.order) polynomial[digit++] = 0;
        if (digit == degree) break;
      }
    }
  }
}

TEST(ClosedForm, KnownDecompositionsOverTheBinaryField) {
  int linear = 0;
  for (const auto& row : test::read_rows("cycles_known.tsv")) {
    if (row.at(2).find('(') != std::string::npos) continue;
    RegisterSpec spec;
    spec.length = static_cast<std::uint32_t>(std::stoul(row.at(0)));
    spec.feedback = parse_feedback(row.at(2), Field(2), spec.length);
    EXPECT_EQ(closed_form(Register(spec)).histogram, exact(test::read_histogram(row.at(4))))
        << row.at(2);
    ++linear;
  }
  EXPECT_GE(linear, 15);
}

ClosedForm form_of_coefficients(const std::string& q, const std::string& coefficients) {
  RegisterSpec spec;
  spec.field_order = std::stoull(q);
  const ParsedRegister parsed = parse_coefficients(coefficients, Field(spec.field_order));
  spec.length = parsed.length;
  spec.feedback = parsed.feedback;
  return closed_form(Register(spec));
}

TEST(ClosedForm, KnownDecompositionsOverOtherFields) {
  for (const auto& row : test::read_rows("cycles_known_gfq.tsv")) {
    EXPECT_EQ(form_of_coefficients(row.at(0), row.at(1)).histogram,
              exact(test::read_histogram(row.at(2))))
        << row.at(1);
  }
}

TEST(ClosedForm, RowsOfLfsrSeqWithTheOrderOfThePolynomial) {
  for (const auto& row : test::read_rows("lfsr_seq_rows.tsv")) {
    const ClosedForm form = form_of_coefficients(row.at(0), row.at(1));
    EXPECT_EQ(form.histogram, exact(test::read_histogram(row.at(2)))) << row.at(1);
    EXPECT_EQ(form.analysis.order, parse_integer(row.at(3))) << row.at(1);
  }
}

// f = x_0: the cycles of length d | n are the Lyndon words of length d, (1/d) sum mu(d/e) q^e
// (MacMahon 1892); with f = x_0 + 1 over GF(2), the self-complementary ones of length 2 d with n/d
// odd (Golomb, Shift Register Sequences, ch. VII).
TEST(ClosedForm, PureCyclesOfThousandsOfStages) {
  for (const std::uint32_t n : {3000U, 4096U, 1155U}) {
    RegisterSpec spec;
    spec.length = n;
    spec.feedback.terms = {{1, {0}}};
    const ClosedForm pure = closed_form(Register(spec));
    spec.feedback.terms.push_back({1, {}});
    const ClosedForm complemented = closed_form(Register(spec));

    // Words of period dividing d, without those of a proper divisor.
    std::map<std::uint32_t, Integer> aperiodic, complementary;
    ExactHistogram necklaces, complemented_necklaces;
    for (std::uint32_t d = 1; d <= n; ++d) {
      if (n % d != 0) continue;
      aperiodic[d] = power(2, d);
      for (const auto& [e, words] : aperiodic) {
        if (e < d && d % e == 0) aperiodic[d] -= words;
      }
      necklaces.push_back({d, aperiodic[d] / d});
      if (n / d % 2 == 0) continue;
      complementary[d] = power(2, d);
      for (const auto& [e, words] : complementary) {
        if (e < d && d % e == 0 && d / e % 2 == 1) complementary[d] -= words;
      }
      complemented_necklaces.push_back({2 * d, complementary[d] / (2 * d)});
    }
    EXPECT_EQ(pure.histogram, necklaces) << n;
    EXPECT_EQ(complemented.histogram, complemented_necklaces) << n;
    EXPECT_EQ(pure.analysis.order, n);
  }
}

TEST(ClosedForm, RefusesWhatItCannotTell) {
  RegisterSpec spec;
  spec.length = 3;
  spec.feedback.terms = {{1, {0}}, {1, {1, 2}}};
  EXPECT_THROW(closed_form(Register(spec)), JobError);
}

// 21 primitive polynomials with coprime orders would give 2^21 lengths.
TEST(ClosedForm, RefusesMoreThanAMillionLengths) {
  const Field field(2);
  Polynomial product{{1}};
  std::mt19937_64 random(5);
  std::uint32_t found = 0;
  for (const std::uint32_t degree : {2U,  3U,  5U,  7U,  11U, 13U, 17U, 19U, 23U, 29U, 31U,
                                     37U, 41U, 43U, 47U, 53U, 59U, 61U, 67U, 71U, 73U}) {
    // Orders 2^d - 1 of different prime degrees are coprime to each other.
    for (;;) {
      Polynomial candidate{std::vector<Element>(degree + 1)};
      for (Element& coefficient : candidate.coefficients) {
        coefficient = static_cast<Element>(random() % 2);
      }
      candidate.coefficients.front() = candidate.coefficients.back() = 1;
      if (!analyse(candidate, field).irreducible) continue;
      product = multiply(product, candidate, field);
      ++found;
      break;
    }
  }
  ASSERT_EQ(found, 21U);
  RegisterSpec spec;
  spec.length = product.degree();
  for (std::uint32_t i = 0; i < spec.length; ++i) {
    if (product.coefficients[i] != 0) spec.feedback.terms.push_back({1, {i}});
  }
  EXPECT_THROW(closed_form(Register(spec)), JobError);
}

}  // namespace
