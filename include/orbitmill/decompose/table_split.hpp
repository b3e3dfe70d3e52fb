/// Which rank holds which entries of the table of segments, and how they get there.
///
/// Either root's node holds the whole table, or every rank holds a share of it. The shares of the
/// ranks of a node are neighbours, so that the node has one contiguous part in its memory, and they
/// are the chunks that the scheduler begins with wherever ranks are numbered node by node: then
/// only stolen work is done away from its place.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstdint>
#include <span>
#include <vector>

#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {

class TableSplit {
 public:
  /// The `i`-th share is [borders[i], borders[i+1]) and belongs to rank ranks[i]; it may be empty.
  /// Borders begin with 0, end with the number of entries and do not fall; each rank occurs once.
  TableSplit(std::vector<std::uint64_t> borders, const std::vector<int>& ranks);
  /// Rank 0 holds all of them.
  static TableSplit on_root(std::uint64_t entries);
  /// Equal shares, multiples of `stride` but for the last one, in the order of nodes and ranks.
  /// Collective over `comm`; `node` is the part of it that shares memory with this rank.
  static TableSplit over_nodes(const boost::mpi::communicator& comm,
                               const boost::mpi::communicator& node, std::uint64_t entries,
                               std::uint64_t stride);

  std::uint64_t entries() const noexcept { return entries_; }
  /// Of the greatest share.
  std::uint64_t most_entries() const noexcept { return most_entries_; }
  /// The rank that holds the entry. Precondition: index < entries(). Cost O(log ranks).
  int owner_of(std::uint64_t index) const;
  /// Empty for a rank without entries.
  Interval share_of(int rank) const;
  /// The entries of the ranks of `node` together, which are neighbours. Collective over `node`;
  /// `rank`: this one's number in the communicator of the split.
  Interval part_of(const boost::mpi::communicator& node, int rank) const;

 private:
  std::uint64_t entries_ = 0;
  std::uint64_t most_entries_ = 0;
  std::vector<std::uint64_t> firsts_;  ///< of the shares that are not empty, ascending
  std::vector<int> owners_;            ///< of them
  std::vector<Interval> shares_;       ///< by rank
};

/// Entries that lie elsewhere than in their table: those of the milestones from `first` on.
struct StrayEntries {
  std::uint64_t first = 0;
  std::span<const std::uint64_t> entries;
};

/// Sends stray entries to the ranks that hold them, which write them to their places: a message a
/// pair of ranks, of 1 GiB at most. `part`: the entries of the table that this rank sees at
/// `entries`, its own share among them. None of `strays` lies in it. Collective.
void bring_home(const boost::mpi::communicator& comm, const TableSplit& split, Interval part,
                std::uint64_t* entries, std::span<const StrayEntries> strays);

}  // namespace orbitmill
