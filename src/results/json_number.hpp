/// Integers for programs that read JSON.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

namespace orbitmill {

/// JavaScript, jq and many others keep numbers as doubles; above 2^53 they would round silently.
inline nlohmann::ordered_json json_number(std::uint64_t value) {
  constexpr std::uint64_t exact = std::uint64_t{1} << 53;
  return value > exact ? nlohmann::ordered_json(fmt::to_string(value))
                       : nlohmann::ordered_json(value);
}

}  // namespace orbitmill
