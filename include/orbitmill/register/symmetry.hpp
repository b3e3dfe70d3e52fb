/// Registers that have the same cycle lengths for a reason one can see: reciprocal and complement.
///
/// The *reciprocal* of f = c x_0 + g(x_1, ..., x_{n-1}) runs all sequences backwards: x_i becomes
/// x_{n-i} in g, over GF(q) divided by -c. The *complement*, GF(2), inverts every symbol:
/// f(x_0 + 1, ..., x_{n-1} + 1) + 1. Both permute the cycles and keep their lengths; they commute,
/// and each undoes itself, so a register has at most three others beside it. (Golomb, Shift
/// Register Sequences, ch. 6; Dubrova, IACR ePrint 2012/166, lists one of each reciprocal pair.)
///
/// The *canonical* register of such a class is the least one in the order of register_key():
/// fewest terms first, then term by term in the order of Feedback, the constant last.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "orbitmill/register/feedback.hpp"
#include "orbitmill/register/field.hpp"

namespace orbitmill {

/// Preconditions of the three: nonsingular, canonical order, stages below `length`.
Feedback reciprocal_feedback(const Feedback& feedback, std::uint32_t length, const Field& field);

/// A product of d stages becomes 2^d terms, so the complement is used up to this degree. Degree is
/// the same for both, so that either of them gives the same answer.
inline constexpr std::size_t max_complement_degree = 10;
/// Nothing where q > 2 or the degree is above max_complement_degree.
std::optional<Feedback> complement_feedback(const Feedback& feedback, const Field& field);

/// The canonical register of the class. A singular register is its own.
Feedback canonical_feedback(const Feedback& feedback, std::uint32_t length, const Field& field);

/// The register as bytes that compare (as unsigned bytes, shorter first) like registers: by field
/// order, length, number of terms, terms. Some 20 bytes where a Feedback takes hundreds: the form
/// in which campaigns keep millions. Precondition: canonical order.
std::string register_key(std::uint32_t field_order, std::uint32_t length, const Feedback& feedback);

struct KeyedRegister {
  std::uint32_t field_order = 0;
  std::uint32_t length = 0;
  Feedback feedback;
};
/// The inverse. Precondition: `key` was made by register_key().
KeyedRegister register_of_key(std::string_view key);

}  // namespace orbitmill
