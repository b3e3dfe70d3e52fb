#include "polynomial_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace orbitmill {
namespace {

/// The exponent after `x`: 1 where none is written.
std::uint32_t read_exponent(TextCursor& cursor, std::uint32_t max_exponent) {
  if (!cursor.accept('^')) {
    if (cursor.at_digit() || cursor.at('_')) {
      cursor.fail_unexpected("\"^\" before an exponent (stages such as x1 belong to a feedback)");
    }
    return 1;
  }
  if (!cursor.at_digit()) cursor.fail_unexpected("an exponent after \"^\"");
  const NumberText number = cursor.read_number();
  if (number.value > max_exponent) {
    cursor.fail(number.column, fmt::format("the exponent {} is above the greatest one, {}",
                                           number.shown, max_exponent));
  }
  return static_cast<std::uint32_t>(number.value);
}

/// One monomial without its sign.
Monomial read_monomial(TextCursor& cursor, const Field& field, std::uint32_t max_exponent) {
  Monomial monomial{0, 1, cursor.column()};
  if (cursor.at_digit()) {
    monomial.coefficient = read_element(cursor, cursor.read_number(), field);
    if (cursor.at_x()) cursor.fail_unexpected("\"*\" between a coefficient and x, as in 2*x");
    if (!cursor.accept('*')) return monomial;
    if (cursor.at_digit()) cursor.fail_unexpected("x; a monomial has one coefficient");
    if (!cursor.at_x()) cursor.fail_unexpected("x after \"*\"");
  }
  if (!cursor.accept_x()) cursor.fail_unexpected("a power of x or a coefficient");
  monomial.exponent = read_exponent(cursor, max_exponent);
  if (cursor.at('*')) {
    cursor.fail_unexpected("\"+\", \"-\" or the end (the coefficient comes first, as in 2*x^3)");
  }
  return monomial;
}

/// Which powers occurred. Grows to the greatest one only, because most texts are short.
class SeenPowers {
 public:
  /// False if the power occurred before.
  bool insert(std::uint32_t exponent) {
    if (exponent >= seen_.size()) seen_.resize(std::size_t{exponent} + 1);
    if (seen_[exponent]) return false;
    seen_[exponent] = true;
    return true;
  }

 private:
  std::vector<bool> seen_;
};

std::string power_text(std::uint32_t exponent) {
  if (exponent == 0) return "1";
  return exponent == 1 ? "x" : fmt::format("x^{}", exponent);
}

}  // namespace

Element read_element(const TextCursor& cursor, const NumberText& number, const Field& field) {
  if (number.value >= field.order()) {
    cursor.fail(number.column,
                fmt::format("the coefficient {} is not an element of GF({}); elements are 0 to {}",
                            number.shown, field.order(), field.order() - 1));
  }
  return static_cast<Element>(number.value);
}

std::vector<Monomial> read_monic_polynomial(TextCursor& cursor, const Field& field,
                                            std::uint32_t max_exponent) {
  std::vector<Monomial> monomials;
  SeenPowers seen;
  bool negative = cursor.accept('-');
  if (!negative) cursor.accept('+');
  while (true) {
    Monomial monomial = read_monomial(cursor, field, max_exponent);
    if (!seen.insert(monomial.exponent)) {
      cursor.fail(monomial.column,
                  fmt::format("the power {} occurs twice; write it once, with the sum of the "
                              "coefficients",
                              power_text(monomial.exponent)));
    }
    if (negative) monomial.coefficient = field.negate(monomial.coefficient);
    if (monomial.coefficient != 0) monomials.push_back(monomial);

    if (cursor.at_end()) break;
    const std::size_t sign_column = cursor.column();
    negative = cursor.accept('-');
    if (!negative && !cursor.accept('+')) cursor.fail_unexpected("\"+\", \"-\" or the end");
    if (cursor.at_end()) cursor.fail(sign_column, "nothing follows this sign; leave it out");
  }
  std::sort(monomials.begin(), monomials.end(),
            [](const Monomial& a, const Monomial& b) { return a.exponent > b.exponent; });
  if (monomials.empty()) cursor.fail(0, "the polynomial is zero; expected a monic one");
  const Monomial& leading = monomials.front();
  if (leading.coefficient != 1) {
    cursor.fail(
        leading.column,
        fmt::format("the polynomial is not monic: the coefficient of {} is {}; divide all "
                    "coefficients by {}",
                    power_text(leading.exponent), leading.coefficient, leading.coefficient));
  }
  return monomials;
}

std::string polynomial_text(const std::vector<Monomial>& monomials) {
  if (monomials.empty()) return "0";
  std::string text;
  for (const Monomial& monomial : monomials) {
    if (!text.empty()) text += " + ";
    if (monomial.exponent == 0) {
      fmt::format_to(std::back_inserter(text), "{}", monomial.coefficient);
      continue;
    }
    if (monomial.coefficient != 1) {
      fmt::format_to(std::back_inserter(text), "{}*", monomial.coefficient);
    }
    text += power_text(monomial.exponent);
  }
  return text;
}

}  // namespace orbitmill
