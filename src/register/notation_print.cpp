#include <fmt/format.h>

#include <iterator>

#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "polynomial_text.hpp"

namespace orbitmill {
namespace {

/// Appends the stages, each behind `prefix`, with `separator` in between.
void append_stages(std::string& text, const Term& term, const char* prefix, char separator) {
  for (std::size_t i = 0; i < term.stages.size(); ++i) {
    if (i > 0) text += separator;
    fmt::format_to(std::back_inserter(text), "{}{}", prefix, term.stages[i]);
  }
}

}  // namespace

std::string print_anf(const Feedback& feedback) {
  if (feedback.terms.empty()) return "0";
  std::string text;
  for (const Term& term : feedback.terms) {
    if (!text.empty()) text += " + ";
    if (term.stages.empty()) {
      fmt::format_to(std::back_inserter(text), "{}", term.coefficient);
      continue;
    }
    if (term.coefficient != 1) fmt::format_to(std::back_inserter(text), "{}*", term.coefficient);
    append_stages(text, term, "x", '*');
  }
  return text;
}

std::string print_anf_shortly(const Feedback& feedback) {
  constexpr std::size_t longest = 400;
  std::string text = print_anf(feedback);
  if (text.size() <= longest) return text;
  text.resize(longest);
  return text + " ...";
}

std::string print_index_list(const Feedback& feedback) {
  std::string text;
  for (const Term& term : feedback.terms) {
    if (term.coefficient != 1) {
      throw InternalError(fmt::format("an index list cannot express the coefficient {} in {}",
                                      term.coefficient, print_anf({{term}})));
    }
    if (!text.empty()) text += ',';
    const bool parentheses = term.stages.size() != 1;
    if (parentheses) text += '(';
    append_stages(text, term, "", ',');
    if (parentheses) text += ')';
  }
  return text;
}

std::string print_coefficients(const Feedback& feedback, std::uint32_t length) {
  std::vector<Element> coefficients(length, 0);
  for (const Term& term : feedback.terms) {
    if (term.stages.size() != 1 || term.stages.front() >= length) {
      throw InternalError(
          fmt::format("{} coefficients cannot express the term {}", length, print_anf({{term}})));
    }
    coefficients[term.stages.front()] = term.coefficient;
  }
  return fmt::format("{}", fmt::join(coefficients, ","));
}

std::string print_polynomial(const Feedback& feedback, const Field& field, std::uint32_t length) {
  std::vector<Monomial> monomials{{length, 1, 0}};
  // Canonical order puts the linear terms in front, lowest stage first; the polynomial wants the
  // highest power first.
  for (auto term = feedback.terms.rbegin(); term != feedback.terms.rend(); ++term) {
    if (term->stages.size() != 1) continue;
    monomials.push_back({term->stages.front(), field.negate(term->coefficient), 0});
  }
  return polynomial_text(monomials);
}

}  // namespace orbitmill
