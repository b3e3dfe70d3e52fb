#include "orbitmill/schedule/batch_size.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace orbitmill {
namespace {

constexpr std::uint64_t everything = 0xffff'ffff;

/// Feeds `size` with a cost per index and returns the size it settles at.
std::uint64_t settle(BatchSize& size, double cost_s) {
  for (int i = 0; i < 40; ++i) {
    const std::uint64_t indices = size.next(everything);
    size.learn(indices, static_cast<double>(indices) * cost_s);
  }
  return size.next(everything);
}

TEST(BatchSize, FixedStaysFixed) {
  BatchSize size(17, 4);
  EXPECT_EQ(size.next(1'000'000), 17u);
  size.learn(17, 100.0);
  EXPECT_EQ(size.next(1'000'000), 17u);
}

TEST(BatchSize, SettlesAtMillisecondsWhateverTheCost) {
  for (const double cost_s : {1e-8, 1e-6, 1e-4, 1e-3}) {
    BatchSize size(0, 2);
    EXPECT_EQ(size.next(everything), 1u);
    const double batch_s = static_cast<double>(settle(size, cost_s)) * cost_s;
    EXPECT_GE(batch_s, 0.9e-3) << cost_s;
    EXPECT_LE(batch_s, 10e-3) << cost_s;
  }
  BatchSize dear(0, 2);
  EXPECT_EQ(settle(dear, 1.0), 1u);  // an index that lasts a second goes alone
}

TEST(BatchSize, GrowsByABoundedFactorAndShrinksAtOnce) {
  BatchSize size(0, 1);
  size.learn(1, 1e-9);
  EXPECT_LE(size.next(everything), 4u);
  settle(size, 1e-8);
  size.learn(1000, 10.0);
  EXPECT_EQ(size.next(everything), 1u);
}

TEST(BatchSize, StartsAgainInAnotherStretch) {
  for (const std::uint64_t start : {1U, 5U, 32U}) {
    BatchSize size(0, 2, start);
    ASSERT_GT(settle(size, 1e-9), 1000u);
    size.restart();
    EXPECT_EQ(size.next(everything), start);
    ASSERT_GT(settle(size, 1e-9), 1000u);  // and grows again
  }
  BatchSize fixed(17, 4);
  fixed.restart();
  EXPECT_EQ(fixed.next(1'000'000), 17u);
}

TEST(BatchSize, AStretchIsAWordBetweenTwoRefills) {
  BatchSize size(0, 2, 8);
  size.enter(3, 5);
  EXPECT_EQ(size.next(everything), 8u);
  for (const auto& [rank, refills] : {std::pair{3, 6}, {4, 6}, {3, 6}, {3, 7}}) {
    ASSERT_GT(settle(size, 1e-9), 1000u);
    size.enter(rank, static_cast<std::uint64_t>(refills));
    EXPECT_EQ(size.next(everything), 8u) << rank << ", " << refills;
    const std::uint64_t learnt = settle(size, 1e-9);
    size.enter(rank, static_cast<std::uint64_t>(refills));
    EXPECT_EQ(size.next(everything), learnt);
  }
}

TEST(BatchSize, LeavesTheLastIndicesToAllWorkers) {
  BatchSize size(0, 4);
  settle(size, 1e-9);
  EXPECT_LE(size.next(800), 100u);
  EXPECT_EQ(size.next(3), 1u);
  EXPECT_EQ(size.next(0), 1u);
}

}  // namespace
}  // namespace orbitmill
