/// The milestone index: where every milestone stands, for questions about any state.
///
/// The cycles in the order of the cycle table, each walked by the step from its leader on, put all
/// states into one row. The position of a milestone is its place there: the lengths of the cycles
/// before its own, plus its phase (the number of steps from the leader). So the cycle and the phase
/// of any state follow from the first milestone that its walk meets, q^(k+1) / (q-1) steps away on
/// average.
///
/// The positions are written over the segments, in the same table. A cycle with milestones has one
/// whose position is known: its leader follows a milestone by the inverse step (milestones.hpp),
/// which therefore has phase 1. From there
///  1. each cycle is walked to its first station; a cycle without stations is written now,
///  2. root walks the stations and leaves a phase at each,
///  3. chains from all stations write what lies between them.
/// Every entry is overwritten as it is left for the last time. Cost: a second contraction.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

struct MilestoneIndex {
  unsigned zeros = 0;                  ///< k
  std::uint64_t count = 0;             ///< number of milestones
  std::unique_ptr<NodeMemory> memory;  ///< on the ranks of root's node, else null

  /// Positions in the order of MilestoneMap::index_of. On root's node.
  const std::uint64_t* positions() const noexcept { return memory->as<std::uint64_t>(); }
};

/// What the contraction leaves behind.
struct ContractedTable {
  MilestoneMap map;
  SegmentFormat format;
  std::vector<LongSegment> long_segments;
  std::uint64_t station_distance;
  /// The table and the Chains of contract(), on the ranks of root's node, else null.
  std::unique_ptr<NodeMemory> entries, chains;
};

/// Turns the table of segments into the index. `cycles`: this rank's part of the certified cycle
/// table. Appends this rank's phases to `phases`. Collective over the scheduler's communicator.
/// Needs 32 bytes a cycle with milestones and 24 a station on root's node: throws CannotCreateError
/// where they do not fit, and InternalError should the walks contradict the cycle table.
MilestoneIndex index_milestones(ContractedTable&& table, const CycleSlice& cycles,
                                Scheduler& scheduler, std::vector<PhaseReport>& phases);

}  // namespace orbitmill
