/// Segments, bit-sliced: 512 walks at once, over any field that has a kernel for it.
///
/// Rows are computed a chunk at a time and searched for milestones in all lanes together. A lane
/// that has met its milestone is read out at once (the n-k-1 free digits) and stands empty until
/// enough of them do; then new walks enter together, by transposition.
///
/// When to fill the empty lanes: an entry costs about as much as `entry_rows` rows, whatever the
/// number of lanes; f empty lanes waste half of f / 512 of the rows; one lane empties every
/// mean / 512 rows. The sum is least at f = sqrt(2 * 512^2 * entry_rows / mean).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "orbitmill/decompose/free_digits.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/kernel/row_kernel.hpp"
#include "orbitmill/kernel/word_stepper.hpp"

namespace orbitmill {

/// What the walks of a field must give: entry_rows, is_forward() and steps(); start_at() a
/// milestone, place() for it and those behind it in their order, then enter(); search(), a chunk of
/// steps of all lanes with their hits; index_at(), the milestone on which a lane stands.
template <class Walks>
class alignas(128) LaneSegmentWalker final : public SegmentWalker {
 public:
  explicit LaneSegmentWalker(const MilestoneMap& map) : walks_(map) {
    const double q = map.reg().field().order();
    const double mean = std::pow(q, map.zeros() + 1) / (q - 1);
    refill_at_ = std::clamp(
        static_cast<unsigned>(std::sqrt(2.0 * row_lanes * row_lanes * Walks::entry_rows / mean)),
        16U, row_lanes / 2);
  }

  void walk(std::uint64_t first, std::uint64_t last, SegmentSink& sink) override {
    next_ = first;
    last_ = last;
    walks_.start_at(first);
    live_ = LaneRow{};
    live_lanes_ = 0;
    for (;;) {
      if (row_lanes - live_lanes_ >= refill_at_ || live_lanes_ == 0) refill();
      if (live_lanes_ == 0) return;
      const std::uint64_t steps_before = walks_.steps();
      unsigned tiles = 0;
      const LaneRow* rows = walks_.search(live_, hits_.data(), found_, tiles);
      for (unsigned i = 0; i < tiles; ++i) {
        const unsigned tile = found_.tiles[i];
        for (std::uint64_t words = found_.words[tile]; words != 0; words &= words - 1) {
          const auto mark = static_cast<unsigned>(std::countr_zero(words));
          const unsigned row = 8 * tile + mark / 8;
          const unsigned word = mark % 8;
          for (std::uint64_t bits = hits_[row].word[word]; bits != 0; bits &= bits - 1) {
            const unsigned lane = 64 * word + static_cast<unsigned>(std::countr_zero(bits));
            end_walk(lane, rows + row, steps_before + row + 1, sink);
          }
        }
      }
    }
  }
  bool is_forward() const override { return walks_.is_forward(); }

 private:
  void refill() {
    if (next_ == last_) return;
    for (unsigned word = 0; word < row_words && next_ < last_; ++word) {
      std::uint64_t empty = ~live_.word[word];
      for (; empty != 0 && next_ < last_; empty &= empty - 1, ++next_) {
        const unsigned lane = 64 * word + static_cast<unsigned>(std::countr_zero(empty));
        walks_.place(lane, next_);
        index_[lane] = next_;
        born_[lane] = walks_.steps();
        live_.set(lane);
        ++live_lanes_;
      }
    }
    walks_.enter();
  }

  /// The lane is on a milestone whose newest symbol is in `newest`, after `steps` steps in all.
  void end_walk(unsigned lane, const LaneRow* newest, std::uint64_t steps, SegmentSink& sink) {
    // A second milestone in the chunk belongs to somebody else's segment.
    if (!live_.test(lane)) return;
    live_.reset(lane);
    --live_lanes_;
    sink.put(index_[lane], walks_.index_at(newest, lane), steps - born_[lane]);
  }

  Walks walks_;
  unsigned refill_at_ = row_lanes / 2;
  std::uint64_t next_ = 0;
  std::uint64_t last_ = 0;
  unsigned live_lanes_ = 0;
  LaneRow live_;
  std::array<std::uint64_t, row_lanes> index_{};
  std::array<std::uint64_t, row_lanes> born_{};
  std::array<LaneRow, max_chunk_rows> hits_{};
  RunHits found_;
};

}  // namespace orbitmill
