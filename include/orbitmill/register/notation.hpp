/// The notations in which people write registers, read and printed.
///
/// All parsers throw JobError with the text, a caret under the offending column and what was
/// expected; so for texts of more than 4 MiB. White space is free. parse(print(f)) == f for every
/// notation that can express f. A constant f is refused in all of them: its ANF "1" would be read
/// as the index list of x1.
///
///   index list    `0,1,2,(1,2)`          x0 + x1 + x2 + x1*x2; `()` is the constant 1 (the empty
///                                        product). All coefficients are 1. (Dubrova, "A List of
///                                        Maximum-Period NLFSRs", IACR ePrint 2012/166)
///   ANF text      `x0 + x1*x2 + 1`       over GF(q) with coefficients: `2*x0 + x3 + 1`
///   coefficients  `1,0,1,1`              c_0..c_{n-1}: f = sum of c_i x_i (rows of lfsr-seq)
///   polynomial    `x^16 + x^12 + x^3 + x + 1`   P(x) = x^n - c_{n-1} x^{n-1} - ... - c_0, so
///                                        c_i is MINUS the coefficient of x^i
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "orbitmill/register/feedback.hpp"
#include "orbitmill/register/field.hpp"

namespace orbitmill {

/// Greatest register length that any notation accepts; it bounds what a typing error can allocate.
inline constexpr std::uint32_t max_register_length = 100'000;

/// A feedback together with the length that its notation implies.
struct ParsedRegister {
  std::uint32_t length = 0;
  Feedback feedback;
};

/// Index list or ANF text, told apart by the letter x. Stages must be below `length`, coefficients
/// in 1..q-1; products need q = 2. Repeated terms, and repeated stages in a product, are errors.
Feedback parse_feedback(std::string_view text, const Field& field, std::uint32_t length);

/// Coefficients c_0,...,c_{n-1}, each in 0..q-1; the length is their number. All zero is an error.
ParsedRegister parse_coefficients(std::string_view text, const Field& field);

/// Monic polynomial in x with coefficients as elements 0..q-1 (`x^5 + 2*x + 1`; a minus sign
/// negates in the field); the length is its degree, 1..max_register_length. Repeated powers are
/// errors.
ParsedRegister parse_polynomial(std::string_view text, const Field& field);

/// `x0 + x2 + x5*x9 + 1`: the canonical text, for every feedback. f = 0 prints as "0".
std::string print_anf(const Feedback& feedback);
/// The same for people: what is longer than 400 characters is cut and ends in ` ...`.
std::string print_anf_shortly(const Feedback& feedback);
/// `0,2,(5,9),()`: only where all coefficients are 1 (else InternalError).
std::string print_index_list(const Feedback& feedback);
/// `1,0,1`: only for linear feedback (else InternalError).
std::string print_coefficients(const Feedback& feedback, std::uint32_t length);
/// Characteristic polynomial x^n - c_{n-1} x^{n-1} - ... - c_0 of the linear part.
std::string print_polynomial(const Feedback& feedback, const Field& field, std::uint32_t length);

}  // namespace orbitmill
