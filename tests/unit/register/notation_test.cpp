// Every notation against the others, exact columns of errors, and texts that nobody would write.
#include "orbitmill/register/notation.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "orbitmill/error.hpp"
#include "random_register.hpp"

namespace orbitmill {
namespace {

using testing::Random;

const Field& gf(std::uint32_t q) {
  static const std::vector<Field> fields{Field(2), Field(3), Field(4), Field(5), Field(9)};
  return *std::find_if(fields.begin(), fields.end(),
                       [q](const Field& field) { return field.order() == q; });
}

/// The message of the JobError that `parse` throws.
std::string message_of(const std::function<void()>& parse) {
  try {
    parse();
  } catch (const JobError& error) {
    return error.what();
  }
  return "no JobError";
}

/// The column of the caret, counted from the first column of the text shown.
std::ptrdiff_t caret_column(const std::string& message) {
  const std::size_t last_line = message.rfind('\n');
  if (last_line == std::string::npos) return -1;
  constexpr std::ptrdiff_t indentation = 2;
  return static_cast<std::ptrdiff_t>(message.find('^', last_line) - last_line - 1) - indentation;
}

std::string shown_line(const std::string& message) {
  const std::size_t last_line = message.rfind('\n');
  if (last_line == std::string::npos || last_line == 0) return "";
  const std::size_t first = message.rfind('\n', last_line - 1) + 1;
  return message.substr(first + 2, last_line - first - 2);
}

/// Adds and removes white space where it must not matter: between tokens.
std::string with_random_spaces(Random& random, const std::string& text) {
  const char* const spaces[] = {" ", "\t", "\n", "  ", "\r\n"};
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    const bool inside_number =
        i > 0 && std::isdigit(text[i]) != 0 && std::isdigit(text[i - 1]) != 0;
    if (!inside_number && random() % 4 == 0) result += spaces[random() % 5];
    result += text[i];
  }
  return result;
}

TEST(Notation, ReadsTheExamplesOfItsDocumentation) {
  const Feedback expected{{{1, {0}}, {1, {1}}, {1, {2}}, {1, {1, 2}}}};
  EXPECT_EQ(parse_feedback("0,1,2,(1,2)", gf(2), 6), expected);
  EXPECT_EQ(parse_feedback("x0 + x1 + x2 + x1*x2", gf(2), 6), expected);
  EXPECT_EQ(parse_feedback("(2,1), 2,1,0", gf(2), 6), expected);
  EXPECT_EQ(parse_feedback(" X_2*X1+x_0 + x2 - x1", gf(2), 6), expected);

  EXPECT_EQ(parse_feedback("0,()", gf(2), 4), (Feedback{{{1, {0}}, {1, {}}}}));
  EXPECT_EQ(parse_feedback("x0+1", gf(2), 4), (Feedback{{{1, {0}}, {1, {}}}}));
  EXPECT_EQ(parse_feedback("0,(3)", gf(2), 4), (Feedback{{{1, {0}}, {1, {3}}}}));
  EXPECT_EQ(parse_feedback("3,0,()", gf(4), 4), (Feedback{{{1, {0}}, {1, {3}}, {1, {}}}}));
  EXPECT_EQ(parse_feedback("2*x0 + x3 + 1", gf(5), 4), (Feedback{{{2, {0}}, {1, {3}}, {1, {}}}}));
  EXPECT_EQ(parse_feedback("-2*x0 - x3 - 1", gf(5), 4), (Feedback{{{3, {0}}, {4, {3}}, {4, {}}}}));
  // In GF(9) with x^2 + 2x + 2, minus (x + 1) is 2x + 2: element 4 becomes 8.
  EXPECT_EQ(parse_feedback("x0 - 4*x1", gf(9), 4), (Feedback{{{1, {0}}, {8, {1}}}}));
}

TEST(Notation, ReadsCoefficientsAndPolynomials) {
  const ParsedRegister row = parse_coefficients("1,0,1,1", gf(2));
  EXPECT_EQ(row.length, 4U);
  EXPECT_EQ(row.feedback, (Feedback{{{1, {0}}, {1, {2}}, {1, {3}}}}));

  const ParsedRegister sixteen = parse_polynomial("x^16 + x^12 + x^3 + x + 1", gf(2));
  EXPECT_EQ(sixteen.length, 16U);
  EXPECT_EQ(print_anf(sixteen.feedback), "x0 + x1 + x3 + x12");

  // f = x0 + 3 x2 over GF(5) has P = x^4 - 3 x^2 - 1 = x^4 + 2 x^2 + 4.
  for (const char* text :
       {"x^4 - 3*x^2 - 1", "x^4 + 2*x^2 + 4", "4+2*X^2+x^4", "x^4+0*x^3-3*x^2-1"}) {
    const ParsedRegister parsed = parse_polynomial(text, gf(5));
    EXPECT_EQ(parsed.length, 4U);
    EXPECT_EQ(print_anf(parsed.feedback), "x0 + 3*x2") << text;
  }
  EXPECT_EQ(print_polynomial({{{1, {0}}, {3, {2}}}}, gf(5), 4), "x^4 + 2*x^2 + 4");
  EXPECT_EQ(print_polynomial({{{1, {0}}, {1, {1}}, {1, {1, 3}}, {1, {}}}}, gf(2), 4),
            "x^4 + x + 1");
  EXPECT_EQ(print_coefficients({{{1, {0}}, {3, {2}}}}, 4), "1,0,3,0");
  EXPECT_EQ(print_index_list({{{1, {0}}, {1, {2}}, {1, {5, 9}}, {1, {}}}}), "0,2,(5,9),()");
  EXPECT_EQ(print_anf({}), "0");
}

TEST(Notation, AllNotationsOfARegisterGiveTheSameFeedback) {
  Random random(31);
  for (int i = 0; i < 4000; ++i) {
    const std::uint32_t q = std::vector<std::uint32_t>{2, 3, 4, 5, 9}[random() % 5];
    const auto n = 1 + static_cast<std::uint32_t>(random() % (i % 10 == 0 ? 300 : 12));
    const Field& field = gf(q);
    const Feedback feedback =
        q == 2 ? testing::random_anf(random, n) : testing::random_affine(random, q, n);
    const std::string anf = print_anf(feedback);
    SCOPED_TRACE("GF(" + std::to_string(q) + "), n = " + std::to_string(n) + ", " + anf);
    EXPECT_EQ(parse_feedback(anf, field, n), feedback);
    EXPECT_EQ(parse_feedback(with_random_spaces(random, anf), field, n), feedback);

    const bool only_ones = std::all_of(feedback.terms.begin(), feedback.terms.end(),
                                       [](const Term& term) { return term.coefficient == 1; });
    if (only_ones) {
      const std::string list = print_index_list(feedback);
      EXPECT_EQ(parse_feedback(with_random_spaces(random, list), field, n), feedback) << list;
    } else {
      EXPECT_THROW(print_index_list(feedback), InternalError);
    }
    if (feedback.is_linear()) {
      const std::string row = print_coefficients(feedback, n);
      const std::string polynomial = print_polynomial(feedback, field, n);
      const ParsedRegister from_row = parse_coefficients(with_random_spaces(random, row), field);
      const ParsedRegister from_polynomial =
          parse_polynomial(with_random_spaces(random, polynomial), field);
      EXPECT_EQ(from_row.length, n);
      EXPECT_EQ(from_row.feedback, feedback) << row;
      EXPECT_EQ(from_polynomial.length, n);
      EXPECT_EQ(from_polynomial.feedback, feedback) << polynomial;
    } else {
      EXPECT_THROW(print_coefficients(feedback, n), InternalError);
    }
  }
}

struct BadText {
  std::uint32_t q;
  std::string text;
  std::ptrdiff_t column;  ///< of the caret; -1: the message has none
  std::string expected;   ///< a part of the message
};

void expect_refusals(const std::vector<BadText>& cases,
                     const std::function<void(const std::string&, const Field&)>& parse) {
  for (const BadText& bad : cases) {
    const std::string message = message_of([&] { parse(bad.text, gf(bad.q)); });
    EXPECT_NE(message.find(bad.expected), std::string::npos) << bad.text << "\n" << message;
    EXPECT_EQ(caret_column(message), bad.column) << message;
  }
}

TEST(Notation, PointsAtTheErrorInAnIndexList) {
  expect_refusals(
      {
          {2, "0,1,9,(5)", 4,
           "stage 9 does not exist in a register of length 8 (stages are 0 to 7)"},
          {2, "0,(1,88)", 5, "stage 88 does not exist"},
          {2, "0,18446744073709551616", 2, "stage 18446744073709551616 does not exist"},
          {2, "0,99999999999999999999999999999999", 2, "stage 999999999999999999999999..."},
          {2, "", -1, "empty"},
          {2, " \t\n", -1, "empty"},
          {2, "0,1,", 3, "trailing comma"},
          {2, "0,1 , ", 4, "trailing comma"},
          {2, ",0", 0, "unexpected character \",\"; expected a stage number"},
          {2, "0,,1", 2, "unexpected character \",\""},
          {2, "0 1", 2, "unexpected character \"1\"; expected \",\""},
          {2, "0;1", 1, "unexpected character \";\""},
          {2, "0+1", 1, "unexpected character \"+\""},
          {2, "-1", 0, "unexpected character \"-\""},
          {2, "0,(1,2", 2, "has no \")\""},
          {2, "0,(", 2, "has no \")\""},
          {2, "0,(1,", 2, "has no \")\""},
          {2, "0,(1,)", 4, "trailing comma"},
          {2, "0,(,1)", 3, "unexpected character \",\""},
          {2, "0,(1 2)", 5, "expected \",\" or \")\""},
          {2, "0,((1,2))", 3, "unexpected character \"(\""},
          {2, "0,1)", 3, "unexpected character \")\""},
          {2, "0,1,2,1", 6, "the term x1 is repeated; over GF(2) it would cancel"},
          {2, "0,(1),1", 6, "the term x1 is repeated"},
          {2, "0,(2,1),(3,4),(1,2),(4,3)", 14, "the term x1*x2 is repeated"},
          {2, "0,(),1,()", 7, "the constant is repeated"},
          {5, "0,1,1", 4, "with the sum of the coefficients"},
          {2, "0,(1,2,1)", 7, "x1*x1 = x1"},
          {2, "0,(3,2,2,3)", 7, "stage 2 occurs twice"},
          {4, "0,(1,2)", 2, "products of stages need GF(2)"},
          {2, "()", 0, "the feedback is constant"},
          {2, "0,\t1,y", 6, "unexpected character \"y\""},
          {2, std::string("0\0", 2), 1, "unexpected byte \\x00"},
          {2, "0,\xe2\x88\x92", 2, "unexpected byte \\xe2 (only ASCII is read)"},
      },
      [](const std::string& text, const Field& field) { parse_feedback(text, field, 8); });
}

TEST(Notation, PointsAtTheErrorInAnAnf) {
  expect_refusals(
      {
          {2, "x0 + x8", 5, "stage 8 does not exist"},
          {2, "x0 + x_99999999999999999999", 5, "does not exist"},
          {2, "x0 + x", 6, "ends too early; expected a stage number after x"},
          {2, "x^4 + x + 1", 1, "characteristic polynomial"},
          {2, "x0^2", 2, "stages have no powers"},
          {2, "x0 +", 3, "nothing follows this sign"},
          {2, "x0 + + x1", 5, "unexpected character \"+\""},
          {2, "x0 x1", 3, "expected \"*\", \"+\", \"-\" or the end"},
          {2, "x0x1", 2, "expected \"*\""},
          {2, "x0,x1", 2, "unexpected character \",\""},
          {2, "x0 + (x1*x2)", 5, "unexpected character \"(\""},
          {2, "x0 + x1&x2", 7, "unexpected character \"&\""},
          {2, "x0 + x1*", 8, "ends too early"},
          {2, "x0 + x1*x1", 8, "stage 1 occurs twice"},
          {2, "x0 + x1 + x_1", 10, "the term x1 is repeated; over GF(2) it would cancel"},
          {2, "1 + x0 + 1", 9, "the constant is repeated"},
          {2, "x1*x2 + x0 + x2*x1", 13, "the term x1*x2 is repeated"},
          {2, "2*x0", 0, "the coefficient 2 is not an element of GF(2); elements are 0 to 1"},
          {4, "x0 + 4*x1", 5, "not an element of GF(4); elements are 0 to 3"},
          {5, "x0 + 18446744073709551617*x1", 5, "not an element of GF(5)"},
          {5, "x0 + 0*x1", 5, "the coefficient is 0"},
          {5, "x0 + 0", 5, "the coefficient is 0"},
          {5, "2x0", 1, "\"*\" between a coefficient and a stage"},
          {5, "x0*2", 3, "the coefficient comes first"},
          {5, "2*3*x0", 2, "one coefficient"},
          {5, "x0 + x1*x2", 7, "products of stages need GF(2)"},
          {5, "x0 - 2*x0", 5, "with the sum of the coefficients"},
          {2, "x0 \xe2\x8a\x95 x1", 3, "unexpected byte \\xe2"},
      },
      [](const std::string& text, const Field& field) { parse_feedback(text, field, 8); });
}

TEST(Notation, PointsAtTheErrorInCoefficients) {
  expect_refusals(
      {
          {2, "", -1, "empty"},
          {2, "1,0,2", 4, "not an element of GF(2); elements are 0 to 1"},
          {9, "1,9", 2, "not an element of GF(9); elements are 0 to 8"},
          {2, "1011", 0, "the coefficient 1011 is not an element"},
          {2, "1,0,", 3, "trailing comma"},
          {2, "1 0", 2, "expected \",\""},
          {3, "1,-1", 2, "unexpected character \"-\"; expected a coefficient, 0 to 2"},
          {2, "1,,0", 2, "unexpected character \",\""},
          {2, "0,0,0", 0, "all coefficients are 0"},
          {2, "1,x", 2, "unexpected character \"x\""},
          {2, "1,99999999999999999999", 2, "not an element"},
      },
      [](const std::string& text, const Field& field) { parse_coefficients(text, field); });
}

TEST(Notation, PointsAtTheErrorInAPolynomial) {
  expect_refusals(
      {
          {2, "", -1, "empty"},
          {2, "x^100001 + 1", 2, "the exponent 100001 is above the greatest one, 100000"},
          {2, "x^99999999999999999999 + 1", 2, "above the greatest one"},
          {5, "1 + 2*x^3", 4,
           "not monic: the coefficient of x^3 is 2; divide all coefficients by 2"},
          {3, "-x^3 + 1", 1, "not monic"},
          {2, "x^3 + x^3", 6, "the power x^3 occurs twice"},
          {3, "x^3 + x + 1 + x^1", 14, "the power x occurs twice"},
          {3, "x^3 + x^0 + 1", 12, "the power 1 occurs twice"},
          {3, "x^3 + 3", 6, "not an element of GF(3)"},
          {3, "x^3 + 2x", 7, "\"*\" between a coefficient and x"},
          {3, "x^3 + x*2", 7, "the coefficient comes first"},
          {3, "x^3 + 2*2*x", 8, "one coefficient"},
          {3, "x^3 + x1", 7, "stages such as x1 belong to a feedback"},
          {3, "x^3 + x_1", 7, "stages such as x1 belong to a feedback"},
          {3, "x^", 2, "ends too early; expected an exponent"},
          {3, "x^-1", 2, "expected an exponent"},
          {3, "x^3 + ", 4, "nothing follows this sign"},
          {3, "x^3 + 2*", 8, "ends too early"},
          {3, "x^3 x", 4, "expected \"+\", \"-\" or the end"},
          {3, "y^3 + 1", 0, "unexpected character \"y\""},
          {3, "1", 0, "constant"},
          {3, "0", 0, "the polynomial is zero"},
          {3, "0*x^2 + 0", 0, "the polynomial is zero"},
          {2, "x^5", 0, "all coefficients are 0"},
      },
      [](const std::string& text, const Field& field) { parse_polynomial(text, field); });
}

TEST(Notation, RefusesABadLength) {
  for (const std::uint32_t length : {0U, max_register_length + 1, ~0U}) {
    const std::string message = message_of([&] { parse_feedback("0", gf(2), length); });
    EXPECT_NE(message.find('"' + std::to_string(length) + '"'), std::string::npos) << message;
  }
  EXPECT_NO_THROW(parse_feedback("0,99999", gf(2), max_register_length));
}

TEST(Notation, WritesTheWholeMessageAsDocumented) {
  EXPECT_EQ(
      message_of([] { parse_feedback("0,1,9,(5)", gf(2), 8); }),
      "feedback \"0,1,9,(5)\": stage 9 does not exist in a register of length 8 (stages are 0 "
      "to 7)\n"
      "  0,1,9,(5)\n"
      "      ^");
}

TEST(Notation, EscapesWhatCannotBeShown) {
  // "\t" takes two columns in the message, "\xff" four.
  const std::string message = message_of([] { parse_feedback("0,\t\n1,\xff", gf(2), 8); });
  EXPECT_EQ(shown_line(message), "0,\\t\\n1,\\xff");
  EXPECT_EQ(caret_column(message), 8);
  for (const char c : message) EXPECT_TRUE(c == '\n' || (c >= ' ' && c <= '~'));
}

TEST(Notation, ShowsAWindowOfALongText) {
  // The error in front, in the middle, at the end; the caret stays under the offending character.
  for (const std::size_t position : {0UL, 10UL, 34UL, 35UL, 36UL, 5000UL, 9950UL, 9990UL, 9999UL}) {
    std::string text(10000, ' ');
    text[position] = '#';
    if (position > 0) text[0] = '0';
    const std::string message = message_of([&] { parse_feedback(text, gf(2), 8); });
    const std::string line = shown_line(message);
    EXPECT_GE(line.size(), 70U);  // the window is used up at both ends of the text, too
    EXPECT_LE(line.size(), 76U);
    ASSERT_GE(caret_column(message), 0) << message;
    EXPECT_EQ(line.at(static_cast<std::size_t>(caret_column(message))), '#') << message;
    EXPECT_EQ(line.starts_with("..."), position > 35) << message;
    EXPECT_EQ(line.ends_with("..."), position < 9965) << message;
    EXPECT_LT(message.size(), 400U);
  }
}

TEST(Notation, ReadsTheLongestRegisterInEveryNotation) {
  const std::uint32_t n = max_register_length;
  Feedback dense;
  for (std::uint32_t i = 0; i < n; ++i) dense.terms.push_back({1, {i}});
  EXPECT_EQ(parse_feedback(print_anf(dense), gf(2), n), dense);
  EXPECT_EQ(parse_feedback(print_index_list(dense), gf(2), n), dense);
  EXPECT_EQ(parse_coefficients(print_coefficients(dense, n), gf(2)).feedback, dense);
  const ParsedRegister parsed = parse_polynomial(print_polynomial(dense, gf(2), n), gf(2));
  EXPECT_EQ(parsed.length, n);
  EXPECT_EQ(parsed.feedback, dense);

  std::string row = "1";
  for (std::uint32_t i = 0; i < n; ++i) row += ",0";
  const std::string message = message_of([&] { parse_coefficients(row, gf(2)); });
  EXPECT_NE(message.find("more than 100000 coefficients"), std::string::npos) << message;
}

TEST(Notation, SurvivesMegabytes) {
  constexpr std::size_t limit = std::size_t{4} << 20;
  const auto repeat = [](const std::string& piece, std::size_t bytes) {
    std::string text;
    while (text.size() + piece.size() <= bytes) text += piece;
    return text;
  };
  EXPECT_THROW(parse_feedback(repeat("(", limit), gf(2), 8), JobError);
  EXPECT_THROW(parse_feedback(repeat("0,", limit), gf(2), 8), JobError);
  EXPECT_THROW(parse_feedback("x0" + repeat("*x0", limit / 8), gf(2), 8), JobError);
  EXPECT_THROW(parse_feedback(repeat("9", limit), gf(2), 8), JobError);
  EXPECT_THROW(parse_feedback(repeat("(1,2),", limit / 8) + "0", gf(2), 8), JobError);
  EXPECT_THROW(parse_polynomial(repeat("0*x+", limit), gf(2)), JobError);
  EXPECT_EQ(parse_feedback(std::string(limit - 1, ' ') + "0", gf(2), 8), (Feedback{{{1, {0}}}}));
  EXPECT_EQ(parse_feedback(std::string(limit - 1, '0') + "7", gf(2), 8).terms.size(), 1U)
      << "leading zeros";
}

TEST(Notation, RefusesATextThatIsTooLong) {
  const std::string text(5 << 20, ' ');
  for (const std::string& message : {message_of([&] { parse_feedback(text, gf(2), 8); }),
                                     message_of([&] { parse_coefficients(text, gf(2)); }),
                                     message_of([&] { parse_polynomial(text, gf(2)); })}) {
    EXPECT_NE(message.find("5242880 bytes; at most 4194304"), std::string::npos) << message;
  }
}

/// Feeds one text to every parser. Only JobError may come out, and what is accepted must survive
/// printing and reading again.
void feed(const std::string& text, const Field& field) {
  SCOPED_TRACE(text);
  try {
    const Feedback feedback = parse_feedback(text, field, 10);
    EXPECT_EQ(parse_feedback(print_anf(feedback), field, 10), feedback);
  } catch (const JobError& error) {
    EXPECT_NE(std::string(error.what()).find("feedback"), std::string::npos);
  }
  try {
    const ParsedRegister parsed = parse_coefficients(text, field);
    const std::string printed = print_coefficients(parsed.feedback, parsed.length);
    EXPECT_EQ(parse_coefficients(printed, field).feedback, parsed.feedback);
  } catch (const JobError& error) {
    EXPECT_NE(std::string(error.what()).find("coefficients"), std::string::npos);
  }
  try {
    const ParsedRegister parsed = parse_polynomial(text, field);
    const std::string printed = print_polynomial(parsed.feedback, field, parsed.length);
    EXPECT_EQ(parse_polynomial(printed, field).feedback, parsed.feedback);
  } catch (const JobError& error) {
    EXPECT_NE(std::string(error.what()).find("polynomial"), std::string::npos);
  }
}

TEST(Notation, ThrowsNothingButJobErrorOnArbitraryBytes) {
  Random random(41);
  const std::string alphabet = "0123456789xX_^*+-(), \t";
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 24, ' ');
    for (char& c : text) {
      c = i % 4 == 0 ? static_cast<char>(random()) : alphabet[random() % alphabet.size()];
    }
    feed(text, gf(i % 2 == 0 ? 2 : 9));
  }
}

TEST(Notation, ThrowsNothingButJobErrorOnMutatedTexts) {
  Random random(42);
  const std::vector<std::string> seeds{
      "0,1,2,(1,2)", "x0 + x1*x2 + 1", "2*x0 - x3 + 1", "1,0,1,1", "x^16 + x^12 - 2*x^3 + x + 1",
      "0,2,(5,9),()"};
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = seeds[random() % seeds.size()];
    for (std::uint64_t k = random() % 4; k > 0 && !text.empty(); --k) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text.erase(at, 1);
          break;
        case 1:
          text.insert(at, 1, text[random() % text.size()]);
          break;
        case 2:
          text[at] = static_cast<char>(random());
          break;
        default:
          std::swap(text[at], text[random() % text.size()]);
      }
    }
    const Field& field = gf(i % 2 == 0 ? 2 : 5);
    feed(text, field);
    accepted += message_of([&] { parse_feedback(text, field, 10); }) == "no JobError" ? 1 : 0;
  }
  // Most mutations must not be refused before they get anywhere.
  EXPECT_GT(accepted, 2000);
}

}  // namespace
}  // namespace orbitmill
