#include "orbitmill/decompose/chain_walk.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "oracle/bitmap_walk.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/decompose/state_table.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "support/random_register.hpp"

namespace {

using namespace orbitmill;

using Lengths = std::map<std::uint64_t, std::uint64_t>;

/// Lengths of the cycles that have a milestone, by plain walks.
Lengths cycles_with_milestones(const Register& reg, unsigned zeros) {
  const MilestoneMap map(reg, zeros);
  std::vector<bool> seen(map.count());
  Lengths lengths;
  for (std::uint64_t first = 0; first < map.count(); ++first) {
    if (seen[first]) continue;
    std::uint64_t length = 0;
    State state = map.state_of(first);
    do {
      if (map.is_milestone(state)) seen[map.index_of(state)] = true;
      state = reg.next(state);
      ++length;
    } while (state != map.state_of(first));
    ++lengths[length];
  }
  return lengths;
}

TEST(ChainWalk, ClosesTheCyclesWithMilestones) {
  std::mt19937_64 random(31);
  ChainWalk walk;
  for (unsigned i = 0; i < 150; ++i) {
    const unsigned n = 8 + i % 9;
    const Register reg(test::random_binary_register(random, n).spec);
    const unsigned zeros = 1 + static_cast<unsigned>(random() % (n - 2));
    walk.reset(make_row_program(reg), zeros);
    Lengths lengths;
    const auto note = [&](std::uint64_t length) {
      ++lengths[length];
      return true;
    };
    EXPECT_TRUE(walk.use_up_milestones(note));
    EXPECT_TRUE(walk.finish(note));
    EXPECT_EQ(lengths, cycles_with_milestones(reg, zeros))
        << print_anf(reg.feedback()) << ", length " << n << ", zeros " << zeros;
  }
}

TEST(ChainWalk, StopsWhenTold) {
  RegisterSpec spec;
  spec.length = 16;
  spec.feedback.terms = {{1, {0}}};
  ChainWalk walk;
  walk.reset(make_row_program(Register(spec)), 3);
  unsigned told = 0;
  EXPECT_FALSE(walk.finish([&](std::uint64_t) { return ++told < 5; }));
  EXPECT_EQ(told, 5U);
}

TEST(ChainWalk, RefusesMilestonesThatItDoesNotCover) {
  RegisterSpec spec;
  spec.length = 30;
  spec.feedback.terms = {{1, {0}}};
  const RowProgram program = make_row_program(Register(spec));
  ChainWalk walk;
  EXPECT_THROW(walk.reset(program, 0), InternalError);
  EXPECT_THROW(walk.reset(program, 29), InternalError);
  EXPECT_THROW(walk.reset(program, 4), InternalError);  // 2^25 milestones
}

TEST(ChainBook, FindsEveryFreePlaceAndRefusesTwoWaysIntoOne) {
  ChainBook<std::uint16_t, 4> book;
  book.reset(11);
  for (const std::uint64_t place : {0U, 1U, 2U, 3U, 4U, 7U, 10U}) book.visit(place);
  EXPECT_EQ(book.free_place(), 5U);
  book.open(0, 5, 100);
  EXPECT_EQ(book.free_place(), 6U);
  book.open(1, 6, 103);
  EXPECT_EQ(book.free_place(), 8U);
  book.visit(8);
  book.visit(9);
  EXPECT_EQ(book.free_place(), std::nullopt);
  EXPECT_FALSE(book.is_free(book.visit(6)));
  EXPECT_EQ(book.meet(0, 6, 110), 0U);   // 10 steps, before those of lane 1
  EXPECT_EQ(book.meet(1, 5, 120), 27U);  // and 17 more close the cycle
  EXPECT_THROW(book.meet(1, 7, 121), InternalError);
}

TEST(StateTable, CountsTheCyclesOfABitmapWalk) {
  std::mt19937_64 random(32);
  StateTable table;
  LengthCounts counts;
  for (int i = 0; i < 200; ++i) {
    const auto& field = test::test_fields()[random() % test::test_fields().size()];
    // Above 2^15 states the entries are wider.
    const auto pair = test::random_register(random, field, i % 8 == 0 ? 150'000 : 3'000);
    const Register reg(pair.spec);
    counts.clear();
    table.count_cycles(reg, counts);
    Lengths lengths;
    for (const auto& [length, count] : counts.histogram()) lengths[length] = count;
    EXPECT_EQ(lengths,
              oracle::histogram_of(oracle::bitmap_walk(
                  pair.slow.states(), [&](std::uint64_t state) { return pair.slow.step(state); })))
        << print_anf(reg.feedback()) << ", length " << reg.length() << ", q = " << field.order;
    EXPECT_EQ(counts.states(), reg.state_count());
  }
}

TEST(StateTable, RefusesALargeRegister) {
  RegisterSpec spec;
  spec.length = 23;
  spec.feedback.terms = {{1, {0}}};
  StateTable table;
  LengthCounts counts;
  EXPECT_THROW(table.count_cycles(Register(spec), counts), InternalError);
}

}  // namespace
