/// Segments over GF(3), GF(4) and GF(8): in the nonzero plane a milestone looks as over GF(2).
#include "lane_segment_walker.hpp"
#include "orbitmill/decompose/plane_walks.hpp"

namespace orbitmill {
namespace {

class PlaneMilestones {
 public:
  explicit PlaneMilestones(const MilestoneMap& map)
      : zeros_(map.zeros()),
        leads_(map.reg().field().order() - 1),
        top_weight_(map.state_of(0)),
        walks_(map.reg()),
        window_(milestone_window(map.reg().length(), is_forward(), zeros_)),
        free_digits_(map.reg().length(), zeros_, is_forward()) {}

  /// Transposition and merge of all planes, in symbols (measured at n = 14 over GF(4)).
  static constexpr double entry_rows = 70;

  bool is_forward() const { return walks_.program().forward; }
  std::uint64_t steps() const { return walks_.steps(); }

  void start_at(std::uint64_t index) {
    rest_ = index / leads_;
    lead_ = index % leads_ + 1;
  }
  /// Without a division: the milestones come in order.
  void place(unsigned lane, std::uint64_t /*index*/) {
    walks_.place(lane, lead_ * top_weight_ + rest_);
    if (++lead_ > leads_) {
      lead_ = 1;
      ++rest_;
    }
  }
  void enter() { walks_.enter(); }

  const LaneRow* search(const LaneRow& lanes, LaneRow* hits, RunHits& found, unsigned& tiles) {
    LaneRow* symbols = walks_.advance();
    tiles =
        walks_.kernel().find_runs(nullptr, walks_.column(symbols, walks_.program().nonzero_plane),
                                  PlaneWalks::chunk, zeros_, window_, lanes, hits, found);
    return symbols;
  }
  std::uint64_t index_at(const LaneRow* newest, unsigned lane) const {
    std::uint64_t rest = 0;
    for (unsigned plane = 0; plane < walks_.program().bits; ++plane) {
      const std::uint64_t bits = free_digits_.read(walks_.column(newest, plane), lane);
      rest += walks_.weight(plane) * walks_.value_of_bits(bits, free_digits_.bytes());
    }
    return rest * leads_ + walks_.element(newest + window_.lead_offset, lane) - 1;
  }

 private:
  unsigned zeros_;
  std::uint64_t leads_;  ///< q-1
  State top_weight_;     ///< q^(n-1)
  PlaneWalks walks_;
  RunWindow window_;
  FreeDigits free_digits_;
  std::uint64_t rest_ = 0;
  std::uint64_t lead_ = 1;
};

}  // namespace

std::unique_ptr<SegmentWalker> make_plane_segment_walker(const MilestoneMap& map) {
  return std::make_unique<LaneSegmentWalker<PlaneMilestones>>(map);
}

}  // namespace orbitmill
