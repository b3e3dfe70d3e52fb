/// Families against nested loops over all stages, and the published form counts.
#include "orbitmill/register/form.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/register/symmetry.hpp"

namespace orbitmill {
namespace {

using Values = std::map<char, std::uint32_t>;

/// Every register of the family by brute force: all values of all letters, written as text and
/// parsed; one of each class under reciprocal and complement.
std::set<std::string> by_loops(const std::string& form, std::uint32_t length,
                               const std::vector<StageRange>& ranges) {
  std::set<char> letters;
  for (std::size_t i = 1; i < form.size(); ++i) {
    if (form[i - 1] == 'x' && form[i] >= 'a') letters.insert(form[i]);
  }
  std::set<std::string> all;
  std::map<std::string, std::string> least;  // of each class, by its canonical register
  const std::function<void(std::set<char>::iterator, Values&)> loop = [&](auto letter,
                                                                          Values& values) {
    if (letter != letters.end()) {
      std::uint32_t first = 1, last = length - 1;
      for (const StageRange& range : ranges) {
        if (range.letter == *letter) first = range.first, last = std::min(last, range.last);
      }
      for (std::uint32_t stage = first; stage <= last; ++stage) {
        values[*letter] = stage;
        loop(std::next(letter), values);
      }
      return;
    }
    std::string text;
    for (std::size_t i = 0; i < form.size(); ++i) {
      const bool is_letter = i > 0 && form[i - 1] == 'x' && form[i] >= 'a';
      text += is_letter ? std::to_string(values[form[i]]) : std::string(1, form[i]);
    }
    try {
      const Feedback feedback = parse_feedback(text, Field(2), length);
      const std::string key = register_key(2, length, feedback);
      std::string& best =
          least[register_key(2, length, canonical_feedback(feedback, length, Field(2)))];
      if (best.empty() || key < best) best = key;
    } catch (const JobError&) {
      // repeated terms or stages: no register of this form
    }
  };
  Values values;
  loop(letters.begin(), values);
  for (const auto& [canonical, key] : least) all.insert(key);
  return all;
}

std::set<std::string> by_index(const FormFamily& family) {
  std::set<std::string> all;
  for (std::uint64_t index = 0; index < family.combinations(); ++index) {
    const auto feedback = family.unrank(index);
    if (!feedback) continue;
    EXPECT_TRUE(all.insert(register_key(2, family.length(), *feedback)).second)
        << "generated twice: " << print_anf(*feedback);
    EXPECT_TRUE(family.contains(*feedback)) << print_anf(*feedback);
  }
  return all;
}

TEST(Form, GeneratesEveryRegisterOnce) {
  const std::vector<std::string> forms = {
      "x0+xa+xb+xc*xd",      "x0+xa+xb*xc+xd*xe", "x0+xa+xb+xc+xd+xe*xf", "x0+xa+xb+xc*xd*xe",
      "x0 + xa + xb",        "x0+x1+xa*xb",       "x0+xa*xb+xb*xc",       "x0 + xa*xb + x1*xc",
      "x0+xa+xa*xb",         "x0 + 1 + xa*xb*xc", "x0+xa*x2+xb",          "x0 + x2",
      "x0+xa+xb+xa*xb+xc*xd"};
  for (const std::string& form : forms) {
    for (const std::uint32_t length : {3U, 4U, 5U, 6U, 7U}) {
      SCOPED_TRACE(form + ", n = " + std::to_string(length));
      EXPECT_EQ(by_index(FormFamily(Form(form), length, {})), by_loops(form, length, {}));
    }
  }
}

TEST(Form, RangesBoundTheLetters) {
  const std::vector<std::vector<StageRange>> cases = {
      {{'a', 1, 2}}, {{'a', 2, 9}, {'b', 2, 9}}, {{'c', 3, 3}}, {{'a', 5, 4}}, {{'d', 6, 60}}};
  for (const auto& ranges : cases) {
    SCOPED_TRACE(testing::Message() << ranges.front().letter << ranges.front().first);
    const FormFamily family(Form("x0+xa+xb+xc*xd"), 7, ranges);
    EXPECT_EQ(by_index(family), by_loops("x0+xa+xb+xc*xd", 7, ranges));
  }
  EXPECT_EQ(FormFamily(Form("x0+xa+xb"), 7, {{'a', 5, 4}}).combinations(), 0U);
  EXPECT_EQ(FormFamily(Form("x0+xa+xb"), 7, {{'a', 7, 9}}).combinations(), 0U);
}

TEST(Form, CountsCombinationsWithoutListingThem) {
  // C(15,2)^2 for a, b and c, d.
  EXPECT_EQ(FormFamily(Form("x0+xa+xb+xc*xd"), 16, {}).combinations(), 105U * 105U);
  EXPECT_EQ(FormFamily(Form("x0+xa+xb*xc+xd*xe"), 16, {}).combinations(), 15U * 105U * 105U);
  EXPECT_EQ(FormFamily(Form("x0 + x3"), 16, {}).combinations(), 1U);
  EXPECT_EQ(FormFamily(Form("x0+xa"), 1, {}).combinations(), 0U);
  EXPECT_EQ(FormFamily(Form("x0+xa*xb+xc*xd+xe*xf+xg*xh+xi*xj+xk*xl+xm*xn"), 62, {}).combinations(),
            ~std::uint64_t{0});
}

TEST(Form, RefusesWhatIsNoForm) {
  for (const char* text : {"", "x0", "xa + xb", "x0 + x", "x0+xA", "x0 + xa*xa", "x0 + xa + xa",
                           "x0*xa + x0", "x0 + xab", "x0 + 2*xa", "x0 +",
                           "x0+xa*xb*xc*xd*xe*xf*xg*xh", "x0 + xa*xb + xb*xa", "0,1,2"}) {
    SCOPED_TRACE(text);
    if (std::string(text) == "x0") {
      EXPECT_NO_THROW(Form{text});
      continue;
    }
    EXPECT_THROW(Form{text}, JobError);
  }
  try {
    Form("x0 + xa*xa");
    FAIL();
  } catch (const JobError& error) {
    EXPECT_NE(std::string(error.what()).find("\n          ^"), std::string::npos) << error.what();
  }
  EXPECT_THROW(FormFamily(Form("x0 + x5"), 5, {}), JobError);
  EXPECT_THROW(FormFamily(Form("x0 + xa"), 5, {{'b', 1, 2}}), JobError);
  EXPECT_THROW(FormFamily(Form("x0 + xa"), 5, {{'a', 0, 2}}), JobError);
  EXPECT_EQ(Form(" x0+xb *xa+1").text(), "x0 + xb*xa + 1");
}

}  // namespace
}  // namespace orbitmill
