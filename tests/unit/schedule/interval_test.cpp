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

TEST(Interval, HalvesPartTheRangeAndTheThiefGetsTheLastIndex) {
  for (const Interval all : {Interval{0, 1}, Interval{7, 8}, Interval{0, 2}, Interval{3, 8},
                             Interval{0xffff'fffe, 0xffff'ffff}, Interval{0, 0xffff'ffff}}) {
    const Interval back = back_half(all);
    const Interval front = front_half(all);
    EXPECT_EQ(front.first, all.first);
    EXPECT_EQ(front.last, back.first);
    EXPECT_EQ(back.last, all.last);
    EXPECT_GE(back.size(), front.size());
    EXPECT_LE(back.size(), front.size() + 1);
  }
}

TEST(Interval, ThiefAloneHalvesDownToNothing) {
  std::atomic<std::uint64_t> word{pack({10, 15})};
  EXPECT_EQ(take_back_half(word), (Interval{12, 15}));
  EXPECT_EQ(take_back_half(word), (Interval{11, 12}));
  EXPECT_EQ(take_back_half(word), (Interval{10, 11}));
  EXPECT_EQ(word.load(), 0u);
  EXPECT_TRUE(take_back_half(word).empty());
  EXPECT_EQ(word.load(), 0u);
}

TEST(Interval, PutsIntoAnEmptyWordOnly) {
  std::atomic<std::uint64_t> word{0};
  EXPECT_TRUE(put_if_empty(word, {0, 0xffff'ffff}));
  EXPECT_FALSE(put_if_empty(word, {5, 6}));
  EXPECT_EQ(unpack(word.load()), (Interval{0, 0xffff'ffff}));
  EXPECT_EQ(take_front(word, 0xffff'fffe), (Interval{0, 0xffff'fffe}));
  EXPECT_EQ(take_back_half(word), (Interval{0xffff'fffe, 0xffff'ffff}));
  EXPECT_TRUE(put_if_empty(word, {5, 6}));
}

/// The owner takes from the front of its word while each thief halves the same word into its own
/// and takes from there; an emptied thief robs again.
TEST(Interval, OwnerAndThievesGetEveryIndexOnce) {
  constexpr std::uint64_t count = 500;
  for (int round = 0; round < 2000; ++round) {
    const int thieves = round % 4;
    std::atomic<std::uint64_t> word{pack({0, count})};
    std::vector<std::atomic<int>> taken(count);
    const auto take_all = [&](std::atomic<std::uint64_t>& from, std::uint64_t size) {
      for (;;) {
        const Interval batch = take_front(from, size);
        if (batch.empty()) return;
        for (std::uint64_t i = batch.first; i < batch.last; ++i) ++taken[i];
      }
    };
    std::vector<std::thread> threads;
    for (int thief = 0; thief < thieves; ++thief) {
      threads.emplace_back([&] {
        std::atomic<std::uint64_t> own{0};
        for (;;) {
          const Interval loot = take_back_half(word);
          if (loot.empty()) return;
          EXPECT_TRUE(put_if_empty(own, loot));
          take_all(own, 3);
        }
      });
    }
    take_all(word, 1);
    for (std::thread& thread : threads) thread.join();
    for (const auto& times : taken) ASSERT_EQ(times, 1) << "round " << round;
  }
}

}  // namespace
}  // namespace orbitmill
