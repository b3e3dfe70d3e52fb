// The step against a walk over digit vectors, and against published cycle structures.
#include "orbitmill/register/register.hpp"

#include <gtest/gtest.h>

#include <boost/archive/binary_iarchive.hpp>
#include <boost/archive/binary_oarchive.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "random_register.hpp"

namespace orbitmill {
namespace {

using testing::Random;

/// The definition, symbol by symbol: x_i takes x_{i+1}, x_{n-1} takes f.
State step_by_definition(const Register& reg, State state) {
  const Field& field = reg.field();
  std::vector<Element> stages(reg.length());
  for (Element& stage : stages) {
    stage = static_cast<Element>(state % field.order());
    state /= field.order();
  }
  Element shifted_in = 0;
  for (const Term& term : reg.feedback().terms) {
    Element value = term.coefficient;
    for (const std::uint32_t stage : term.stages) value = field.multiply(value, stages[stage]);
    shifted_in = field.add(shifted_in, value);
  }
  stages.erase(stages.begin());
  stages.push_back(shifted_in);
  State result = 0;
  for (auto it = stages.rbegin(); it != stages.rend(); ++it) result = result * field.order() + *it;
  return result;
}

Register random_register(Random& random, std::uint32_t q, std::uint32_t n) {
  RegisterSpec spec;
  spec.field_order = q;
  spec.length = n;
  spec.feedback = q == 2 ? testing::random_anf(random, n) : testing::random_affine(random, q, n);
  return Register(spec);
}

std::string histogram(const Register& reg) {
  std::map<std::uint64_t, std::uint64_t> counts;
  std::vector<bool> visited(reg.state_count());
  for (State start = 0; start < reg.state_count(); ++start) {
    std::uint64_t length = 0;
    for (State s = start; !visited[s]; s = reg.next(s), ++length) visited[s] = true;
    if (length > 0) ++counts[length];
  }
  std::string text;
  for (const auto& [length, count] : counts) {
    if (!text.empty()) text += ',';
    text += std::to_string(length) + ':' + std::to_string(count);
  }
  return text;
}

Register from_coefficients(std::uint64_t q, const std::string& coefficients) {
  const ParsedRegister parsed = parse_coefficients(coefficients, Field(q));
  return Register({q, "", parsed.length, parsed.feedback});
}

Register from_feedback(std::uint32_t n, const std::string& feedback) {
  return Register({2, "", n, parse_feedback(feedback, Field(2), n)});
}

std::string refusal(const RegisterSpec& spec) {
  try {
    Register reg(spec);
  } catch (const JobError& error) {
    return error.what();
  }
  return "no JobError";
}

std::string exhaustible_refusal(const Register& reg) {
  try {
    reg.require_exhaustible();
  } catch (const JobError& error) {
    return error.what();
  }
  return "no JobError";
}

TEST(Register, StepsAsDefinedAndIsABijectionExactlyWhenNonsingular) {
  Random random(21);
  int singular = 0;
  for (const std::uint32_t q : {2U, 3U, 4U, 5U, 8U, 9U}) {
    for (std::uint32_t n = 1; testing::power(q, n) <= 1024; ++n) {
      for (int i = 0; i < 40; ++i) {
        const Register reg = random_register(random, q, n);
        SCOPED_TRACE("GF(" + std::to_string(q) + "), n = " + std::to_string(n) + ", " +
                     print_anf(reg.feedback()));
        const std::uint64_t count = testing::power(q, n);
        ASSERT_EQ(reg.state_count(), count);
        std::vector<bool> reached(count);
        bool bijection = true;
        for (State s = 0; s < count; ++s) {
          const State successor = reg.next(s);
          ASSERT_EQ(successor, step_by_definition(reg, s)) << s;
          bijection = bijection && !reached[successor];
          reached[successor] = true;
        }
        ASSERT_EQ(reg.is_nonsingular(), bijection);
        if (!bijection) {
          ++singular;
          continue;
        }
        for (State s = 0; s < count; ++s) {
          ASSERT_EQ(reg.prev(reg.next(s)), s);
          ASSERT_EQ(reg.next(reg.prev(s)), s);
        }
      }
    }
  }
  EXPECT_GT(singular, 100);
}

TEST(Register, StepsAtTheLongestLengths) {
  Random random(22);
  // The greatest n with q^n < 2^63.
  const std::map<std::uint32_t, std::uint32_t> greatest{
      {2, 62}, {3, 39}, {4, 31}, {5, 27}, {8, 20}, {9, 19}, {256, 7}, {65521, 3}, {65536, 3}};
  for (const auto& [q, n] : greatest) {
    for (int i = 0; i < 20; ++i) {
      RegisterSpec spec = random_register(random, q, n).spec();
      // Singular ones are of no use here: put x0 in, take products with x0 out.
      std::vector<Term> terms{{1 + testing::corner_below(random, q - 1), {0}}};
      for (const Term& term : spec.feedback.terms) {
        if (term.stages.empty() || term.stages.front() != 0) terms.push_back(term);
      }
      spec.feedback.terms = terms;
      const Register reg(spec);
      EXPECT_NO_THROW(reg.require_exhaustible());
      ASSERT_EQ(reg.state_count(), testing::power(q, n));
      for (int k = 0; k < 50; ++k) {
        const State s = k == 0 ? reg.state_count() - 1 : random() % reg.state_count();
        ASSERT_EQ(reg.next(s), step_by_definition(reg, s));
        ASSERT_EQ(reg.prev(reg.next(s)), s);
        ASSERT_EQ(reg.next(reg.prev(s)), s);
      }
    }
    RegisterSpec longer;
    longer.field_order = q;
    longer.length = n + 1;
    longer.feedback = {{{1, {0}}}};
    EXPECT_FALSE(Register(longer).is_exhaustible()) << q;
    EXPECT_THROW(Register(longer).state_count(), JobError) << q;
  }
}

TEST(Register, HasTheKnownCycles) {
  // Lengths and counts agreed on by lfsr-seq (SageMath), GAP's CycleStructurePerm and a bitmap
  // walk.
  EXPECT_EQ(histogram(from_feedback(6, "0,1,2,(1,2)")), "1:1,63:1");
  EXPECT_EQ(histogram(from_feedback(8, "0")), "1:2,2:1,4:3,8:30");
  EXPECT_EQ(histogram(from_feedback(10, "0,1,4,(3,7)")), "1:1,1023:1");
  EXPECT_EQ(histogram(from_feedback(10, "0,1,2,8,9")), "1:2,2:1,3:2,4:3,6:1,8:30,12:3,24:30");
  // Brute force over every state with GAP, elements written as integers.
  EXPECT_EQ(histogram(from_coefficients(3, "2,0,1,0,0,1")), "1:3,121:6");
  EXPECT_EQ(histogram(from_coefficients(5, "2,0,0,0,0")), "1:1,4:1,20:156");
  EXPECT_EQ(histogram(from_coefficients(4, "3,0,0,0,0,0")), "1:1,9:7,18:224");
  EXPECT_EQ(histogram(from_coefficients(8, "3,0,0,1,0")), "1:1,63:1,511:1,4599:7");
  EXPECT_EQ(histogram(from_coefficients(9, "2,0,0,0")), "1:1,8:820");
  EXPECT_EQ(histogram(from_coefficients(16, "4,0,12,0")), "1:1,3:5,6:40,15:16,30:2168");
  EXPECT_EQ(histogram(from_coefficients(25, "3,18,6")), "1:1,4:6,52:300");
}

TEST(Register, MakesItsSpecificationCanonical) {
  RegisterSpec spec;
  spec.field_order = 9;
  spec.length = 5;
  spec.feedback = {{{2, {}}, {1, {4}}, {5, {0}}}};
  const Register reg(spec);
  EXPECT_EQ(reg.spec().modulus, "x^2 + 2*x + 2");
  EXPECT_EQ(print_anf(reg.feedback()), "5*x0 + x4 + 2");
  EXPECT_EQ(Register(reg.spec()).spec(), reg.spec());

  spec.modulus = "1+x^2";
  EXPECT_EQ(Register(spec).spec().modulus, "x^2 + 1");
  EXPECT_EQ(from_feedback(4, "(3,1),0").spec().modulus, "");
}

TEST(Register, RefusesWhatAFileOrAMessageMustNotSay) {
  const struct {
    std::uint64_t q;
    std::uint32_t n;
    Feedback feedback;
    std::string expected;
  } cases[] = {
      {2, 0, {{{1, {0}}}}, "register length \"0\""},
      {2, max_register_length + 1, {{{1, {0}}}}, "register length \"100001\""},
      {6, 4, {{{1, {0}}}}, "field order \"6\""},
      {2, 4, {{{1, {4}}}}, "\"x4\": stage 4 does not exist"},
      {2, 4, {{{1, {0}}, {1, {2, 9}}}}, "\"x2*x9\": stage 9 does not exist"},
      {2, 4, {{{1, {9, 2}}}}, "stage 9 does not exist"},
      {2, 4, {{{2, {0}}}}, "the coefficient 2 is not a nonzero element of GF(2)"},
      {2, 4, {{{0, {0}}}}, "the coefficient 0 is not a nonzero element"},
      {2, 4, {{{1, {0}}, {0, {}}}}, "the coefficient 0 is not a nonzero element"},
      {4, 4, {{{4, {}}}}, "expected 1 to 3"},
      {4, 4, {{{1, {0, 1}}}}, "products of stages need GF(2)"},
      {2, 4, {{{1, {1, 2, 1}}}}, "stage 1 occurs twice"},
      {2, 4, {{{1, {0}}, {1, {2, 1}}, {1, {1, 2}}}}, "\"x1*x2\": it is repeated"},
      {5, 4, {{{1, {3}}, {1, {0}}, {2, {3}}}}, "it is repeated"},
      {5, 4, {{{1, {}}, {1, {0}}, {3, {}}}}, "it is repeated"},
  };
  for (const auto& bad : cases) {
    const std::string message = refusal({bad.q, "", bad.n, bad.feedback});
    EXPECT_NE(message.find(bad.expected), std::string::npos) << bad.expected << ": " << message;
  }
  EXPECT_NE(refusal({3, "x + 1", 4, {{{1, {0}}}}}).find("prime field"), std::string::npos);
}

TEST(Register, AcceptsSingularRegistersAndStepsThem) {
  const Register zero({2, "", 3, {}});
  EXPECT_FALSE(zero.is_nonsingular());
  EXPECT_EQ(zero.next(7), 3U);
  EXPECT_EQ(zero.next(0), 0U);
  const Register constant({3, "", 2, {{{2, {}}}}});
  EXPECT_EQ(constant.next(0), 6U);
}

TEST(Register, SaysHowToDecomposeASingularRegister) {
  const auto contains = [](const std::string& message, const std::string& part) {
    return message.find(part) != std::string::npos;
  };
  const std::string linear = exhaustible_refusal(from_coefficients(5, "0,0,3,0,1"));
  EXPECT_TRUE(contains(linear, "singular")) << linear;
  EXPECT_TRUE(contains(linear, "length 3 with coefficients \"3,0,1\"")) << linear;

  const std::string nonlinear = exhaustible_refusal(from_feedback(6, "1,3,(2,5)"));
  EXPECT_TRUE(contains(nonlinear, "length 5 with feedback \"x0 + x2 + x1*x4\"")) << nonlinear;

  const std::string affine = exhaustible_refusal(from_feedback(6, "x2 + x3 + 1"));
  EXPECT_TRUE(contains(affine, "length 4 with feedback \"x0 + x1 + 1\"")) << affine;

  const std::string product = exhaustible_refusal(from_feedback(6, "1,(0,5)"));
  EXPECT_TRUE(contains(product, "x0 is not a term of its own")) << product;
  EXPECT_TRUE(contains(product, "use it in no product")) << product;

  const std::string both = exhaustible_refusal(from_feedback(6, "0,(0,5)"));
  EXPECT_TRUE(contains(both, "in a product as well as in a term of its own")) << both;

  const std::string useless = exhaustible_refusal(from_feedback(6, "1,(1,5)"));
  EXPECT_TRUE(contains(useless, "add x0")) << useless;
  EXPECT_FALSE(contains(useless, "the same cycles")) << useless;

  EXPECT_TRUE(contains(exhaustible_refusal(Register({2, "", 4, {}})), "single cycle"));

  // Too long for one line: the message stays readable.
  RegisterSpec wide{2, "", 5000, {}};
  for (std::uint32_t i = 1; i < 5000; ++i) wide.feedback.terms.push_back({1, {i}});
  EXPECT_LT(exhaustible_refusal(Register(wide)).size(), 600U);

  EXPECT_EQ(exhaustible_refusal(from_feedback(6, "0,1,(1,5)")), "no JobError");
}

TEST(Register, TheShorterRegisterInTheMessageHasTheSameCycles) {
  // Cycles of a singular register: a state lies on one iff the walk from it comes back.
  const auto cycle_lengths = [](const Register& reg) {
    std::map<std::uint64_t, std::uint64_t> states;
    for (State start = 0; start < reg.state_count(); ++start) {
      State s = reg.next(start);
      std::uint64_t length = 1;
      for (; s != start && length <= reg.state_count(); ++length) s = reg.next(s);
      if (s == start) ++states[length];
    }
    return states;
  };
  EXPECT_EQ(cycle_lengths(from_feedback(6, "1,3,(2,5)")),
            cycle_lengths(from_feedback(5, "x0 + x2 + x1*x4")));
  EXPECT_EQ(cycle_lengths(from_feedback(6, "x2 + x3 + 1")),
            cycle_lengths(from_feedback(4, "x0 + x1 + 1")));
  EXPECT_EQ(cycle_lengths(from_coefficients(3, "0,0,2,0,1")),
            cycle_lengths(from_coefficients(3, "2,0,1")));
}

TEST(Register, RefusesToWalkTooManyStates) {
  const std::string message = exhaustible_refusal(Register({2, "", 80, {{{1, {0}}}}}));
  EXPECT_NE(message.find("2^80"), std::string::npos) << message;
  EXPECT_NE(message.find("up to length 62"), std::string::npos) << message;
  EXPECT_NE(message.find("closed-form"), std::string::npos) << message;
}

TEST(Register, CountsItsStatesExactly) {
  const auto count = [](std::uint64_t q, std::uint32_t n) {
    return Register({q, "", n, {{{1, {0}}}}}).state_count_text();
  };
  EXPECT_EQ(count(2, 1), "2");
  EXPECT_EQ(count(10007, 3), "1002101470343");
  EXPECT_EQ(count(2, 62), std::to_string(std::uint64_t{1} << 62));
  EXPECT_EQ(count(2, 128), "340282366920938463463374607431768211456");
  // Schoolbook: double a decimal string 1000 times.
  std::string digits = "1";
  for (int i = 0; i < 1000; ++i) {
    int carry = 0;
    for (auto it = digits.rbegin(); it != digits.rend(); ++it) {
      const int doubled = 2 * (*it - '0') + carry;
      *it = static_cast<char>('0' + doubled % 10);
      carry = doubled / 10;
    }
    if (carry != 0) digits.insert(digits.begin(), '1');
  }
  EXPECT_EQ(count(2, 1000), digits);
  EXPECT_EQ(count(16, 250), digits);
  EXPECT_EQ(count(65536, max_register_length).size(), 481648U);  // 1 + floor(1.6e6 log10(2))
}

TEST(RegisterSpec, TravelsUnchanged) {
  Random random(23);
  for (int i = 0; i < 50; ++i) {
    const RegisterSpec spec = random_register(random, i % 2 == 0 ? 2U : 16U, 9).spec();
    std::stringstream stream;
    boost::archive::binary_oarchive(stream) << spec;
    RegisterSpec received;
    boost::archive::binary_iarchive(stream) >> received;
    EXPECT_EQ(received, spec);
  }
}

}  // namespace
}  // namespace orbitmill
