#include "orbitmill/decompose/lone_engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "lone_engine_tables.hpp"
#include "orbitmill/decompose/contraction.hpp"
#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// Up to this length a table of all states is faster than bit-sliced walks and their sweeps.
constexpr unsigned longest_in_table = 15;

}  // namespace

bool prefers_table(const Register& reg) {
  if (reg.field().order() == 2) return reg.length() <= longest_in_table;
  return reg.state_count() <= StateTable::max_states;
}

unsigned longest_period_tried(unsigned length) {
  return std::clamp(length - 4, 1U, PeriodicWords::max_period);
}

LoneEngine::LoneEngine() : tables_(std::make_unique<Tables>()) {}
LoneEngine::~LoneEngine() = default;

Histogram LoneEngine::histogram(const Register& reg) {
  reg.require_exhaustible();
  Tables& tables = *tables_;
  tables.counts.clear();
  try {
    if (prefers_table(reg)) {
      tables.count_by_table(reg);
    } else if (reg.field().order() == 2) {
      tables.count_by_rows(reg);
    } else {
      tables.count_by_segments(reg);
    }
  } catch (const std::bad_alloc&) {
    throw CannotCreateError(
        fmt::format("no memory for the tables of a register of length {} over GF({}); use fewer "
                    "threads",
                    reg.length(), reg.field().order()));
  }
  // The certificate; every cycle was counted once by its walk.
  if (tables.counts.states() != reg.state_count()) {
    throw InternalError(
        fmt::format("the cycles found hold {} states of {}; work was lost or done twice",
                    tables.counts.states(), reg.state_count()));
  }
  return tables.counts.histogram();
}

void LoneEngine::Tables::count_by_rows(const Register& reg) {
  const unsigned zeros = ChainWalk::zeros_for_histogram(reg.length());
  const RowProgram program = make_row_program(reg);
  walk.reset(program, zeros);
  walk.finish([this](std::uint64_t states_of_cycle) {
    counts.add(states_of_cycle);
    return true;
  });
  if (counts.states() < reg.state_count() && reg.next(0) == 0) counts.add(1);
  const unsigned known = longest_period_tried(reg.length());
  for (unsigned period = 1; period <= known && counts.states() < reg.state_count(); ++period) {
    const std::uint64_t found = words.count_cycles(program, period, zeros);
    if (found != 0) counts.add(period, found);
  }
  sweep_levels(reg, zeros, known);
}

void LoneEngine::Tables::sweep_levels(const Register& reg, unsigned zeros, std::uint64_t known) {
  RowBudget no_rows({false, 0});
  while (zeros-- > 0 && counts.states() < reg.state_count()) {
    const std::uint64_t deficit = reg.state_count() - counts.states();
    const SweepPart part = level_sweep(reg, zeros, known, deficit);
    CycleTally tally(no_rows, known);
    part.make_tester()->test_range(part.first, part.last, tally);
    for (const auto& [length, count] : tally.histogram()) counts.add(length, count);
  }
}

void LoneEngine::Tables::count_by_segments(const Register& reg) {
  // Few enough for the cache, many enough that their ends do not count.
  constexpr std::uint64_t most_milestones = std::uint64_t{1} << 17;
  unsigned zeros = 1;
  while (zeros + 1 < reg.length() && MilestoneMap(reg, zeros).count() > most_milestones) ++zeros;
  const MilestoneMap map(reg, zeros);
  const SegmentFormat format(map.count());
  segments.assign(map.count(), 0);
  long_segments.clear();
  SegmentSink sink(format, 0, segments.data(), long_segments);
  make_segment_walker(map)->walk(0, map.count(), sink);
  std::ranges::sort(long_segments);
  const SegmentTable table{map, format, long_segments, segments.data()};
  for (std::uint64_t start = 0; start < map.count(); ++start) {
    std::uint64_t states_of_cycle = 0;
    for (std::uint64_t at = start; (segments[at] & SegmentFormat::visited) == 0;) {
      const std::uint64_t entry = segments[at];
      segments[at] |= SegmentFormat::visited;
      states_of_cycle += table.length_of(at, entry);
      at = format.successor(entry);
      if (at >= map.count()) throw InternalError("a segment ends at no milestone");
    }
    if (states_of_cycle != 0) counts.add(states_of_cycle);
  }
  if (counts.states() < reg.state_count() && reg.next(0) == 0) counts.add(1);
  sweep_levels(reg, zeros, 0);
}

}  // namespace orbitmill
