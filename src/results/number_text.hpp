/// Integers of any size for people; q is the order of the field they come from.
#pragma once

#include <cstdint>
#include <string>

#include "orbitmill/algebra/integer.hpp"

namespace orbitmill {

/// All digits of what can be read, 21 characters at most otherwise: "2^1279 - 1" near a power of q,
/// else "1.0407e385", its digits cut off and not rounded.
std::string brief(const Integer& value, std::uint64_t q);

/// As brief(), with the number of digits where they are not all there.
std::string described(const Integer& value, std::uint64_t q);

}  // namespace orbitmill
