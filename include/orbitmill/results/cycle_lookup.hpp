/// Which cycle a state lies on, and where on it, from a result file with a milestone index.
///
/// A state walks by the step to the first milestone, whose position is in the file
/// (decompose/milestone_index.hpp): about q^(k+1) / (q-1) steps. A cycle without a milestone is
/// short; the walk comes back to the state and has seen all of it.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>

#include "orbitmill/register/register.hpp"
#include "orbitmill/results/result_file.hpp"

namespace orbitmill {

struct StatePlace {
  State state = 0;
  std::uint64_t row = 0;  ///< of the cycle in /cycles
  State leader = 0;
  std::uint64_t length = 0;
  std::uint64_t phase = 0;   ///< steps from the leader to the state
  std::uint64_t walked = 0;  ///< steps that it took to find out
};

class CycleLookup {
 public:
  /// Keeps a reference to `file`. Throws UsageError if it has no index, IoError if it is damaged.
  explicit CycleLookup(const ResultReader& file);

  /// Precondition: state < q^n. Cost: the walk, one chunk of the index, and the cycle table up to
  /// the row. Throws IoError as ResultReader.
  StatePlace locate(State state) const;

 private:
  StatePlace find_row(StatePlace place, std::optional<std::uint64_t> position) const;

  const ResultReader& file_;
  Register register_;
};

/// Steps from `from` to `to`; nothing if they lie on different cycles.
std::optional<std::uint64_t> distance(const StatePlace& from, const StatePlace& to);

/// What `orbitmill where` prints: one state, or two and the distance between them. Integers above
/// 2^53 are strings in JSON.
void print_place_text(std::ostream& out, const StatePlace& place, const StatePlace* second,
                      const DecompositionRecord& record);
void print_place_json(std::ostream& out, const StatePlace& place, const StatePlace* second);

}  // namespace orbitmill
