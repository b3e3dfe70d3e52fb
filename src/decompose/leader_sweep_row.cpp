/// Leader test over GF(2), bit-sliced: 512 walks at once, for states with exactly j leading zeros.
///
/// The rows are a filter: a lane dies when it has met a state that is smaller than its start for
/// certain, judged by j zeros, the 1 behind them and a few digits more. The few lanes that live
/// long are tested exactly by the word kernel (leader_sweep_word.cpp), from the start; so the
/// filter need never be exact, only never wrong.
///
/// A block begins with 512 consecutive states: their rows are constants and nine fixed patterns,
/// no transposition. When most of its lanes are dead the survivors leave as words, wait
/// in a queue, and go on in blocks of 512 survivors. A walk meets a smaller state with probability
/// 2^-(j+1) to 2^-j a step; of 0.69 * 2^n steps for all walks of a level, about twice as many are
/// taken.
///
/// No cycle that is still to be found is longer than the deficit. A lane that has walked so far and
/// has not met its start by then (its compared digits, that is) is on a cycle that is known: often
/// that ends the walks of high levels long before they meet a smaller state.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/decompose/prenecklace.hpp"
#include "orbitmill/decompose/row_walks.hpp"
#include "orbitmill/kernel/word_stepper.hpp"

namespace orbitmill {
namespace {

/// Walks between two blocks, one column a member. Behind the last one there is room for a vector
/// more, which the kernel may overwrite.
struct Survivors {
  std::vector<State> start;
  std::vector<std::uint64_t> word;   ///< state in walking order
  std::vector<std::uint64_t> steps;  ///< so far
  std::size_t size = 0;

  void make_room(std::size_t more) {
    const std::size_t wanted = size + more + row_words;
    if (start.size() >= wanted) return;
    start.resize(2 * wanted);
    word.resize(2 * wanted);
    steps.resize(2 * wanted);
  }
};

class alignas(128) RowLeaderTester final : public LeaderTester {
 public:
  RowLeaderTester(const Register& reg, unsigned zeros, std::uint64_t longest)
      : walks_(reg), exact_(make_word_leader_tester(reg)) {
    const unsigned n = reg.length();
    window_.first_offset = walks_.program().forward ? 0 : 1 - static_cast<int>(n);
    window_.stride = walks_.program().forward ? -1 : 1;
    window_.zeros = zeros;
    // Expected walks of 2^(j+1) steps: a lane that lives twelve times as long is tested exactly.
    const std::uint64_t patience = (std::uint64_t{12} << (zeros + 1)) + n;
    // Watching for the start costs a third more a step, so the limit must end many walks.
    limited_ = longest < std::uint64_t{4} << zeros;
    patience_ = limited_ ? longest : patience;
    // Undecided comparisons cost time, digits too: more of them pay where every walk ends at the
    // limit and those that met nothing are let go.
    window_.depth = std::min(limited_ ? max_depth : 4U, n - 1 - zeros);
    digits_shift_ = n - 1 - zeros - window_.depth;
    // A limited block ends by itself. Otherwise: what is left after the last useful chunk (measured
    // at n = 34 with 16 to 256: best within 5 %; at low levels the harvest costs more than steps).
    few_lanes_ = limited_ ? 0 : zeros <= 6 ? 64 : 128;
  }

  std::uint64_t test_range(State first, State last, CycleTally& tally) override {
    lane_steps_ = 0;
    tally_ = &tally;
    // A prefix of a prenecklace is a prenecklace: most blocks are ruled out as a whole.
    BinaryPrenecklaces prefixes(walks_.length() - block_bits, first >> block_bits,
                                last >> block_bits);
    while (const auto prefix = prefixes.next()) test_block(*prefix << block_bits);
    while (queue_.size > 0) continue_block();
    return lane_steps_;
  }

 private:
  static constexpr unsigned block_bits = 9;
  static_assert(1U << block_bits == row_lanes && row_lanes == row_tester_stride);
  /// Above the state in a word that leaves (RowWalks::leave).
  static constexpr std::uint64_t alive_mark = std::uint64_t{1} << 63;
  /// The last block of a batch is not refilled; below this number of lanes the word kernel is
  /// faster.
  static constexpr unsigned very_few_lanes = 8;

  /// All 512 states from `first` on.
  void test_block(State first) {
    walks_.enter_block(first);
    for (unsigned d = 0; d < window_.depth; ++d) start_digits_[d] = first_digit_row(first, d);
    dead_ = LaneRow{};
    met_ = LaneRow{};
    run(few_lanes_);
    if (limited_ || steps_ >= patience_) {
      for_each_patient([&](unsigned lane) { test_exactly(first + lane); });
      return;
    }
    queue_.make_room(row_lanes);
    const std::uint64_t* words = walks_.leave(dead_);
    const std::size_t at = queue_.size;
    const RowKernel& kernel = walks_.kernel();
    const unsigned kept = kernel.pack_block(words, ~alive_mark, first, queue_.word.data() + at,
                                            queue_.start.data() + at);
    std::fill_n(queue_.steps.begin() + static_cast<std::ptrdiff_t>(at), kept, steps_);
    queue_.size += kept;
    while (queue_.size >= row_lanes) continue_block();
  }

