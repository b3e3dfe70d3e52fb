#include "orbitmill/register/symmetry.hpp"

#include <algorithm>
#include <set>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

void put(std::string& key, std::uint32_t value, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;) key.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

std::uint32_t take(std::string_view& key, unsigned bytes) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) {
    value = value << 8 | static_cast<unsigned char>(key.at(i));
  }
  key.remove_prefix(bytes);
  return value;
}

/// Widths of the key: the same for all registers that agree in what stands before them.
unsigned stage_bytes(std::uint32_t length) {
  return length < 255 ? 1 : 4;
}
unsigned coefficient_bytes(std::uint32_t field_order) {
  return field_order == 2 ? 0 : field_order <= 256 ? 1 : 2;
}
/// Behind every degree, as the constant stands behind every term.
std::uint32_t constant_mark(std::uint32_t length) {
  return length < 255 ? 0xffU : 0xffff'ffffU;
}

}  // namespace

Feedback reciprocal_feedback(const Feedback& feedback, std::uint32_t length, const Field& field) {
  // s_{t+n} = c s_t + g + k, solved for s_t and read backwards: c' = 1/c, all else times -1/c.
  const Element inverse = field.inverse(feedback.linear_coefficient(0));
  Feedback result = feedback;
  for (Term& term : result.terms) {
    if (term.stages.size() == 1 && term.stages.front() == 0) {
      term.coefficient = inverse;
      continue;
    }
    term.coefficient = field.multiply(field.negate(inverse), term.coefficient);
    for (std::uint32_t& stage : term.stages) stage = length - stage;
  }
  result.sort_terms();
  return result;
}

std::optional<Feedback> complement_feedback(const Feedback& feedback, const Field& field) {
  if (field.order() != 2) return std::nullopt;
  const auto too_high = [](const Term& term) { return term.stages.size() > max_complement_degree; };
  if (std::ranges::any_of(feedback.terms, too_high)) return std::nullopt;
  // Terms cancel in pairs: a set whose members come and go.
  std::set<std::vector<std::uint32_t>> terms;
  const auto toggle = [&](std::vector<std::uint32_t> stages) {
    const auto [place, is_new] = terms.insert(std::move(stages));
    if (!is_new) terms.erase(place);
  };
  toggle({});  // the + 1 behind f
  for (const Term& term : feedback.terms) {
    for (std::uint32_t subset = 0; subset < 1U << term.stages.size(); ++subset) {
      std::vector<std::uint32_t> stages;
      for (std::size_t i = 0; i < term.stages.size(); ++i) {
        if ((subset >> i & 1U) != 0) stages.push_back(term.stages[i]);
      }
      toggle(std::move(stages));
    }
  }
  Feedback result;
  for (const auto& stages : terms) result.terms.push_back({1, stages});
  result.sort_terms();
  return result;
}

Feedback canonical_feedback(const Feedback& feedback, std::uint32_t length, const Field& field) {
  if (!feedback.is_nonsingular()) return feedback;
  Feedback best = feedback;
  std::string best_key = register_key(field.order(), length, feedback);
  const auto offer = [&](const Feedback& other) {
    std::string key = register_key(field.order(), length, other);
    if (key >= best_key) return;
    best_key = std::move(key);
    best = other;
  };
  offer(reciprocal_feedback(feedback, length, field));
  if (const auto complement = complement_feedback(feedback, field)) {
    offer(*complement);
    offer(reciprocal_feedback(*complement, length, field));
  }
  return best;
}

std::string register_key(std::uint32_t field_order, std::uint32_t length,
                         const Feedback& feedback) {
  std::string key;
  put(key, field_order, 4);
  put(key, length, 4);
  put(key, static_cast<std::uint32_t>(feedback.terms.size()), 4);
  const unsigned width = stage_bytes(length);
  for (const Term& term : feedback.terms) {
    put(key,
        term.stages.empty() ? constant_mark(length)
                            : static_cast<std::uint32_t>(term.stages.size()),
        width);
    for (const std::uint32_t stage : term.stages) put(key, stage, width);
    put(key, term.coefficient, coefficient_bytes(field_order));
  }
  return key;
}

KeyedRegister register_of_key(std::string_view key) {
  if (key.size() < 12) throw InternalError("a register key is too short");
  KeyedRegister result;
  result.field_order = take(key, 4);
  result.length = take(key, 4);
  result.feedback.terms.resize(take(key, 4));
  const unsigned width = stage_bytes(result.length);
  const unsigned coefficient = coefficient_bytes(result.field_order);
  for (Term& term : result.feedback.terms) {
    const std::uint32_t degree = take(key, width);
    if (degree != constant_mark(result.length)) term.stages.resize(degree);
    for (std::uint32_t& stage : term.stages) stage = take(key, width);
    term.coefficient = coefficient == 0 ? 1 : take(key, coefficient);
  }
  return result;
}

}  // namespace orbitmill
