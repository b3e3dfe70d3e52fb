/// Integers of any size (GMP), for what does not fit a word: q^n, orders, counts of cycles.
#pragma once

#include <gmpxx.h>

#include <boost/serialization/split_free.hpp>
#include <boost/serialization/string.hpp>
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

namespace boost::serialization {

// As text in base 32: unlike decimal digits its cost is linear in the size.
template <class Archive>
void save(Archive& archive, const mpz_class& value, unsigned /*version*/) {
  const std::string digits = value.get_str(32);
  archive << digits;
}
template <class Archive>
void load(Archive& archive, mpz_class& value, unsigned /*version*/) {
  std::string digits;
  archive >> digits;
  value.set_str(digits, 32);
}

}  // namespace boost::serialization
BOOST_SERIALIZATION_SPLIT_FREE(mpz_class)
