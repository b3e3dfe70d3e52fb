/// Integers of any size (GMP), for what does not fit a word: q^n, orders, counts of cycles.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orbitmill {

using Integer = mpz_class;

inline Integer to_integer(std::uint64_t value) {
  static_assert(sizeof(unsigned long) == sizeof(std::uint64_t));
  return Integer(static_cast<unsigned long>(value));
}

/// The value as a word, or nothing where it is negative or 2^64 or more.
inline std::optional<std::uint64_t> to_word(const Integer& value) {
  if (!value.fits_ulong_p()) return std::nullopt;
  return value.get_ui();
}

/// base^exponent.
inline Integer power(const Integer& base, std::uint64_t exponent) {
  Integer result;
  mpz_pow_ui(result.get_mpz_t(), base.get_mpz_t(), exponent);
  return result;
}

/// Decimal digits, nothing else; nothing for any other text.
inline std::optional<Integer> parse_integer(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return Integer(std::string(text));
}

}  // namespace orbitmill
