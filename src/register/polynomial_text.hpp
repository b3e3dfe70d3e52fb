/// Polynomials in x over GF(q) as text: the modulus of a field, the characteristic polynomial of a
/// register. Written `x^5 + 2*x + 1`, highest power first; coefficients are elements 0..q-1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "orbitmill/register/field.hpp"
#include "text_cursor.hpp"

namespace orbitmill {

/// coefficient * x^exponent
struct Monomial {
  std::uint32_t exponent = 0;
  Element coefficient = 0;
  std::size_t column = 0;  ///< where it was read, for messages
};

/// Reads a monic polynomial to the end of the text: powers in any order, each at most once, a minus
/// sign negates in the field. Returns the nonzero monomials, highest power first, so that the first
/// one is x^degree. Throws JobError, also for powers above `max_exponent`. O(bytes).
std::vector<Monomial> read_monic_polynomial(TextCursor& cursor, const Field& field,
                                            std::uint32_t max_exponent);

/// `x^5 + 2*x + 1` from nonzero monomials, in the order given; "0" if there are none.
std::string polynomial_text(const std::vector<Monomial>& monomials);

/// The element that `number` denotes. Throws JobError through `cursor` unless it is below q.
Element read_element(const TextCursor& cursor, const NumberText& number, const Field& field);

}  // namespace orbitmill
