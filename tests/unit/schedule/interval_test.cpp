/// The interval word: packing, equal parts, and taking from it by many threads at once.
#include "orbitmill/schedule/interval.hpp"

#include <gtest/gtest.h>

#include <random>
#include <thread>
#include <vector>

namespace orbitmill {
namespace {

TEST(Interval, PacksAndUnpacks) {
  for (const Interval interval : {Interval{0, 1}, Interval{0, 0xffff'ffff},
                                  Interval{0xffff'fffe, 0xffff'ffff}, Interval{5, 9}}) {
    EXPECT_EQ(unpack(pack(interval)), interval);
    EXPECT_NE(pack(interval), 0u);
  }
  EXPECT_EQ(pack({7, 7}), 0u);
  EXPECT_EQ(pack({8, 7}), 0u);
  EXPECT_TRUE(unpack(0).empty());
}

TEST(Interval, EqualPartsCoverTheRangeInOrder) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 500; ++round) {
    const std::uint64_t count = random() % (round % 2 == 0 ? 20 : 0xffff'ffff);
    const std::uint64_t parts = 1 + random() % 40;
    std::uint64_t end = 0;
    for (std::uint64_t part = 0; part < parts; ++part) {
      const Interval piece = equal_part(count, part, parts);
      EXPECT_EQ(piece.first, end);
      EXPECT_GE(piece.size(), count / parts);
      EXPECT_LE(piece.size(), count / parts + 1);
      end = piece.last;
    }
    EXPECT_EQ(end, count);
  }
}

TEST(Interval, OwnerAloneTakesEverythingInOrder) {
  std::atomic<std::uint64_t> word{pack({3, 20})};
  EXPECT_EQ(take_front(word, 5), (Interval{3, 8}));
  EXPECT_EQ(take_front(word, 1), (Interval{8, 9}));
  EXPECT_EQ(take_front(word, 100), (Interval{9, 20}));
  EXPECT_TRUE(take_front(word, 1).empty());
  EXPECT_EQ(word.load(), 0u);
}

TEST(Interval, ManyTakersGetEveryIndexOnce) {
  for (int round = 0; round < 50; ++round) {
    constexpr std::uint64_t count = 20000;
    std::atomic<std::uint64_t> word{pack({0, count})};
    std::vector<std::atomic<int>> taken(count);
    std::vector<std::thread> takers;
    for (std::uint64_t taker = 0; taker < 4; ++taker) {
      takers.emplace_back([&, taker] {
        for (std::uint64_t size = 1;; size = size % (7 + taker) + 1) {
          const Interval batch = take_front(word, size);
          if (batch.empty()) return;
          for (std::uint64_t i = batch.first; i < batch.last; ++i) ++taken[i];
        }
      });
    }
    for (std::thread& taker : takers) taker.join();
    for (const auto& times : taken) ASSERT_EQ(times, 1);
  }
}

}  // namespace
}  // namespace orbitmill
