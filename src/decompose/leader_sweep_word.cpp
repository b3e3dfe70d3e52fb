/// Leader test over GF(2) on the word kernel.
///
/// A state smaller than the start x, or x itself, begins with at least as many zeros as x has
/// leading zeros. So a window of D new states needs no comparison unless it shows a run of that
/// many zeros: the zero runs of all eight walks are found together, and only marked states are
/// compared, in walking order. Candidates come in increasing order, so the last started walk has
/// the fewest leading zeros; its number serves all lanes (the others get marks that turn out
/// harmless).
#include <algorithm>
#include <bit>

#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/decompose/prenecklace.hpp"
#include "orbitmill/kernel/word_stepper.hpp"

namespace orbitmill {
namespace {

/// One walk that has not met a state <= its start yet.
struct Walk {
  State start = 0;
  std::uint64_t length = 0;  ///< steps taken
};

/// A cache line to itself: its counters are written in every round, and testers of several threads
/// lie side by side on the heap (sharing a line made two threads slower than one).
class alignas(128) WordLeaderTester final : public LeaderTester {
 public:
  explicit WordLeaderTester(const Register& reg) : stepper_(reg) {}

  std::uint64_t test_range(State first, State last, CycleTally& tally) override {
    BinaryPrenecklaces candidates(stepper_.length(), first, last);
    lane_steps_ = 0;
    run_lanes(candidates, tally);
    return lane_steps_;
  }

 private:
  /// Below this number of live lanes a walk alone is faster than eight with empty seats: it is
  /// bound by latency, the eight by throughput (measured: 2 lanes cost about as much either way).
  static constexpr unsigned min_live_lanes = 3;

  unsigned leading_zeros(State start) const {
    return stepper_.length() - static_cast<unsigned>(std::bit_width(start));
  }

  /// Looks at the marked states of one window. Returns true when the walk is over: a smaller state
  /// (start is no leader) or the start again (it is one, and is noted).
  template <class Window>
  bool ends(const Walk& walk, Window window, std::uint64_t marks, CycleTally& tally) const {
    while (marks != 0) {
      // Walking order: forward windows count up, backward ones down.
      const unsigned bit = stepper_.is_forward() ? static_cast<unsigned>(std::countr_zero(marks))
                                                 : static_cast<unsigned>(std::bit_width(marks)) - 1;
      marks &= ~(std::uint64_t{1} << bit);
      const unsigned step = stepper_.step_of_mark(bit);
      const State met = stepper_.state_in(window, step);
      if (met < walk.start) return true;
      if (met == walk.start) {
        tally.add(walk.start, walk.length + step);
        return true;
      }
    }
    return false;
  }

  void run_lanes(BinaryPrenecklaces& candidates, CycleTally& tally) {
    WordLanes states{};
    WordLanes live{};  // all ones in the lanes that carry a walk
    std::array<Walk, WordLanes::count> walks;
    unsigned live_lanes = 0;
    unsigned zeros = stepper_.length();
    const auto start_walk = [&](unsigned lane) {
      const auto candidate = candidates.next();
      if (!candidate) return false;
      walks[lane] = {*candidate, 0};
      states.set(lane, *candidate);
      live.set(lane, ~std::uint64_t{0});
      zeros = leading_zeros(*candidate);
      return true;
    };
    while (live_lanes < WordLanes::count && start_walk(live_lanes)) ++live_lanes;

    const unsigned symbols = stepper_.symbols();
    std::uint64_t rounds = 0;  // the length of a walk is counted in rounds since its birth
    std::array<std::uint64_t, WordLanes::count> born{};
    while (live_lanes >= min_live_lanes) {
      const WordLanes window = stepper_.window(states);
      const WordLanes marks = stepper_.zero_run_marks(window, zeros) & live;
      states = stepper_.last_state(window);
      lane_steps_ += live_lanes * symbols;
      if (marks.any()) {
        for (unsigned lane = 0; lane < WordLanes::count; ++lane) {
          if (marks[lane] == 0) continue;
          walks[lane].length = (rounds - born[lane]) * symbols;
          if (!ends(walks[lane], window[lane], marks[lane], tally)) continue;
          born[lane] = rounds + 1;
          if (!start_walk(lane)) {
            live.set(lane, 0);
            --live_lanes;
          }
        }
      }
      ++rounds;
    }
    for (unsigned lane = 0; lane < WordLanes::count; ++lane) {
      if (live[lane] == 0) continue;
      walks[lane].length = (rounds - born[lane]) * symbols;
      run_alone(walks[lane], states[lane], tally);
    }
    // Fewer candidates than it takes to fill the lanes were all started above.
  }

  void run_alone(Walk walk, State state, CycleTally& tally) {
    const unsigned zeros = leading_zeros(walk.start);
    const unsigned symbols = stepper_.symbols();
    for (;; walk.length += symbols) {
      const std::uint64_t window = stepper_.window(state);
      const std::uint64_t marks = stepper_.zero_run_marks(window, zeros);
      lane_steps_ += symbols;
      if (marks != 0 && ends(walk, window, marks, tally)) return;
      state = stepper_.last_state(window);
    }
  }

  WordStepper stepper_;
  std::uint64_t lane_steps_ = 0;
};

}  // namespace

std::unique_ptr<LeaderTester> make_word_leader_tester(const Register& reg) {
  return std::make_unique<WordLeaderTester>(reg);
}

}  // namespace orbitmill
