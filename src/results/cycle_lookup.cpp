#include "orbitmill/results/cycle_lookup.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {

CycleLookup::CycleLookup(const ResultReader& file)
    : file_(file), register_(file.record().register_spec) {
  if (file.record().index_zeros == 0) {
    throw UsageError(fmt::format(
        "\"{}\" has no index to look states up in; write the file again with decompose --index",
        file.path().string()));
  }
}

StatePlace CycleLookup::locate(State state) const {
  const MilestoneMap map(register_, file_.record().index_zeros);
  StatePlace place;
  place.state = state;
  State now = state;
  State least = state;
  std::uint64_t to_least = 0;
  while (!map.is_milestone(now)) {
    now = register_.next(now);
    ++place.walked;
    if (now == state) {
      place.leader = least;
      place.length = place.walked;
      place.phase = (place.length - to_least) % place.length;
      return find_row(place, std::nullopt);
    }
    if (now < least) {
      least = now;
      to_least = place.walked;
    }
  }
  return find_row(place, file_.milestone_position(map.index_of(now)));
}

/// With the position of the milestone that ended the walk; without one the cycle is known.
StatePlace CycleLookup::find_row(StatePlace place, std::optional<std::uint64_t> position) const {
  // A block of the table at a time: it may be larger than the memory of whoever asks.
  std::uint64_t base = 0;
  for (std::uint64_t first = 0;; first += table_chunk_rows) {
    const std::vector<CycleRow> rows = file_.cycles(first, table_chunk_rows);
    if (rows.empty()) break;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const CycleRow& row = rows[i];
      place.row = first + i;
      if (!position) {
        if (row.leader == place.leader && row.length == place.length) return place;
      } else if (*position - base < row.length) {
        place.leader = row.leader;
        place.length = row.length;
        const std::uint64_t back = place.walked % row.length;
        const std::uint64_t phase = *position - base;
        place.phase = phase >= back ? phase - back : phase + row.length - back;
        return place;
      }
      base += row.length;
    }
  }
  throw IoError(fmt::format(
      "cannot read \"{}\": the file is damaged (/milestones and /cycles contradict each other)",
      file_.path().string()));
}

std::optional<std::uint64_t> distance(const StatePlace& from, const StatePlace& to) {
  if (from.row != to.row) return std::nullopt;
  return to.phase >= from.phase ? to.phase - from.phase : to.phase + from.length - from.phase;
}

}  // namespace orbitmill
