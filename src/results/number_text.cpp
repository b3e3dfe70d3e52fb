#include "number_text.hpp"

#include <fmt/format.h>

#include <cmath>

namespace orbitmill {

std::string brief(const Integer& value, std::uint64_t q) {
  constexpr std::size_t readable = 20;
  std::string digits = value.get_str();
  if (digits.size() <= readable) return digits;
  for (const int offset : {0, 1, -1}) {
    const Integer base = value - offset;
    // The exponent by its size; the power itself decides.
    const auto exponent = static_cast<std::uint64_t>(
        std::llround(static_cast<double>(mpz_sizeinbase(base.get_mpz_t(), 2) - 1) /
                     std::log2(static_cast<double>(q))));
    for (const std::uint64_t candidate : {exponent, exponent + 1}) {
      if (power(to_integer(q), candidate) != base) continue;
      std::string text = fmt::format("{}^{}", q, candidate);
      return offset == 0 ? text : fmt::format("{} {} 1", text, offset > 0 ? '+' : '-');
    }
  }
  return fmt::format("{}.{}e{}", digits[0], digits.substr(1, 4), digits.size() - 1);
}

std::string described(const Integer& value, std::uint64_t q) {
  std::string text = brief(value, q);
  if (text.find_first_of("^e") == std::string::npos) return text;
  return fmt::format("{} ({} digits)", text, value.get_str().size());
}

}  // namespace orbitmill
