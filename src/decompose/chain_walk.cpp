#include "orbitmill/decompose/chain_walk.hpp"

#include <algorithm>
#include <bit>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

constexpr unsigned max_index_bits = 24;

/// Transposition and merge cost about as much as so many rows, whatever the number of lanes placed.
constexpr std::uint64_t entry_rows = 80;

}  // namespace

unsigned ChainWalk::zeros_for_search(unsigned length) {
  // The root of the header's formula, which doubles when n grows by 2; n = 24 was measured (11 to
  // 15 bits: 1.11, 1.22, 1.25, 1.65, 2.36 s for all registers of one form on a busy machine).
  const unsigned index_bits = std::clamp(length / 2, 5U, 17U);
  return length - 1 - std::min(index_bits, length - 2);
}

unsigned ChainWalk::zeros_for_histogram(unsigned length) {
  // Measured at n = 16, 20 and 24, flat around it.
  const unsigned index_bits = std::clamp(length * 3 / 4 - 3, 5U, 20U);
  return length - 1 - std::min(index_bits, length - 2);
}

void ChainWalk::reset(RowProgram program, unsigned zeros) {
  const unsigned n = program.length;
  if (zeros < 1 || zeros > n - 2 || n - 1 - zeros > max_index_bits) {
    throw InternalError("a walk of chains got milestones that it does not cover");
  }
  zeros_ = zeros;
  window_ = milestone_window(n, program.forward, zeros);
  digits_ = FreeDigits(n, zeros, program.forward);
  lead_ = State{1} << (n - 1);
  walks_.reset(std::move(program));
  book_.reset(std::uint64_t{1} << (n - 1 - zeros));
  live_ = LaneRow{};
  live_lanes_ = 0;
  milestones_left_ = true;
  place_first_lanes();
}

/// Spread over all milestones: neighbours would begin with the same symbols.
void ChainWalk::place_first_lanes() {
  const std::uint64_t milestones = std::uint64_t{1} << (walks_.length() - 1 - zeros_);
  const auto lanes = static_cast<unsigned>(std::min<std::uint64_t>(row_lanes, milestones));
  for (unsigned lane = 0; lane < lanes; ++lane) start(lane, lane * (milestones / lanes));
  walks_.enter();
  idle_lane_rows_ = 0;
}

void ChainWalk::start(unsigned lane, std::uint64_t milestone) {
  walks_.place(lane, lead_ | milestone);
  book_.open(lane, milestone, walks_.steps());
  live_.set(lane);
  ++live_lanes_;
}

void ChainWalk::refill() {
  const unsigned before = live_lanes_;
  for (unsigned w = 0; w < row_words && milestones_left_; ++w) {
    for (std::uint64_t idle = ~live_.word[w]; idle != 0; idle &= idle - 1) {
      const auto milestone = book_.free_place();
      milestones_left_ = milestone.has_value();
      if (!milestone) break;
      start(64 * w + static_cast<unsigned>(std::countr_zero(idle)), *milestone);
    }
  }
  if (live_lanes_ != before) walks_.enter();
  idle_lane_rows_ = 0;
}

bool ChainWalk::walk(bool to_the_end, const OnCycle& on_cycle) {
  for (;;) {
    // Lanes stand idle until their loss equals the cost of filling them.
    if (milestones_left_ && (idle_lane_rows_ >= entry_rows * row_lanes || live_lanes_ == 0)) {
      refill();
    }
    if (live_lanes_ == 0 || (!milestones_left_ && !to_the_end)) return true;
    idle_lane_rows_ += std::uint64_t{row_lanes - live_lanes_} * RowWalks::chunk;
    const std::uint64_t steps_before = walks_.steps();
    LaneRow* const rows = walks_.advance();
    const unsigned tiles = walks_.kernel().find_runs(&walks_.program(), rows, RowWalks::chunk,
                                                     zeros_, window_, live_, hits_.data(), found_);
    if (!follow_hits(tiles, rows, steps_before, on_cycle)) return false;
  }
}

bool ChainWalk::follow_hits(unsigned tiles, const LaneRow* rows, std::uint64_t steps_before,
                            const OnCycle& on_cycle) {
  for (unsigned i = 0; i < tiles; ++i) {
    const unsigned tile = found_.tiles[i];
    for (std::uint64_t words = found_.words[tile]; words != 0; words &= words - 1) {
      const auto mark = static_cast<unsigned>(std::countr_zero(words));
      const unsigned row = 8 * tile + mark / 8;
      const unsigned word = mark % 8;
      for (std::uint64_t bits = hits_[row].word[word]; bits != 0; bits &= bits - 1) {
        const unsigned lane = 64 * word + static_cast<unsigned>(std::countr_zero(bits));
        const std::uint64_t milestone = digits_.read(rows + row, lane);
        // A lane whose chain has ended in this chunk walks over milestones of others.
        if (!live_.test(lane) || book_.is_free(book_.visit(milestone))) continue;
        if (!meet(lane, milestone, steps_before + row + 1, on_cycle)) return false;
      }
    }
  }
  return true;
}

bool ChainWalk::meet(unsigned lane, std::uint64_t milestone, std::uint64_t step,
                     const OnCycle& on_cycle) {
  const std::uint64_t length = book_.meet(lane, milestone, step);
  live_.reset(lane);
  --live_lanes_;
  return length == 0 || on_cycle(length);
}

}  // namespace orbitmill
