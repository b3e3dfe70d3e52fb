/// The first phase of the fast engine: every segment, walked by whoever has time.
///
/// Index space: the milestones in order, `stride` to an index. The table of segments lies in the
/// memory of root's node, shared by its ranks, or is spread over all nodes (table_split.hpp).
/// Workers write in place what belongs to the part of their own node, and keep the rest; gather()
/// brings it to its place in large messages at the end of the phase.
#pragma once

#include <algorithm>
#include <boost/mpi/communicator.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/decompose/table_split.hpp"
#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

/// Milestones to an index of the pass: what a kept part of it refers to, so whoever goes on with
/// other workers must use the same. `workers`: over all ranks.
std::uint64_t milestone_stride(std::uint64_t milestones, unsigned workers);

class MilestonePass final : public Phase {
 public:
  /// `table`: the whole table on the ranks of root's node, null elsewhere. `workers`: over all
  /// ranks, the same on every rank. Keeps references.
  /// `stride`: milestones to an index; 0: milestone_stride() for these workers.
  MilestonePass(const MilestoneMap& map, const SegmentFormat& format, std::uint64_t* table,
                unsigned workers, std::uint64_t stride = 0);
  /// The same for a spread table: `entries` are those of `part`, which this rank sees, its own
  /// share among them. Borders of `split` are multiples of `stride`. `comm` is that of the run.
  MilestonePass(const MilestoneMap& map, const SegmentFormat& format,
                const boost::mpi::communicator& comm, const TableSplit& split, Interval part,
                std::uint64_t* entries, std::uint64_t stride);

  std::string name() const override { return "milestone pass"; }
  std::uint64_t index_count() const override { return index_count_; }
  void prepare(unsigned workers) override;
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override;
  void sample(std::uint64_t first, std::uint64_t last) override;
  bool is_kept() const override { return true; }
  /// The payload: the number of long segments among the milestones of the ranges, these, sorted,
  /// and the entries of the ranges. Entries go out from where they lie.
  std::vector<FinishedPart> take_finished(unsigned worker,
                                          const std::vector<Interval>& ranges) override;
  /// Entries that other nodes hold go there at once, in a message: the whole table would not fit
  /// root. Those nodes take them in end_restore().
  bool restore(const std::vector<Interval>& ranges, std::span<const std::byte> payload) override;
  void end_restore() override;

  /// After the run: moves entries that were computed away from their place into the table, and the
  /// long segments, sorted, to every rank. Collective over `comm`, root 0.
  void gather(const boost::mpi::communicator& comm);

  /// After gather().
  const std::vector<LongSegment>& long_segments() const noexcept { return long_segments_; }
  /// Sum of the lengths of the segments that this rank walked.
  std::uint64_t states() const;

 private:
  /// Entries of the milestones from `first` on, computed away from the table.
  struct Part {
    std::uint64_t first = 0;
    std::vector<std::uint64_t> entries;
  };
  struct alignas(128) Worker {
    std::unique_ptr<SegmentWalker> walker;
    std::vector<Part> parts;
    std::vector<LongSegment> long_segments;
    std::uint64_t states = 0;
    std::size_t parts_taken = 0;  ///< by take_finished()
    std::size_t long_segments_taken = 0;
  };
  /// Finished entries that lie together.
  struct Piece {
    Interval range;
    std::span<const std::uint64_t> entries;
  };

  std::uint64_t begin_of(std::uint64_t index) const {
    return std::min(index * stride_, map_.count());
  }
  /// Of milestone `first`, which lies in part_.
  std::uint64_t* place_of(std::uint64_t first) const { return entries_ + (first - part_.first); }
  /// Calls `action(first, last, in_place)` with the pieces of milestones [first, last).
  template <class Action>
  void for_each_side(std::uint64_t first, std::uint64_t last, Action action) const;
  std::vector<Piece> finished_pieces(Worker& mine, const std::vector<Interval>& ranges) const;
  void restore_entries(Interval milestones, const std::byte* from);

  const MilestoneMap& map_;
  const SegmentFormat& format_;
  const boost::mpi::communicator* comm_ = nullptr;  ///< of a spread table
  TableSplit split_;
  Interval part_;  ///< the milestones whose entries this rank sees
  std::uint64_t* entries_;
  std::uint64_t stride_;
  std::uint64_t index_count_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<LongSegment> long_segments_;
};

}  // namespace orbitmill
