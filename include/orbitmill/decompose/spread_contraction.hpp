/// Contraction over all nodes: the cycles of the register from a table that no node holds alone.
///
/// Which and why. contraction.hpp, on root's node by its ranks and threads, wherever the table fits
/// there: an entry costs a cache miss that others hide, 16 ns on one thread, and nothing on the
/// network once the table is together. This one where it does not fit, or when asked for
/// (--table spread): the entries stay where they are, and the chains travel, 24 bytes for each hop
/// that leaves a node, that is 24 (1 - 1/P) bytes a milestone on P nodes for a permutation that
/// behaves like a random one (the other way pays 8 (1 - 1/P) bytes, all of them into root). At a
/// gigabyte a second and node that is about 24 ns an entry and node, however many threads there
/// are.
///
/// How: list ranking by a sparse ruling set (Sibeyn, Guillaume, Seidel, "Practical parallel list
/// ranking", IRREGULAR 1997), the stations of the other contraction being the rulers. In rounds,
/// every rank walks the chains that it holds while they stay in the memory of its node, marking
/// what they visit, and sends those that left it to the ranks that hold their next entries, all in
/// one exchange. The number of chains in flight is bounded by memory and kept up with new ones, so
/// that there are about (hops that leave a node) / (chains in flight) rounds of large messages.
/// Then comes a tail: the longest of M/d chains has about d ln(M/d) hops, at a message each. A
/// chain that has met a station is finished; root gets all of these, d times fewer than milestones,
/// and walks them alone, as on one node.
///
/// What no chain has visited lies on cycles without a station. Every such entry starts a walk,
/// which ends where it meets a smaller milestone, or, if it is the least of its cycle, when it is
/// back: then the cycle is found. So nothing needs to be collected, however many there are; about d
/// for a permutation like a random one.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/decompose/contraction.hpp"
#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/decompose/table_split.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

/// The table, seen from one rank.
struct SpreadTable {
  const MilestoneMap& map;
  const SegmentFormat& format;
  const std::vector<LongSegment>& long_segments;  ///< all of them, sorted
  const TableSplit& split;
  Interval part;             ///< the entries of this rank's node, its own share among them
  const NodeMemory& memory;  ///< them
};

struct SpreadOptions {
  std::uint64_t station_distance = default_station_distance;
  std::uint64_t in_flight = 0;  ///< chains that a rank holds and sends in a round; 0: by its share
  /// Copies that arrive of each message that this rank sends: for tests that lose messages.
  std::function<unsigned()> copies;
};

/// A power of two. The walk of root alone and the tail shall cost about the same: root takes 100 ns
/// a station, and the tail d ln(M/d) exchanges of some 100 us. And the table of the stations, which
/// lies on root's node, shall be an eighth of a node's part of the table at most.
std::uint64_t spread_station_distance(std::uint64_t milestones, unsigned nodes);

/// Chains in flight for a rank with a share of so many entries, and the memory that takes at most.
std::uint64_t chains_in_flight(std::uint64_t share);
std::uint64_t travel_bytes(std::uint64_t share);

/// What it took, over all ranks.
struct SpreadContraction {
  std::vector<PhaseReport> phases;  ///< of this rank
  std::uint64_t rounds = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t most_messages = 0;  ///< that one rank sent in one round
};

/// Adds every cycle with a milestone to `tally`, once over all ranks; marks entries as visited on
/// the way. Collective over scheduler.communicator(), whose ranks are those of the split. Throws on
/// every rank: InternalError when the table is not a permutation or messages were lost or doubled,
/// CannotCreateError when the stations do not fit root's node, AgreedError with ExitCode::stopped
/// when the keeper wants to stop.
SpreadContraction contract_over_nodes(const SpreadTable& table, Scheduler& scheduler,
                                      CycleTally& tally, const SpreadOptions& options);

}  // namespace orbitmill
