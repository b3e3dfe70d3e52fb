/// Periodic words against the bitmap walk: every short cycle without a long zero run, no other.
#include "orbitmill/decompose/short_cycles.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "orbitmill/error.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

using Cycles = std::map<std::uint64_t, std::uint64_t>;

/// All cycles of the phase, in random batches of random workers.
template <class Generator>
Cycles cycles_by(const Register& reg, unsigned longest, unsigned zeros, Generator& random) {
  RowBudget budget({true, CyclePolicy::no_limit});
  ShortCycles phase(reg, longest, zeros, budget);
  phase.prepare(3);
  const std::uint64_t largest = 1 + random() % phase.index_count();
  for (std::uint64_t first = 0; first < phase.index_count();) {
    const std::uint64_t last = std::min(phase.index_count(), first + 1 + random() % largest);
    phase.run_batch(static_cast<unsigned>(random() % 3), first, last);
    first = last;
  }
  Cycles cycles;
  for (const CycleRow& row : phase.take_tally().take_rows()) {
    EXPECT_TRUE(cycles.emplace(row.leader, row.length).second) << "twice: " << row.leader;
  }
  return cycles;
}

TEST(ShortCycles, AgreeWithTheBitmapWalk) {
  std::mt19937_64 random(1);
  std::uint64_t found = 0;
  for (int round = 0; round < 400; ++round) {
    const unsigned length = 3 + static_cast<unsigned>(round) % 16;
    const Register reg(test::random_binary_register(random, length).spec);
    // Cheaper than the slow step, and textbook as well.
    const Cycles all =
        oracle::bitmap_walk(reg.state_count(), [&](State state) { return reg.next(state); });
    for (int cut = 0; cut < 4; ++cut) {
      const unsigned longest =
          cut == 0 ? length - 1 : 1 + static_cast<unsigned>(random() % (length - 1));
      const unsigned zeros =
          cut == 1 ? length - 1 : 1 + static_cast<unsigned>(random() % (length - 1));
      SCOPED_TRACE(testing::Message() << "round " << round << ", n = " << length << ", up to "
                                      << longest << ", k = " << zeros);
      Cycles expected;
      for (const auto& [leader, cycle] : all) {
        // The longest zero run of a cycle stands at the top of its leader.
        const bool has_run = leader >> (length - zeros) == 0;
        if (cycle <= longest && !has_run) expected[leader] = cycle;
      }
      found += expected.size();
      ASSERT_EQ(cycles_by(reg, longest, zeros, random), expected);
    }
  }
  EXPECT_GT(found, 1000u);
}

TEST(ShortCycles, OfThePureCyclingRegisterAreAllLyndonWords) {
  // f = x_0 rotates a state: a cycle of p states for every Lyndon word whose length p divides n.
  const unsigned length = 24;
  const Register reg({2, "", length, {{{1, {0}}}}});
  RowBudget budget({true, CyclePolicy::no_limit});
  ShortCycles phase(reg, length - 1, length - 1, budget);
  phase.prepare(1);
  phase.run_batch(0, 0, phase.index_count());
  // Binary Lyndon words of length 1, 2, 3, 4, 6, 8, 12 (OEIS A001037), without the word 0.
  EXPECT_EQ(phase.take_tally().histogram(),
            (Histogram{{1, 1}, {2, 1}, {3, 2}, {4, 3}, {6, 9}, {8, 30}, {12, 335}}));
}

TEST(ShortCycles, RefuseLengthsThatAreNotShort) {
  const Register reg({2, "", 8, {{{1, {0}}}}});
  RowBudget budget(CyclePolicy{});
  EXPECT_THROW(ShortCycles(reg, 0, 4, budget), InternalError);
  EXPECT_THROW(ShortCycles(reg, 8, 4, budget), InternalError);
}

}  // namespace
}  // namespace orbitmill
