/// The digit kernel against the textbook inverse step, over all kinds of fields.
#include "orbitmill/kernel/digit_stepper.hpp"

#include <gtest/gtest.h>

#include <random>

#include "support/random_register.hpp"

namespace orbitmill {
namespace {

TEST(DigitStepper, AgreesWithTheTextbookStep) {
  std::mt19937_64 random(2);
  // XOR fields, prime fields, odd extensions; large ones with few and small ones with many stages.
  for (const std::uint64_t order : {2u, 3u, 4u, 5u, 7u, 8u, 9u, 25u, 27u, 121u, 243u, 256u, 257u,
                                    6561u, 32768u, 59049u, 65521u, 65536u}) {
    for (int round = 0; round < 20; ++round) {
      auto spec = test::random_register(random, {order, order, {}}, State{1} << 62).spec;
      std::erase_if(spec.feedback.terms, [](const Term& term) { return term.stages.size() > 1; });
      const Register reg(spec);
      SCOPED_TRACE(testing::Message() << "q = " << order << ", n = " << spec.length);
      const DigitStepper stepper(reg);
      DigitWalks walks(reg.length(), reg.field().order());
      std::array<State, digit_lanes> expected{};
      for (unsigned lane = 0; lane < digit_lanes; ++lane) {
        expected[lane] = random() % reg.state_count();
        walks.place(lane, expected[lane]);
      }
      for (int step = 0; step < 700; ++step) {  // the history slides several times
        if (step % 97 == 50) {
          expected[3] = random() % reg.state_count();
          walks.place(3, expected[3]);
        }
        stepper.step(walks);
        for (State& state : expected) state = reg.prev(state);
        ASSERT_EQ(walks.state, expected) << "step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace orbitmill
