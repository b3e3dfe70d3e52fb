/// Segments over GF(2), bit-sliced: 512 walks at once.
///
/// Rows are computed a chunk at a time and searched for milestones in all lanes together. A lane
/// that has met its milestone is read out at once (n-k-1 bits) and stands empty until enough of
/// them do; then new walks enter together, by transposition.
///
/// When to fill the empty lanes: an entry costs about as much as `entry_rows` rows, whatever the
/// number of lanes; f empty lanes waste half of f / 512 of the rows; one lane empties every
/// mean / 512 rows. The sum is least at f = sqrt(2 * 512^2 * entry_rows / mean).
#include <algorithm>
#include <bit>
#include <cmath>

#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/decompose/row_walks.hpp"

namespace orbitmill {
namespace {

class alignas(128) RowSegmentWalker final : public SegmentWalker {
 public:
  explicit RowSegmentWalker(const MilestoneMap& map)
      : map_(map),
        walks_(map.reg()),
        window_(milestone_window(walks_.length(), walks_.program().forward, map.zeros())),
        first_milestone_(map.state_of(0)),
        digits_(walks_.length(), walks_.program().forward, map.zeros()) {
    constexpr double entry_rows = 80;  // transposition and merge, in rows (measured: 0.25 us, 3 ns)
    const double mean = std::ldexp(1, static_cast<int>(map.zeros()) + 1);
    refill_at_ = std::clamp(
        static_cast<unsigned>(std::sqrt(2.0 * row_lanes * row_lanes * entry_rows / mean)), 16U,
        row_lanes / 2);
  }

  void walk(std::uint64_t first, std::uint64_t last, SegmentSink& sink) override {
    next_ = first;
    last_ = last;
    live_ = LaneRow{};
    live_lanes_ = 0;
    for (;;) {
      if (row_lanes - live_lanes_ >= refill_at_ || live_lanes_ == 0) refill();
      if (live_lanes_ == 0) return;
      const std::uint64_t steps_before = walks_.steps();
      LaneRow* rows = walks_.advance();
      const unsigned tiles =
          walks_.kernel().find_runs(&walks_.program(), rows, RowWalks::chunk, map_.zeros(), window_,
                                    live_, hits_.data(), found_);
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
  bool is_forward() const override { return walks_.program().forward; }

 private:
  void refill() {
    if (next_ == last_) return;
    for (unsigned word = 0; word < row_words && next_ < last_; ++word) {
      std::uint64_t empty = ~live_.word[word];
      for (; empty != 0 && next_ < last_; empty &= empty - 1, ++next_) {
        const unsigned lane = 64 * word + static_cast<unsigned>(std::countr_zero(empty));
        walks_.place(lane, first_milestone_ | next_);
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
    sink.put(index_[lane], digits_.read(newest, lane), steps - born_[lane]);
  }

  MilestoneMap map_;
  RowWalks walks_;
  RunWindow window_;
  State first_milestone_;  ///< for q = 2 the index is the rest of the state
  MilestoneDigits digits_;
  unsigned refill_at_ = row_lanes / 2;
  std::uint64_t next_ = 0;
  std::uint64_t last_ = 0;
  unsigned live_lanes_ = 0;
  LaneRow live_;
  std::array<std::uint64_t, row_lanes> index_{};
  std::array<std::uint64_t, row_lanes> born_{};
  std::array<LaneRow, RowWalks::chunk> hits_{};
  RunHits found_;
};

}  // namespace

std::unique_ptr<SegmentWalker> make_row_segment_walker(const MilestoneMap& map) {
  return std::make_unique<RowSegmentWalker>(map);
}

}  // namespace orbitmill
