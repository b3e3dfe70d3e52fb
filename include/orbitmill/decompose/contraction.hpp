/// Contraction: the cycles of the register from the table of its segments.
///
/// The successor table is a permutation of the milestones with weights (segment lengths); its
/// cycles, weighted, are the cycles of the register that contain a milestone. A single walk through
/// the table waits for memory at every entry (123 ns measured), so the table is contracted a second
/// time: every 256th milestone is a station, chains run from station to station, many of them
/// interleaved in each thread with their next entries prefetched, and what is left is a table 256
/// times smaller, walked by root alone. Cycles without a station are found afterwards among the
/// entries that no chain has marked; they are few and short.
///
/// This is done on one node, root's, by all its ranks and threads, wherever the table fits there:
/// it is q^(k+1) times smaller than the state space, and a chain over the network pays 24 bytes for
/// every entry where one in memory pays 16 ns of a thread. Where it does not fit,
/// spread_contraction.hpp does the same over all nodes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

/// The table and how to read it.
struct SegmentTable {
  const MilestoneMap& map;
  const SegmentFormat& format;
  const std::vector<LongSegment>& long_segments;  ///< sorted
  std::uint64_t* entries;                         ///< map.count() of them, shared by the node

  std::uint64_t length_of(std::uint64_t index, std::uint64_t entry) const;
};

/// Milestones between two stations.
inline constexpr std::uint64_t default_station_distance = 256;

/// The walk from one station to the next.
struct Chain {
  /// Set in `next_station` once the chain belongs to a cycle that was found.
  static constexpr std::uint64_t done = std::uint64_t{1} << 63;

  std::uint64_t next_station = 0;
  std::uint64_t length = 0;  ///< states
  std::uint64_t least = 0;   ///< least milestone on it, by precedes()
};

/// Adds every cycle with a milestone to `tally`, once over all ranks of the node; marks every entry
/// as visited on the way. Collective over node_scheduler.communicator(), the ranks of one node.
/// Throws InternalError when the table is not a permutation. Returns this rank's phases. The memory
/// of the chains, one for each station, all done, goes to `kept_chains` where that is not null.
std::vector<PhaseReport> contract(const SegmentTable& table, Scheduler& node_scheduler,
                                  CycleTally& tally,
                                  std::uint64_t station_distance = default_station_distance,
                                  std::unique_ptr<NodeMemory>* kept_chains = nullptr);

}  // namespace orbitmill
