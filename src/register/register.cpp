#include "orbitmill/register/register.hpp"

#include <fmt/format.h>
#include <gmp.h>

#include <algorithm>
#include <array>
#include <utility>

#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "text_cursor.hpp"

namespace orbitmill {
namespace {

// q^n < 2^63 with q >= 2.
constexpr std::size_t max_exhaustible_length = 62;
constexpr std::uint64_t state_limit = std::uint64_t{1} << 63;

/// Greatest n with q^n < 2^63.
std::uint32_t greatest_exhaustible_length(std::uint64_t order) {
  std::uint32_t length = 0;
  for (std::uint64_t count = 1; count <= (state_limit - 1) / order; count *= order) ++length;
  return length;
}

[[noreturn]] void refuse_term(const Term& term, const std::string& message) {
  throw JobError(
      fmt::format("feedback term {}: {}", quote_for_message(print_anf({{term}})), message));
}

void check_term(const Term& term, std::uint32_t length, std::uint32_t order) {
  if (term.coefficient == 0 || term.coefficient >= order) {
    refuse_term(term, fmt::format("the coefficient {} is not a nonzero element of GF({}); expected "
                                  "1 to {}",
                                  term.coefficient, order, order - 1));
  }
  if (term.stages.empty()) return;
  if (term.stages.back() >= length) {
    refuse_term(term, fmt::format("stage {} does not exist in a register of length {} (stages are "
                                  "0 to {})",
                                  term.stages.back(), length, length - 1));
  }
  if (term.stages.size() > 1 && order > 2) {
    refuse_term(term, fmt::format("products of stages need GF(2), not GF({})", order));
  }
  const auto repeated = std::adjacent_find(term.stages.begin(), term.stages.end());
  if (repeated != term.stages.end()) {
    refuse_term(term,
                fmt::format("stage {} occurs twice in the product; write it once", *repeated));
  }
}

/// The least stage that occurs, or `length` if none does.
std::uint32_t least_stage(const Feedback& feedback, std::uint32_t length) {
  std::uint32_t least = length;
  for (const Term& term : feedback.terms) {
    if (!term.stages.empty()) least = std::min(least, term.stages.front());
  }
  return least;
}

/// What the user of a singular register can do about it.
///
/// If no stage below j occurs, then stages 0..j-1 only remember; on a cycle they follow from the
/// others. So stages j..n-1 alone, renumbered from 0, have the same cycles with the same lengths.
std::string advice_for_singular(const Feedback& feedback, std::uint32_t length) {
  const std::uint32_t least = least_stage(feedback, length);
  if (least == length) {
    return "it is constant, so there is a single cycle, of length 1; add x0 to the feedback";
  }
  if (least == 0) return "make x0 a term of its own, and use it in no product";
  Feedback shorter = feedback;
  for (Term& term : shorter.terms) {
    for (std::uint32_t& stage : term.stages) stage -= least;
  }
  if (!shorter.is_nonsingular()) return "add x0 to the feedback";
  const std::uint32_t shorter_length = length - least;
  // A pasted row of coefficients is asked for in the same form, while a line can hold it.
  constexpr std::uint32_t longest_row = 64;
  if (shorter.is_linear() && shorter_length <= longest_row) {
    return fmt::format(
        "the register of length {} with coefficients \"{}\" has the same cycles "
        "(their number and lengths); decompose that one, or add x0",
        shorter_length, print_coefficients(shorter, shorter_length));
  }
  const std::string text = print_anf(shorter);
  constexpr std::size_t longest_text = 400;
  return fmt::format(
      "the register of length {} with {} has the same cycles (their number and "
      "lengths); decompose that one, or add x0",
      shorter_length,
      text.size() <= longest_text ? fmt::format("feedback \"{}\"", text)
                                  : fmt::format("all stages of the feedback lowered by {}", least));
}

}  // namespace

Register::Register(const RegisterSpec& spec)
    : Register(spec, Field(spec.field_order, spec.modulus)) {}

Register::Register(RegisterSpec spec, const Field& field) : spec_(std::move(spec)), field_(field) {
  const std::uint32_t q = field_.order();
  spec_.field_order = q;
  const std::uint32_t n = spec_.length;
  if (n == 0 || n > max_register_length) {
    throw JobError(fmt::format("register length \"{}\": expected 1 to {}", n, max_register_length));
  }
  spec_.modulus = field_.modulus();
  spec_.feedback.sort_terms();
  for (const Term& term : spec_.feedback.terms) check_term(term, n, q);
  const auto repeated =
      std::adjacent_find(spec_.feedback.terms.begin(), spec_.feedback.terms.end(),
                         [](const Term& a, const Term& b) { return a.stages == b.stages; });
  if (repeated != spec_.feedback.terms.end()) {
    refuse_term(*repeated, "it is repeated; write it once, with the sum of the coefficients");
  }

  if (n <= greatest_exhaustible_length(q)) {
    top_weight_ = 1;
    for (std::uint32_t i = 1; i < n; ++i) top_weight_ *= q;
    state_count_ = top_weight_ * q;
  }
}

std::uint64_t Register::state_count() const {
  if (is_exhaustible()) return state_count_;
  const std::uint32_t q = field_.order();
  throw JobError(
      fmt::format("register length \"{0}\": {1}^{0} states are not below 2^63; every state of a "
                  "register over GF({1}) can be walked up to length {2}; of a longer linear register "
                  "--engine closed-form gives the histogram",
                  length(), q, greatest_exhaustible_length(q)));
}

std::string Register::state_count_text() const {
  mpz_t count;
  mpz_init(count);
  mpz_ui_pow_ui(count, field_.order(), length());
  // Room for a sign and the terminating zero, as mpz_get_str asks.
  std::string text(mpz_sizeinbase(count, 10) + 2, '\0');
  mpz_get_str(text.data(), 10, count);
  mpz_clear(count);
  text.resize(text.find('\0'));
  return text;
}

void Register::require_exhaustible() const {
  if (!is_nonsingular()) {
    const bool in_product = feedback().linear_coefficient(0) != 0;
    throw JobError(fmt::format(
        "feedback {}: the register is singular, because {}; two states then share a successor and "
        "some states lie on no cycle; {}",
        quote_for_message(print_anf(feedback())),
        in_product ? "x0 occurs in a product as well as in a term of its own"
                   : "x0 is not a term of its own",
        advice_for_singular(feedback(), length())));
  }
  state_count();
}

Element Register::feedback_at(State state) const {
  if (field_.order() == 2) {
    Element sum = 0;
    for (const Term& term : feedback().terms) {
      Element product = 1;
      for (const std::uint32_t stage : term.stages) {
        product &= static_cast<Element>(state >> stage) & 1U;
      }
      sum ^= product;
    }
    return sum;
  }
  const std::uint32_t q = field_.order();
  std::array<Element, max_exhaustible_length> digits{};
  for (std::uint32_t i = 0; i < length(); ++i, state /= q) {
    digits[i] = static_cast<Element>(state % q);
  }
  Element sum = 0;
  for (const Term& term : feedback().terms) {
    Element product = term.coefficient;
    for (const std::uint32_t stage : term.stages) {
      product = field_.multiply(product, digits[stage]);
    }
    sum = field_.add(sum, product);
  }
  return sum;
}

State Register::next(State state) const {
  const State shifted_in = feedback_at(state);
  if (field_.order() == 2) return (state >> 1) | (shifted_in << (length() - 1));
  return state / field_.order() + shifted_in * top_weight_;
}

State Register::prev(State state) const {
  // The last symbol is f = c x_0 + g(x_1, ...), and x_1, x_2, ... are still there: evaluating f
  // with x_0 = 0 gives g.
  if (field_.order() == 2) {
    const State without_x0 = (state << 1) & (state_count_ - 1);
    return without_x0 | ((state >> (length() - 1)) ^ feedback_at(without_x0));
  }
  const State without_x0 = state % top_weight_ * field_.order();
  const auto last = static_cast<Element>(state / top_weight_);
  const Element c = feedback().linear_coefficient(0);
  return without_x0 +
         field_.multiply(field_.inverse(c), field_.subtract(last, feedback_at(without_x0)));
}

}  // namespace orbitmill
