/// What both contractions share: on one node (contraction.cpp) and over all
/// (spread_contraction.cpp).
#pragma once

#include <cstdint>

#include "orbitmill/decompose/contraction.hpp"
#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/decompose/milestones.hpp"

namespace orbitmill {

/// True when milestone `a` stands for a smaller leader than `b`. For q = 2 this is the order of the
/// indices; otherwise milestones that differ in their first digit alone are told apart by the
/// states that follow them.
inline bool precedes(const MilestoneMap& map, std::uint64_t a, std::uint64_t b) {
  const std::uint64_t leads = map.reg().field().order() - 1;
  if (leads == 1 || a / leads != b / leads) return a < b;
  return a != b && map.leader_after(a) < map.leader_after(b);
}

/// Throws InternalError: two segments end at the same milestone.
[[noreturn]] void throw_not_a_permutation();

/// Root: adds the cycles of the stations to `tally` and marks their chains as done.
void walk_stations(const MilestoneMap& map, Chain* chains, std::uint64_t stations,
                   CycleTally& tally);

}  // namespace orbitmill
