/// A decomposition record for people and for programs: what `orbitmill show` prints.
#pragma once

#include <iosfwd>
#include <vector>

#include "orbitmill/results/record.hpp"

namespace orbitmill {

/// Longest cycles first with count, states and share of the state space; then elapsed time and what
/// was certified. At most `max_rows` lines of histogram, the rest summed up in one line.
/// Width at most 80 columns whatever the numbers; plain text, no colours.
void print_text(std::ostream& out, const DecompositionRecord& record, std::size_t max_rows = 20);

/// One JSON object: `register`, `states`, `cycles`, `histogram` (list of {"length", "count"} sorted
/// by length), `certificate` (`complete`, `checksum` as 16 hex digits, ...), `run`. Integers above
/// 2^53 are strings.
void print_json(std::ostream& out, const DecompositionRecord& record);

/// The histogram as CSV with the header line `length,count`, sorted by length.
void print_csv(std::ostream& out, const DecompositionRecord& record);

}  // namespace orbitmill
