/// Milestones and segments: the pieces into which the fast engine cuts every cycle.
///
/// A milestone is a state whose most significant digits are a nonzero one followed by k zeros; the
/// other n-k-1 digits are free, so there are (q-1) q^(n-k-1). The segment of a milestone is the
/// walk from it to the next milestone on its cycle, the end excluded. Each state of a cycle with a
/// milestone lies in exactly one segment: q^n steps in all at most, in any order. Mean length of a
/// segment: about q^(k+1) / (q-1).
///
/// Least states: let y be the least state of a cycle with a zero run of k or more. Walking by the
/// inverse step (a left shift), the state in front of y ends with a nonzero digit at the top, or y
/// would not be least; so y follows a milestone, and it is the least of the states that follow the
/// milestones of its cycle. The state after d 0^k m begins 0^k m: the least m decides.
///
/// A walk may go either way: the successors by the step are the inverse permutation of those by the
/// inverse step, with the same cycles and total lengths.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// The numbering of the milestones of a register: index = m (q-1) + (d-1).
class MilestoneMap {
 public:
  /// Precondition: reg.require_exhaustible() passes, 1 <= zeros < n. Throws InternalError
  /// otherwise. Keeps a reference to `reg`.
  MilestoneMap(const Register& reg, unsigned zeros);

  const Register& reg() const noexcept { return register_; }
  unsigned zeros() const noexcept { return zeros_; }       ///< k
  std::uint64_t count() const noexcept { return count_; }  ///< number of milestones
  State state_of(std::uint64_t index) const {              ///< index < count()
    return (index % leads_ + 1) * top_weight_ + index / leads_;
  }
  /// Precondition: is_milestone(state).
  std::uint64_t index_of(State state) const {
    return state % top_weight_ * leads_ + state / top_weight_ - 1;
  }
  bool is_milestone(State state) const {
    return state >= top_weight_ && state % top_weight_ < free_count_;
  }
  /// Candidate for the leader that the milestone stands for: the state after it (inverse step).
  /// Monotone in index / (q-1). Cost O(n).
  State leader_after(std::uint64_t index) const { return register_.prev(state_of(index)); }

 private:
  const Register& register_;
  unsigned zeros_;
  std::uint64_t leads_;   ///< q-1, the nonzero digits
  State top_weight_ = 1;  ///< q^(n-1)
  State free_count_ = 1;  ///< q^(n-k-1)
  std::uint64_t count_ = 1;
};

/// One entry of the milestone table, packed: visited mark, length, successor.
class SegmentFormat {
 public:
  explicit SegmentFormat(std::uint64_t milestones);

  /// Lengths from here on do not fit; the entry says so and the length stands elsewhere.
  std::uint64_t escape_length() const noexcept { return escape_; }
  std::uint64_t pack(std::uint64_t successor, std::uint64_t length) const {
    return std::min(length, escape_) << index_bits_ | successor;
  }
  std::uint64_t successor(std::uint64_t entry) const { return entry & index_mask_; }
  /// escape_length() for a long segment.
  std::uint64_t length(std::uint64_t entry) const { return (entry & ~visited) >> index_bits_; }

  static constexpr std::uint64_t visited = std::uint64_t{1} << 63;

 private:
  unsigned index_bits_;
  std::uint64_t index_mask_;
  std::uint64_t escape_;
};

/// A segment too long for its entry.
struct LongSegment {
  std::uint64_t index = 0;
  std::uint64_t length = 0;

  friend auto operator<=>(const LongSegment&, const LongSegment&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& index& length;
  }
};

/// Takes the segments of a range of milestones; the entries of the range lie together.
class SegmentSink {
 public:
  /// `entries` has room for the range that begins with milestone `first`.
  SegmentSink(const SegmentFormat& format, std::uint64_t first, std::uint64_t* entries,
              std::vector<LongSegment>& long_segments)
      : format_(format), first_(first), entries_(entries), long_segments_(long_segments) {}

  void put(std::uint64_t index, std::uint64_t successor, std::uint64_t length) {
    entries_[index - first_] = format_.pack(successor, length);
    states_ += length;
    if (length >= format_.escape_length()) long_segments_.push_back({index, length});
  }
  /// Sum of the lengths put so far.
  std::uint64_t states() const noexcept { return states_; }

 private:
  const SegmentFormat& format_;
  std::uint64_t first_;
  std::uint64_t* entries_;
  std::vector<LongSegment>& long_segments_;
  std::uint64_t states_ = 0;
};

/// Walks the segments of a range of milestones. One per worker, reused.
class SegmentWalker {
 public:
  virtual ~SegmentWalker() = default;
  /// Puts the segment of every milestone of [first, last) into `sink`, each once.
  virtual void walk(std::uint64_t first, std::uint64_t last, SegmentSink& sink) = 0;
  /// True when the walks go by the step, false when they go by the inverse step.
  virtual bool is_forward() const = 0;
};

/// One walk after the other by Register::prev: for every register, and the oracle of the others.
std::unique_ptr<SegmentWalker> make_plain_segment_walker(const MilestoneMap& map);
/// Affine feedback over any GF(q): digit kernel, eight walks interleaved.
std::unique_ptr<SegmentWalker> make_digit_segment_walker(const MilestoneMap& map);
/// Over GF(2), n >= RowProgram::min_length: bit-sliced, 512 walks at once.
std::unique_ptr<SegmentWalker> make_row_segment_walker(const MilestoneMap& map);
/// Over GF(3), GF(4) and GF(8) where plane_program_covers(): the same, two or three planes a
/// symbol.
std::unique_ptr<SegmentWalker> make_plane_segment_walker(const MilestoneMap& map);
/// True where the fastest one takes 512 walks at once.
bool walks_in_lanes(const Register& reg);
/// The fastest one for the register.
std::unique_ptr<SegmentWalker> make_segment_walker(const MilestoneMap& map);

}  // namespace orbitmill
