/// The second half of the table of known factors, apart from the first to keep files short.
#pragma once

#include <span>

#include "orbitmill/algebra/prime_factors.hpp"

namespace orbitmill {

/// Exponents above 900.
std::span<const KnownFactor> known_factors_high();

}  // namespace orbitmill