  /// Up to 512 survivors from the end of the queue.
  void continue_block() {
    const std::size_t count = std::min<std::size_t>(queue_.size, row_lanes);
    const std::size_t rest = queue_.size - count;
    const bool last = count < row_lanes;
    queue_.make_room(row_lanes);
    State* const start = queue_.start.data() + rest;
    std::uint64_t* const word = queue_.word.data() + rest;
    std::uint64_t* const steps = queue_.steps.data() + rest;
    dead_ = LaneRow{};
    for (auto seat = static_cast<unsigned>(count); seat < row_lanes; ++seat) {
      dead_.set(RowWalks::seat_lane(seat));
    }
    set_start_digits(start);
    walks_.enter_all(word);
    run(last ? very_few_lanes : few_lanes_);

    const std::uint64_t* words = walks_.leave(dead_);
    const RowKernel& kernel = walks_.kernel();
    kernel.pack(words, start, ~std::uint64_t{0}, 0, start);
    kernel.pack(words, steps, ~std::uint64_t{0}, steps_, steps);
    const unsigned kept = kernel.pack(words, words, ~alive_mark, 0, word);
    queue_.size = rest;
    for (unsigned i = 0; i < kept; ++i) {
      if (last || steps[i] >= patience_) {
        test_exactly(start[i]);  // after the last block nobody is left to go on with
        continue;
      }
      queue_.start[queue_.size] = start[i];
      queue_.word[queue_.size] = word[i];
      queue_.steps[queue_.size] = steps[i];
      ++queue_.size;
    }
  }

  /// The compared digits of any starts, as rows.
  void set_start_digits(const State* start) {
    std::array<LaneRow, 64> block;
    for (unsigned i = 0; i < 64; ++i) {
      for (unsigned w = 0; w < row_words; ++w) {
        block[i].word[w] = start[row_words * i + w] >> digits_shift_;
      }
    }
    walks_.kernel().transpose(block.data());
    for (unsigned d = 0; d < window_.depth; ++d) start_digits_[d] = block[window_.depth - 1 - d];
  }

  /// Digit d behind the leading 1 of the states of a fresh block, as a row.
  LaneRow first_digit_row(State first, unsigned d) const {
    const unsigned digit = digits_shift_ + window_.depth - 1 - d;
    if (digit < block_bits) return walks_.block_digit(digit);
    LaneRow row;
    row.word.fill((first >> digit & 1) != 0 ? ~std::uint64_t{0} : 0);
    return row;
  }

  /// Steps until at most `few` lanes live, or those that do have been patient enough in this block.
  void run(unsigned few) {
    steps_ = 0;
    unsigned live = 0;
    do {
      LaneRow* rows = walks_.advance();
      walks_.kernel().find_smaller(&walks_.program(), rows, RowWalks::chunk, window_,
                                   start_digits_.data(), dead_, limited_ ? &met_ : nullptr);
      steps_ += RowWalks::chunk;
      live = row_lanes - walks_.kernel().count_lanes(dead_);
    } while (live > few && steps_ < patience_);
    lane_steps_ += steps_ * row_lanes;
  }

  /// Of a block that has been patient enough: the lanes that live, and have met what may be their
  /// start where the length was the limit.
  template <class Action>
  void for_each_patient(Action action) const {
    for (unsigned word = 0; word < row_words; ++word) {
      std::uint64_t lanes = ~dead_.word[word] & (limited_ ? met_.word[word] : ~std::uint64_t{0});
      for (; lanes != 0; lanes &= lanes - 1) {
        action(64 * word + static_cast<unsigned>(std::countr_zero(lanes)));
      }
    }
  }

  void test_exactly(State start) { lane_steps_ += exact_->test_range(start, start + 1, *tally_); }

  RowWalks walks_;
  std::unique_ptr<LeaderTester> exact_;
  SweepWindow window_;
  unsigned digits_shift_ = 0;   ///< of the last compared digit in a start
  std::uint64_t patience_ = 0;  ///< steps after which a live walk is tested exactly, or let go
  unsigned few_lanes_ = 128;    ///< a block ends when no more live
  bool limited_ = false;        ///< patience is the length of the longest cycle possible
  std::uint64_t steps_ = 0;     ///< of the block that ran last
  std::uint64_t lane_steps_ = 0;
  CycleTally* tally_ = nullptr;
  LaneRow dead_;
  LaneRow met_;
  Survivors queue_;
  std::array<LaneRow, max_depth> start_digits_{};
};

}  // namespace

bool row_tester_covers(const Register& reg, unsigned zeros) {
  // Blocks of 512 consecutive states with equal leading zeros, and a prefix in front of them.
  constexpr unsigned least_length = 16;
  return reg.field().order() == 2 && reg.length() >= least_length && zeros + 10 <= reg.length();
}

std::unique_ptr<LeaderTester> make_row_leader_tester(const Register& reg, unsigned zeros,
                                                     std::uint64_t longest) {
  return std::make_unique<RowLeaderTester>(reg, zeros, longest);
}

}  // namespace orbitmill
