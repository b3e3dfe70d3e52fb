/// Leader test over GF(2), bit-sliced: 512 walks at once, for states with exactly j leading zeros.
///
/// The rows are a filter: a lane dies when it has met a state that is smaller than its start for
/// certain, judged by j zeros, the 1 behind them and a few digits more. The few lanes that live
/// long are tested exactly by the word kernel (leader_sweep_word.cpp), from the start; so the
/// filter need never be exact, only never wrong.
///
/// A block begins with 512 consecutive states: their rows are constants and nine fixed patterns,
/// no transposition. When three quarters of its lanes are dead the survivors leave as words, wait
/// in a queue, and go on in blocks of 512 survivors. A walk meets a smaller state with probability
/// 2^-(j+1) to 2^-j a step; of 0.69 * 2^n steps for all walks of a level, about twice as many are
/// taken.
#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/decompose/prenecklace.hpp"
#include "orbitmill/decompose/row_walks.hpp"

namespace orbitmill {
namespace {

/// A walk between two blocks.
struct Survivor {
  State start = 0;
  std::uint64_t word = 0;   ///< its state, in walking order
  std::uint64_t steps = 0;  ///< so far
};

class alignas(128) RowLeaderTester final : public LeaderTester {
 public:
  RowLeaderTester(const Register& reg, unsigned zeros)
      : walks_(reg), exact_(make_word_leader_tester(reg)) {
    const int n = static_cast<int>(reg.length());
    window_.first_offset = walks_.program().forward ? 0 : 1 - n;
    window_.stride = walks_.program().forward ? -1 : 1;
    window_.zeros = zeros;
    window_.depth = std::min(4U, reg.length() - 1 - zeros);
    digits_shift_ = reg.length() - 1 - zeros - window_.depth;
    patience_ = (std::uint64_t{12} << (zeros + 1)) + reg.length();
  }

  std::uint64_t test_range(State first, State last, CycleTally& tally) override {
    lane_steps_ = 0;
    tally_ = &tally;
    // A prefix of a prenecklace is a prenecklace: most blocks are ruled out as a whole.
    BinaryPrenecklaces prefixes(walks_.length() - block_bits, first >> block_bits,
                                last >> block_bits);
    while (const auto prefix = prefixes.next()) test_block(*prefix << block_bits);
    while (!queue_.empty()) continue_block();
    return lane_steps_;
  }

 private:
  static constexpr unsigned block_bits = 9;
  static_assert(1U << block_bits == row_lanes && row_lanes == row_tester_stride);
  /// A block ends when no more lanes than this live (measured: 64 to 160 make no difference).
  static constexpr unsigned few_lanes = 128;
  /// The last block of a batch is not refilled; below this number of lanes the word kernel is
  /// faster.
  static constexpr unsigned very_few_lanes = 8;

  /// All 512 states from `first` on.
  void test_block(State first) {
    walks_.enter_block(first);
    // The compared digits lie above the nine that differ within the block, but for small n.
    set_start_digits([first](unsigned lane) { return first + lane; }, digits_shift_ >= block_bits);
    run({}, few_lanes);
    const auto& words = walks_.leave();
    for_each_live([&](unsigned lane) {
      keep({first + lane, words[lane % 64].word[lane / 64], steps_});
    });
    while (queue_.size() >= row_lanes) continue_block();
  }

  /// Up to 512 survivors from the end of the queue.
  void continue_block() {
    const std::size_t count = std::min<std::size_t>(queue_.size(), row_lanes);
    std::copy(queue_.end() - static_cast<std::ptrdiff_t>(count), queue_.end(), seated_.begin());
    queue_.resize(queue_.size() - count);
    LaneRow empty;
    for (unsigned lane = 0; lane < row_lanes; ++lane) {
      if (lane < count) {
        walks_.place_word(lane, seated_[lane].word);
      } else {
        seated_[lane] = {};
        empty.set(lane);
      }
    }
    walks_.enter();
    set_start_digits([&](unsigned lane) { return seated_[lane].start; }, false);
    run(empty, count == row_lanes ? few_lanes : very_few_lanes);
    const bool last = count < row_lanes;
    const auto& words = walks_.leave();
    for_each_live([&](unsigned lane) {
      Survivor one = seated_[lane];
      one.word = words[lane % 64].word[lane / 64];
      one.steps += steps_;
      if (last) one.steps = patience_;
      keep(one);
    });
  }

  /// The digits of the starts that the walks are compared with, as rows.
  template <class StartOf>
  void set_start_digits(StartOf start_of, bool all_equal) {
    if (all_equal) {
      const State start = start_of(0);
      for (unsigned d = 0; d < window_.depth; ++d) {
        const bool one = (start >> (digits_shift_ + window_.depth - 1 - d) & 1) != 0;
        start_digits_[d].word.fill(one ? ~std::uint64_t{0} : 0);
      }
      return;
    }
    for (unsigned lane = 0; lane < row_lanes; ++lane) {
      bridge_[lane % 64].word[lane / 64] = start_of(lane) >> digits_shift_;
    }
    walks_.kernel().transpose(bridge_.data());
    for (unsigned d = 0; d < window_.depth; ++d) {
      start_digits_[d] = bridge_[window_.depth - 1 - d];
    }
  }

  /// Steps until at most `few` lanes live, or all that do have been patient enough.
  void run(const LaneRow& empty, unsigned few) {
    dead_ = empty;
    steps_ = 0;
    do {
      const LaneRow* rows = walks_.advance();
      walks_.kernel().find_smaller(rows, RowWalks::chunk, window_, start_digits_.data(), dead_);
      steps_ += RowWalks::chunk;
    } while (live_lanes() > few && steps_ < patience_);
    lane_steps_ += steps_ * row_lanes;
  }

  unsigned live_lanes() const {
    int dead = 0;
    for (const std::uint64_t word : dead_.word) dead += std::popcount(word);
    return row_lanes - static_cast<unsigned>(dead);
  }

  template <class Action>
  void for_each_live(Action action) const {
    for (unsigned word = 0; word < row_words; ++word) {
      for (std::uint64_t live = ~dead_.word[word]; live != 0; live &= live - 1) {
        action(64 * word + static_cast<unsigned>(std::countr_zero(live)));
      }
    }
  }

  void keep(const Survivor& one) {
    if (one.steps < patience_) {
      queue_.push_back(one);
    } else {
      lane_steps_ += exact_->test_range(one.start, one.start + 1, *tally_);
    }
  }

  RowWalks walks_;
  std::unique_ptr<LeaderTester> exact_;
  SweepWindow window_;
  unsigned digits_shift_ = 0;   ///< of the last compared digit in a start
  std::uint64_t patience_ = 0;  ///< steps after which a live walk is tested exactly
  std::uint64_t steps_ = 0;     ///< of the block that ran last
  std::uint64_t lane_steps_ = 0;
  CycleTally* tally_ = nullptr;
  LaneRow dead_;
  std::vector<Survivor> queue_;
  std::array<Survivor, row_lanes> seated_{};
  std::array<LaneRow, 16> start_digits_{};
  std::array<LaneRow, 64> bridge_{};
};

}  // namespace

bool row_tester_covers(const Register& reg, unsigned zeros) {
  // Blocks of 512 consecutive states with equal leading zeros, and a prefix in front of them.
  constexpr unsigned least_length = 16;
  return reg.field().order() == 2 && reg.length() >= least_length && zeros + 10 <= reg.length();
}

std::unique_ptr<LeaderTester> make_row_leader_tester(const Register& reg, unsigned zeros) {
  return std::make_unique<RowLeaderTester>(reg, zeros);
}

}  // namespace orbitmill
