/// The states that people write on the command line of `where`.
#pragma once

#include <string>

#include "orbitmill/results/record.hpp"

namespace orbitmill {

/// Decimal, 0x... or 0b...; a state of the register in `record`. Throws UsageError.
State parse_state(const std::string& text, const DecompositionRecord& record);

}  // namespace orbitmill
