/// The plain way through a table of segments, for tests of the contractions.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "orbitmill/decompose/milestones.hpp"

namespace test {

using orbitmill::MilestoneMap;
using orbitmill::State;

/// Leader and length of a cycle.
using Row = std::pair<State, std::uint64_t>;

/// One hop after the other; the leader is the least of the states that follow the milestones.
inline std::vector<Row> naive_walk(const MilestoneMap& map,
                                   const std::vector<std::uint64_t>& successor,
                                   const std::vector<std::uint64_t>& length) {
  std::vector<Row> rows;
  std::vector<bool> seen(successor.size());
  for (std::uint64_t start = 0; start < successor.size(); ++start) {
    if (seen[start]) continue;
    Row row{~State{0}, 0};
    for (std::uint64_t at = start; !seen[at]; at = successor[at]) {
      seen[at] = true;
      row.first = std::min(row.first, map.reg().prev(map.state_of(at)));
      row.second += length[at];
    }
    rows.push_back(row);
  }
  std::ranges::sort(rows);
  return rows;
}

}  // namespace test
