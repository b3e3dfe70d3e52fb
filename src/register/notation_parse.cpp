#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "polynomial_text.hpp"
#include "text_cursor.hpp"

namespace orbitmill {
namespace {

/// A stage of a product and where it was read.
struct Factor {
  std::uint32_t stage = 0;
  std::size_t column = 0;
};

std::string product_text(const std::vector<std::uint32_t>& stages) {
  constexpr std::size_t most = 6;
  std::string text;
  for (std::size_t i = 0; i < std::min(stages.size(), most); ++i) {
    text += fmt::format("{}x{}", i == 0 ? "" : "*", stages[i]);
  }
  return stages.size() > most ? text + "*..." : text;
}

/// Takes terms as they are read, refuses repeated ones, and makes a canonical Feedback.
class TermCollector {
 public:
  TermCollector(const TextCursor& cursor, const Field& field, std::uint32_t length)
      : cursor_(cursor), field_(field), linear_seen_(length) {}

  /// Adds coefficient * product of `factors`, which begins at `column`. Sorts the factors.
  void add(Element coefficient, std::vector<Factor>& factors, std::size_t column) {
    if (factors.size() > 1) refuse_repeated_stage(factors);
    Term term{coefficient, {}};
    term.stages.reserve(factors.size());
    for (const Factor& factor : factors) term.stages.push_back(factor.stage);

    // Linear terms and the constant are refused at once, so that megabytes of "0,0,0,..." do not
    // pile up; products wait for finish().
    if (factors.empty()) {
      if (constant_seen_) refuse_repeated_term(term, column);
      constant_seen_ = true;
    } else if (factors.size() == 1) {
      if (linear_seen_[factors.front().stage]) refuse_repeated_term(term, column);
      linear_seen_[factors.front().stage] = true;
    }
    terms_.push_back({std::move(term), column});
  }

  Feedback finish() {
    // Sorting beats a set: it costs O(total length of the products * log terms) whatever they are.
    std::sort(terms_.begin(), terms_.end(), [](const Located& a, const Located& b) {
      return std::tie(a.term.stages, a.column) < std::tie(b.term.stages, b.column);
    });
    const Located* repeated = nullptr;
    for (std::size_t i = 1; i < terms_.size(); ++i) {
      if (terms_[i].term.stages != terms_[i - 1].term.stages) continue;
      if (repeated == nullptr || terms_[i].column < repeated->column) repeated = &terms_[i];
    }
    if (repeated != nullptr) refuse_repeated_term(repeated->term, repeated->column);

    Feedback feedback;
    feedback.terms.reserve(terms_.size());
    for (Located& located : terms_) feedback.terms.push_back(std::move(located.term));
    feedback.sort_terms();
    if (feedback.terms.size() == 1 && constant_seen_) {
      // Its canonical text "1" would be read back as the index list of x1.
      cursor_.fail(terms_.front().column,
                   "the feedback is constant, so every state runs into one and the same; add at "
                   "least x0, such as \"0,()\" or \"x0 + 1\"");
    }
    return feedback;
  }

 private:
  struct Located {
    Term term;
    std::size_t column = 0;
  };

  void refuse_repeated_stage(std::vector<Factor>& factors) const {
    std::sort(factors.begin(), factors.end(), [](const Factor& a, const Factor& b) {
      return std::tie(a.stage, a.column) < std::tie(b.stage, b.column);
    });
    const Factor* repeated = nullptr;
    for (std::size_t i = 1; i < factors.size(); ++i) {
      if (factors[i].stage != factors[i - 1].stage) continue;
      if (repeated == nullptr || factors[i].column < repeated->column) repeated = &factors[i];
    }
    if (repeated == nullptr) return;
    cursor_.fail(repeated->column,
                 fmt::format("stage {0} occurs twice in this product; x{0}*x{0} = x{0} over GF(2), "
                             "so write it once",
                             repeated->stage));
  }

  [[noreturn]] void refuse_repeated_term(const Term& term, std::size_t column) const {
    const std::string text = term.stages.empty() ? "constant" : "term " + product_text(term.stages);
    cursor_.fail(column,
                 field_.order() == 2
                     ? fmt::format("the {} is repeated; over GF(2) it would cancel; write it "
                                   "once, or not at all",
                                   text)
                     : fmt::format("the {} is repeated; write it once, with the sum of the "
                                   "coefficients",
                                   text));
  }

