/// The first phase of the fast engine: every segment, walked by whoever has time.
///
/// Index space: the milestones in order, `stride` to an index. The table of segments lies in the
/// memory of root's node, shared by its ranks, whose workers write their entries in place. Workers
/// of other nodes keep theirs, and gather() brings them in large messages at the end of the phase:
/// the contraction reads the table at random and cannot do so over a network.
#pragma once

#include <algorithm>
#include <boost/mpi/communicator.hpp>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "orbitmill/decompose/milestones.hpp"
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
  bool restore(const std::vector<Interval>& ranges, std::span<const std::byte> payload) override;

  /// After the run: moves entries that were computed on other nodes into the table, and the long
  /// segments, sorted, to every rank. Collective over `comm`, root 0.
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
  std::vector<Piece> finished_pieces(Worker& mine, const std::vector<Interval>& ranges) const;

  const MilestoneMap& map_;
  const SegmentFormat& format_;
  std::uint64_t* table_;
  std::uint64_t stride_;
  std::uint64_t index_count_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<LongSegment> long_segments_;
};

}  // namespace orbitmill
