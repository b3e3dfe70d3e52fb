/// Reciprocal and complement against the bitmap walk: equal cycle lengths, on random registers.
#include "orbitmill/register/symmetry.hpp"

#include <gtest/gtest.h>

#include <random>

#include "orbitmill/register/notation.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

test::RegisterPair random_case(std::mt19937_64& random, int round) {
  const test::TestField& field = test::test_fields()[static_cast<std::size_t>(round) % 7];
  return test::random_register(random, field, 700);
}

std::map<std::uint64_t, std::uint64_t> histogram_of(const RegisterSpec& spec,
                                                    const test::TestField& field) {
  const oracle::SlowRegister slow = test::slow_register(spec, field);
  return oracle::histogram_of(
      oracle::bitmap_walk(slow.states(), [&](std::uint64_t state) { return slow.step(state); }));
}

TEST(Symmetry, KeepsTheCycleLengths) {
  std::mt19937_64 random(7);
  int complements = 0, changed = 0;
  for (int round = 0; round < 280; ++round) {
    const test::TestField& test_field = test::test_fields()[static_cast<std::size_t>(round) % 7];
    const Register reg(random_case(random, round).spec);
    SCOPED_TRACE(testing::Message() << "q = " << test_field.order << ", n = " << reg.length()
                                    << ": " << print_anf(reg.feedback()));
    const auto expected = histogram_of(reg.spec(), test_field);
    RegisterSpec other = reg.spec();
    other.feedback = reciprocal_feedback(reg.feedback(), reg.length(), reg.field());
    EXPECT_EQ(histogram_of(other, test_field), expected) << print_anf(other.feedback);
    EXPECT_EQ(reciprocal_feedback(other.feedback, reg.length(), reg.field()), reg.feedback());
    changed += other.feedback == reg.feedback() ? 0 : 1;
    if (const auto complement = complement_feedback(reg.feedback(), reg.field())) {
      other.feedback = *complement;
      EXPECT_EQ(histogram_of(other, test_field), expected) << print_anf(other.feedback);
      EXPECT_EQ(complement_feedback(*complement, reg.field()), reg.feedback());
      ++complements;
    }
  }
  EXPECT_GT(complements, 30);
  EXPECT_GT(changed, 100);
}

TEST(Symmetry, CanonicalIsTheSameForTheWholeClass) {
  std::mt19937_64 random(8);
  for (int round = 0; round < 280; ++round) {
    const Register reg(random_case(random, round).spec);
    const Feedback& f = reg.feedback();
    const std::uint32_t n = reg.length();
    SCOPED_TRACE(print_anf(f));
    const Feedback canonical = canonical_feedback(f, n, reg.field());
    EXPECT_EQ(canonical_feedback(canonical, n, reg.field()), canonical);
    EXPECT_LE(register_key(reg.field().order(), n, canonical),
              register_key(reg.field().order(), n, f));
    const Feedback reciprocal = reciprocal_feedback(f, n, reg.field());
    EXPECT_EQ(canonical_feedback(reciprocal, n, reg.field()), canonical);
    if (const auto complement = complement_feedback(f, reg.field())) {
      EXPECT_EQ(canonical_feedback(*complement, n, reg.field()), canonical);
      EXPECT_EQ(
          canonical_feedback(reciprocal_feedback(*complement, n, reg.field()), n, reg.field()),
          canonical);
    }
  }
}

TEST(Symmetry, KnownImages) {
  const Field binary(2);
  const auto parse = [&](const char* text) { return parse_feedback(text, binary, 4); };
  // Dubrova lists 0,1,2,(1,2) for n = 4; its mirror is 0,3,2,(3,2).
  EXPECT_EQ(reciprocal_feedback(parse("0,1,2,(1,2)"), 4, binary), parse("0,2,3,(2,3)"));
  EXPECT_EQ(complement_feedback(parse("x0 + x1"), binary), parse("x0 + x1 + 1"));
  EXPECT_EQ(complement_feedback(parse("x0"), binary), parse("x0"));
  EXPECT_EQ(complement_feedback(parse("0,1,2,(1,3)"), binary), parse("x0 + x2 + x3 + x1*x3 + 1"));
  EXPECT_FALSE(complement_feedback(Feedback{{{1, {0}}}}, Field(3)));
  const Feedback singular = parse("1,3");
  EXPECT_EQ(canonical_feedback(singular, 4, binary), singular);
  // Products that would become more than a thousand terms are left alone, on both sides.
  const Feedback high = parse_feedback("0,(1,2,3,4,5,6,7,8,9,10,11)", binary, 12);
  EXPECT_FALSE(complement_feedback(high, binary));
}

TEST(Symmetry, KeysCompareLikeRegisters) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 200; ++round) {
    const Register reg(random_case(random, round).spec);
    const std::string key = register_key(reg.field().order(), reg.length(), reg.feedback());
    const KeyedRegister back = register_of_key(key);
    EXPECT_EQ(back.feedback, reg.feedback());
    EXPECT_EQ(back.length, reg.length());
    EXPECT_EQ(back.field_order, reg.field().order());
  }
  const auto key = [](std::uint32_t length, const char* text) {
    return register_key(2, length, parse_feedback(text, Field(2), length));
  };
  EXPECT_LT(key(4, "x0"), key(5, "x0"));
  EXPECT_LT(key(5, "x0 + x4"), key(5, "x0 + x1 + x2"));
  EXPECT_LT(key(5, "x0 + x1*x4"), key(5, "x0 + x2*x3"));
  EXPECT_LT(key(5, "x0 + x4"), key(5, "x0 + x1*x2"));
  EXPECT_LT(key(5, "x0 + x1*x2"), key(5, "x0 + 1"));
  EXPECT_LT(key(300, "x0 + x7"), key(300, "x0 + x299"));
  EXPECT_EQ(register_of_key(key(300, "x0 + x299 + 1")).feedback,
            parse_feedback("x0 + x299 + 1", Field(2), 300));
}

}  // namespace
}  // namespace orbitmill
