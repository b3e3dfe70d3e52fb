/// Segments over GF(2): the index of a milestone is the rest of the state behind its leading 1.
#include "lane_segment_walker.hpp"
#include "orbitmill/decompose/row_walks.hpp"

namespace orbitmill {
namespace {

class RowMilestones {
 public:
  explicit RowMilestones(const MilestoneMap& map)
      : zeros_(map.zeros()),
        first_milestone_(map.state_of(0)),
        walks_(map.reg()),
        window_(milestone_window(walks_.length(), walks_.program().forward, zeros_)),
        free_digits_(walks_.length(), zeros_, walks_.program().forward) {}

  /// Transposition and merge, in rows (measured: 0.25 us, 3 ns).
  static constexpr double entry_rows = 80;

  bool is_forward() const { return walks_.program().forward; }
  std::uint64_t steps() const { return walks_.steps(); }

  void start_at(std::uint64_t /*index*/) {}
  void place(unsigned lane, std::uint64_t index) { walks_.place(lane, first_milestone_ | index); }
  void enter() { walks_.enter(); }

  const LaneRow* search(const LaneRow& lanes, LaneRow* hits, RunHits& found, unsigned& tiles) {
    LaneRow* rows = walks_.advance();
    tiles = walks_.kernel().find_runs(&walks_.program(), rows, RowWalks::chunk, zeros_, window_,
                                      lanes, hits, found);
    return rows;
  }
  std::uint64_t index_at(const LaneRow* newest, unsigned lane) const {
    return free_digits_.read(newest, lane);
  }

 private:
  unsigned zeros_;
  State first_milestone_;
  RowWalks walks_;
  RunWindow window_;
  FreeDigits free_digits_;
};

}  // namespace

std::unique_ptr<SegmentWalker> make_row_segment_walker(const MilestoneMap& map) {
  return std::make_unique<LaneSegmentWalker<RowMilestones>>(map);
}

}  // namespace orbitmill
