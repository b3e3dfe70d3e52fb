/// Interleavings of the interval word's operations, made on purpose.
///
/// Each operation is a load followed by compare-and-swaps with the value seen. Between the load and
/// a swap the word below runs other whole operations, which do the same in turn: so a swap meets
/// every kind of foreign change, the same value come back included, without threads and luck. (An
/// operation takes effect in its swap alone, so nested operations stand for all interleavings.)
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <vector>

#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {
namespace {

/// A word for one thread that lets others in before every compare-and-swap.
class InterruptedWord {
 public:
  InterruptedWord(std::mt19937_64& random, std::function<void()> interrupt)
      : random_(random), interrupt_(std::move(interrupt)) {}

  std::uint64_t load(std::memory_order /*order*/) const { return value_; }
  bool compare_exchange_strong(std::uint64_t& seen, std::uint64_t next, std::memory_order) {
    interrupt_();
    if (value_ != seen) {
      seen = value_;
      return false;
    }
    value_ = next;
    return true;
  }
  bool compare_exchange_weak(std::uint64_t& seen, std::uint64_t next, std::memory_order order) {
    if (random_() % 8 == 0) {  // the weak form may fail for no reason
      interrupt_();
      seen = value_;
      return false;
    }
    return compare_exchange_strong(seen, next, order);
  }

 private:
  std::mt19937_64& random_;
  std::function<void()> interrupt_;
  std::uint64_t value_ = 0;
};

/// The word under random operations beside a model: how often every index lies in the word.
class Interleaver {
 public:
  explicit Interleaver(std::uint64_t seed) : random_(seed) {}

  void run(int operations) {
    for (int i = 0; i < operations; ++i) operate();
    while (!take(take_front(word_, 1 + random_() % 5)).empty()) {
    }
    // Whatever was put in has come out, and every index of it once.
    for (const auto& [index, times] : inside_) ASSERT_EQ(times, 0) << index;
    ASSERT_EQ(word_.load({}), 0u);
  }
  int interrupted() const { return interrupted_; }

 private:
  void interrupt() {
    if (depth_ >= 4 || random_() % 2 == 0) return;
    ++depth_;
    ++interrupted_;
    for (std::uint64_t count = 1 + random_() % 3; count > 0; --count) operate();
    --depth_;
  }

  void operate() {
    switch (random_() % 3) {
      case 0:
        take(take_front(word_, 1 + random_() % 4));
        break;
      case 1:
        take(take_back_half(word_));
        break;
      default:
        put();
    }
  }

  /// Mostly one of few intervals, so that the same value comes back.
  void put() {
    constexpr std::uint64_t top = 0xffff'ffff;
    const std::uint64_t first = random_() % 2 == 0 ? random_() % 3 : top - 3 - random_() % 3;
    const Interval interval{first, first + 1 + random_() % 3};
    if (!put_if_empty(word_, interval)) return;
    // An interrupt is over before the swap, so the model changes in the order of the swaps.
    for (std::uint64_t i = interval.first; i < interval.last; ++i) {
      EXPECT_EQ(++inside_[i], 1) << "put into a word that was not empty";
    }
  }

  Interval take(Interval taken) {
    for (std::uint64_t i = taken.first; i < taken.last; ++i) {
      EXPECT_EQ(--inside_[i], 0) << "index " << i << " was not there to take";
    }
    return taken;
  }

  std::mt19937_64 random_;
  InterruptedWord word_{random_, [this] { interrupt(); }};
  std::map<std::uint64_t, int> inside_;
  int depth_ = 0;
  int interrupted_ = 0;
};

TEST(IntervalModel, EveryInterleavingKeepsEveryIndexOnce) {
  int interrupted = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Interleaver interleaver(seed);
    interleaver.run(20);
    interrupted += interleaver.interrupted();
    ASSERT_FALSE(HasFailure()) << "seed " << seed;
  }
  EXPECT_GT(interrupted, 10'000);
}

}  // namespace
}  // namespace orbitmill
