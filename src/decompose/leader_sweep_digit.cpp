/// Leader test over GF(q) on the digit kernel: eight walks interleaved, one comparison a step.
#include <array>

#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/decompose/prenecklace.hpp"
#include "orbitmill/kernel/digit_stepper.hpp"

namespace orbitmill {
namespace {

/// A cache line to itself, as in leader_sweep_word.cpp.
class alignas(128) DigitLeaderTester final : public LeaderTester {
 public:
  explicit DigitLeaderTester(const Register& reg)
      : stepper_(reg), walks_(reg.length(), reg.field().order()) {}

  std::uint64_t test_range(State first, State last, CycleTally& tally) override {
    DigitPrenecklaces candidates(stepper_.length(), stepper_.order(), first, last);
    std::array<State, digit_lanes> start{};
    std::array<std::uint64_t, digit_lanes> born{};
    std::uint64_t steps = 0;
    std::uint64_t lane_steps = 0;
    unsigned live_lanes = 0;
    // An empty lane walks on from where it is; with a start that no state reaches it never ends.
    const auto start_walk = [&](unsigned lane) {
      const auto candidate = candidates.next();
      if (!candidate) {
        live_[lane] = false;
        start[lane] = 0;
        return false;
      }
      live_[lane] = true;
      start[lane] = *candidate;
      born[lane] = steps;
      walks_.place(lane, *candidate);
      return true;
    };
    for (unsigned lane = 0; lane < digit_lanes; ++lane) live_lanes += start_walk(lane) ? 1U : 0U;

    while (live_lanes > 0) {
      stepper_.step(walks_);
      ++steps;
      lane_steps += live_lanes;
      for (unsigned lane = 0; lane < digit_lanes; ++lane) {
        const State met = walks_.state[lane];
        if (met > start[lane]) [[likely]]
          continue;
        if (!live_[lane]) continue;
        if (met == start[lane]) tally.add(start[lane], steps - born[lane]);
        if (!start_walk(lane)) --live_lanes;
      }
    }
    return lane_steps;
  }

 private:
  DigitStepper stepper_;
  DigitWalks walks_;
  std::array<bool, digit_lanes> live_{};
};

}  // namespace

std::unique_ptr<LeaderTester> make_digit_leader_tester(const Register& reg) {
  return std::make_unique<DigitLeaderTester>(reg);
}

}  // namespace orbitmill
