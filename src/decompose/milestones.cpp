#include "orbitmill/decompose/milestones.hpp"

#include <array>
#include <bit>

#include "orbitmill/error.hpp"
#include "orbitmill/kernel/digit_stepper.hpp"
#include "orbitmill/kernel/plane_program.hpp"
#include "orbitmill/kernel/row_program.hpp"

namespace orbitmill {

MilestoneMap::MilestoneMap(const Register& reg, unsigned zeros)
    : register_(reg), zeros_(zeros), leads_(reg.field().order() - 1) {
  if (zeros < 1 || zeros >= reg.length()) {
    throw InternalError("a milestone needs 1 to n-1 zeros behind its first digit");
  }
  for (unsigned i = 1; i < reg.length(); ++i) top_weight_ *= leads_ + 1;
  for (unsigned i = zeros + 1; i < reg.length(); ++i) free_count_ *= leads_ + 1;
  count_ = free_count_ * leads_;
}

SegmentFormat::SegmentFormat(std::uint64_t milestones)
    : index_bits_(static_cast<unsigned>(std::bit_width(milestones - 1))),
      index_mask_((std::uint64_t{1} << index_bits_) - 1),
      escape_((visited - 1) >> index_bits_) {}

namespace {

class PlainSegmentWalker final : public SegmentWalker {
 public:
  explicit PlainSegmentWalker(const MilestoneMap& map) : map_(map) {}

  void walk(std::uint64_t first, std::uint64_t last, SegmentSink& sink) override {
    for (std::uint64_t index = first; index < last; ++index) {
      State state = map_.state_of(index);
      std::uint64_t length = 0;
      do {
        state = map_.reg().prev(state);
        ++length;
      } while (!map_.is_milestone(state));
      sink.put(index, map_.index_of(state), length);
    }
  }
  bool is_forward() const override { return false; }

 private:
  MilestoneMap map_;
};

/// A cache line to itself, as the leader testers.
class alignas(128) DigitSegmentWalker final : public SegmentWalker {
 public:
  explicit DigitSegmentWalker(const MilestoneMap& map)
      : map_(map), stepper_(map.reg()), walks_(map.reg().length(), map.reg().field().order()) {}

  void walk(std::uint64_t first, std::uint64_t last, SegmentSink& sink) override {
    // The state after a milestone begins with k zeros, and only there is the look back needed.
    const State top = map_.state_of(0);
    const State after_zeros = map_.reg().state_count() / zero_weight();
    std::array<std::uint64_t, digit_lanes> index{};
    std::array<std::uint64_t, digit_lanes> born{};
    std::array<bool, digit_lanes> live{};
    unsigned live_lanes = 0;
    std::uint64_t next = first;
    std::uint64_t steps = 0;
    const auto start_walk = [&](unsigned lane) {
      live[lane] = next < last;
      if (!live[lane]) return false;
      index[lane] = next++;
      born[lane] = steps;
      walks_.place(lane, map_.state_of(index[lane]));
      return true;
    };
    for (unsigned lane = 0; lane < digit_lanes; ++lane) live_lanes += start_walk(lane) ? 1U : 0U;
    while (live_lanes > 0) {
      const std::array<State, digit_lanes> before = walks_.state;
      stepper_.step(walks_);
      for (unsigned lane = 0; lane < digit_lanes; ++lane) {
        if (walks_.state[lane] >= after_zeros || before[lane] < top) [[likely]]
          continue;
        if (!live[lane] || steps == born[lane]) continue;
        sink.put(index[lane], map_.index_of(before[lane]), steps - born[lane]);
        // The step just taken leaves the milestone; the next walk starts after it.
        ++steps;
        const bool started = start_walk(lane);
        --steps;
        if (!started) --live_lanes;
      }
      ++steps;
    }
  }
  bool is_forward() const override { return false; }

 private:
  State zero_weight() const {
    State weight = 1;
    for (unsigned i = 0; i < map_.zeros(); ++i) weight *= map_.reg().field().order();
    return weight;
  }

  MilestoneMap map_;
  DigitStepper stepper_;
  DigitWalks walks_;
};

}  // namespace

std::unique_ptr<SegmentWalker> make_plain_segment_walker(const MilestoneMap& map) {
  return std::make_unique<PlainSegmentWalker>(map);
}

std::unique_ptr<SegmentWalker> make_digit_segment_walker(const MilestoneMap& map) {
  return std::make_unique<DigitSegmentWalker>(map);
}

bool walks_in_lanes(const Register& reg) {
  if (reg.field().order() == 2) return reg.length() >= RowProgram::min_length;
  return plane_program_covers(reg);
}

std::unique_ptr<SegmentWalker> make_segment_walker(const MilestoneMap& map) {
  const bool binary = map.reg().field().order() == 2;
  if (walks_in_lanes(map.reg())) {
    return binary ? make_row_segment_walker(map) : make_plane_segment_walker(map);
  }
  return binary ? make_plain_segment_walker(map) : make_digit_segment_walker(map);
}

}  // namespace orbitmill