  const TextCursor& cursor_;
  const Field& field_;
  std::vector<Located> terms_;
  std::vector<bool> linear_seen_;
  bool constant_seen_ = false;
};

Factor read_stage(TextCursor& cursor, std::uint32_t length, std::size_t column) {
  const NumberText number = cursor.read_number();
  if (number.value >= length) {
    cursor.fail(column, fmt::format("stage {} does not exist in a register of length {} ({})",
                                    number.shown, length,
                                    length == 1 ? std::string("the only stage is 0")
                                                : fmt::format("stages are 0 to {}", length - 1)));
  }
  return {static_cast<std::uint32_t>(number.value), column};
}

void check_product_allowed(const TextCursor& cursor, std::size_t column, const Field& field) {
  if (field.order() == 2) return;
  cursor.fail(column, fmt::format("products of stages need GF(2); over GF({}) a feedback is a sum "
                                  "of single stages and a constant",
                                  field.order()));
}

/// `(`, stages, `)`; nothing between them is the constant 1.
void read_parentheses(TextCursor& cursor, const Field& field, std::uint32_t length,
                      std::vector<Factor>& factors) {
  const std::size_t opening = cursor.column();
  cursor.accept('(');
  if (cursor.accept(')')) return;
  while (true) {
    if (!cursor.at_digit() && !cursor.at_end()) {
      cursor.fail_unexpected(factors.empty() ? "a stage number or \")\"" : "a stage number");
    }
    if (cursor.at_end()) break;
    factors.push_back(read_stage(cursor, length, cursor.column()));
    if (factors.size() == 2) check_product_allowed(cursor, opening, field);
    if (cursor.accept(')')) return;
    if (cursor.at_end()) break;
    const std::size_t comma = cursor.column();
    if (!cursor.accept(',')) cursor.fail_unexpected("\",\" or \")\"");
    if (cursor.at(')')) cursor.fail(comma, "trailing comma; a stage number must follow it");
  }
  cursor.fail(opening, "this \"(\" has no \")\"; close the product with \")\"");
}

Feedback read_index_list(TextCursor& cursor, const Field& field, std::uint32_t length) {
  TermCollector terms(cursor, field, length);
  std::vector<Factor> factors;
  while (true) {
    factors.clear();
    const std::size_t column = cursor.column();
    if (cursor.at('(')) {
      read_parentheses(cursor, field, length, factors);
    } else if (cursor.at_digit()) {
      factors.push_back(read_stage(cursor, length, column));
    } else {
      cursor.fail_unexpected("a stage number or \"(\"");
    }
    terms.add(1, factors, column);

    if (cursor.at_end()) return terms.finish();
    const std::size_t comma = cursor.column();
    if (!cursor.accept(',')) cursor.fail_unexpected("\",\" or the end");
    if (cursor.at_end()) cursor.fail(comma, "trailing comma; a stage or a product must follow it");
  }
}

/// `x5`, also `X5` and `x_5`.
Factor read_variable(TextCursor& cursor, std::uint32_t length) {
  const std::size_t column = cursor.column();
  cursor.accept_x();
  cursor.accept('_');
  if (cursor.at('^')) {
    cursor.fail_unexpected(
        "a stage number, such as x0 (a characteristic polynomial is another notation)");
  }
  if (!cursor.at_digit()) cursor.fail_unexpected("a stage number after x, such as x0");
  const Factor factor = read_stage(cursor, length, column);
  if (cursor.at('^'))
    cursor.fail_unexpected("\"*\", \"+\", \"-\" or the end; stages have no powers");
  return factor;
}

/// A coefficient of a term: an element that is not 0.
Element read_nonzero_element(TextCursor& cursor, const Field& field) {
  const NumberText number = cursor.read_number();
  const Element element = read_element(cursor, number, field);
  if (element == 0) cursor.fail(number.column, "the coefficient is 0; leave this term out");
  return element;
}

/// One term of an ANF without its sign. Fills `factors`, returns the coefficient.
Element read_anf_term(TextCursor& cursor, const Field& field, std::uint32_t length,
                      std::vector<Factor>& factors) {
  Element coefficient = 1;
  if (cursor.at_digit()) {
    coefficient = read_nonzero_element(cursor, field);
    if (cursor.at_x())
      cursor.fail_unexpected("\"*\" between a coefficient and a stage, as in 2*x0");
    if (!cursor.accept('*')) return coefficient;
    if (cursor.at_digit()) cursor.fail_unexpected("a stage; a term has one coefficient");
  }
  while (true) {
    if (!cursor.at_x()) cursor.fail_unexpected("a stage, such as x0, or a constant");
    factors.push_back(read_variable(cursor, length));
    const std::size_t times = cursor.column();
    if (!cursor.accept('*')) return coefficient;
    if (cursor.at_digit())
      cursor.fail_unexpected("a stage; the coefficient comes first, as in 2*x0");
    if (cursor.at_x()) check_product_allowed(cursor, times, field);
  }
}

Feedback read_anf(TextCursor& cursor, const Field& field, std::uint32_t length) {
  TermCollector terms(cursor, field, length);
  std::vector<Factor> factors;
  bool negative = cursor.accept('-');
  if (!negative) cursor.accept('+');
  while (true) {
    factors.clear();
    const std::size_t column = cursor.column();
    const Element coefficient = read_anf_term(cursor, field, length, factors);
    terms.add(negative ? field.negate(coefficient) : coefficient, factors, column);

    if (cursor.at_end()) return terms.finish();
    const std::size_t sign = cursor.column();
    negative = cursor.accept('-');
    if (!negative && !cursor.accept('+')) cursor.fail_unexpected("\"*\", \"+\", \"-\" or the end");
    if (cursor.at_end()) cursor.fail(sign, "nothing follows this sign; leave it out");
  }
}

constexpr const char* all_zero_message =
    "all coefficients are 0, so every state runs into the zero state; expected at least c_0 "
    "different from 0";

}  // namespace

Feedback parse_feedback(std::string_view text, const Field& field, std::uint32_t length) {
  if (length == 0 || length > max_register_length) {
    throw JobError(
        fmt::format("register length \"{}\": expected 1 to {}", length, max_register_length));
  }
  TextCursor cursor("feedback", text);
  const bool has_variables = text.find_first_of("xX") != std::string_view::npos;
  return has_variables ? read_anf(cursor, field, length) : read_index_list(cursor, field, length);
}

ParsedRegister parse_coefficients(std::string_view text, const Field& field) {
  TextCursor cursor("coefficients", text);
  ParsedRegister parsed;
  while (true) {
    if (!cursor.at_digit()) {
      cursor.fail_unexpected(fmt::format("a coefficient, 0 to {}", field.order() - 1));
    }
    const NumberText number = cursor.read_number();
    if (parsed.length == max_register_length) {
      cursor.fail(number.column, fmt::format("more than {} coefficients; a register is at most as "
                                             "long as that",
                                             max_register_length));
    }
    const Element coefficient = read_element(cursor, number, field);
    if (coefficient != 0) parsed.feedback.terms.push_back({coefficient, {parsed.length}});
    ++parsed.length;

    if (cursor.at_end()) break;
    const std::size_t comma = cursor.column();
    if (!cursor.accept(',')) cursor.fail_unexpected("\",\" or the end");
    if (cursor.at_end()) cursor.fail(comma, "trailing comma; a coefficient must follow it");
  }
  if (parsed.feedback.terms.empty()) cursor.fail(0, all_zero_message);
  return parsed;
}

ParsedRegister parse_polynomial(std::string_view text, const Field& field) {
  TextCursor cursor("polynomial", text);
  const std::vector<Monomial> monomials = read_monic_polynomial(cursor, field, max_register_length);
  const Monomial& leading = monomials.front();
  if (leading.exponent == 0) {
    cursor.fail(leading.column,
                "the polynomial is constant; its degree is the register's length, "
                "so expected a power of x");
  }
  if (monomials.size() == 1) cursor.fail(leading.column, all_zero_message);

  ParsedRegister parsed;
  parsed.length = leading.exponent;
  // Highest power first in the polynomial, lowest stage first in the feedback.
  for (auto it = monomials.rbegin(); it != std::prev(monomials.rend()); ++it) {
    parsed.feedback.terms.push_back({field.negate(it->coefficient), {it->exponent}});
  }
  return parsed;
}

}  // namespace orbitmill
