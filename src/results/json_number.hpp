/// Integers for programs that read JSON.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "orbitmill/algebra/integer.hpp"

namespace orbitmill {

/// JavaScript, jq and many others keep numbers as doubles; above 2^53 they would round silently.
inline nlohmann::ordered_json json_number(std::uint64_t value) {
  constexpr std::uint64_t exact = std::uint64_t{1} << 53;
  return value > exact ? nlohmann::ordered_json(fmt::to_string(value))
                       : nlohmann::ordered_json(value);
}

inline nlohmann::ordered_json json_number(const Integer& value) {
  const auto word = to_word(value);
  return word ? json_number(*word) : nlohmann::ordered_json(value.get_str());
}

}  // namespace orbitmill
