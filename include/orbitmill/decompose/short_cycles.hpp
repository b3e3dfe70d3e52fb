/// The shortest cycles, by trying periodic words, GF(2).
///
/// A cycle of p <= P < n states is a periodic sequence; its least state begins with the Lyndon word
/// of the period and repeats it. There are about 2^(P+1) / P Lyndon words of length up to P
/// (generated in constant amortised time, prenecklace.hpp), and half of the wrong ones fail at
/// their first symbol. Without this the sweep would have to go down to the level of the fixed point
/// 1...1, and low levels cost as much as high ones.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/kernel/word_stepper.hpp"
#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

/// Finds every cycle of at most `longest` states that contains no zero run of `zeros` or more; the
/// state 0 is left out, too. Index space: the words of `longest` digits, in order.
class ShortCycles final : public Phase {
 public:
  /// Precondition: q = 2, exhaustible, 1 <= longest < n. Keeps a reference to `budget`.
  ShortCycles(const Register& reg, unsigned longest, unsigned zeros, RowBudget& budget);

  std::string name() const override { return "short cycles"; }
  std::uint64_t index_count() const override { return std::uint64_t{1} << (longest_ - shift_); }
  void prepare(unsigned workers) override {
    tallies_.assign(workers, KeptTally(CycleTally(budget_)));
  }
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override;
  void sample(std::uint64_t first, std::uint64_t last) override;
  bool is_kept() const override { return true; }
  /// The payload: the packed tally.
  std::vector<FinishedPart> take_finished(unsigned worker,
                                          const std::vector<Interval>& ranges) override;
  bool restore(const std::vector<Interval>& ranges, std::span<const std::byte> payload) override;

  /// After the run: the cycles this rank found. Call once.
  CycleTally take_tally();

 private:
  void test_range(State first, State last, CycleTally& tally) const;
  bool is_cycle(State state, unsigned period) const;

  WordStepper stepper_;
  unsigned longest_;
  unsigned zeros_;
  unsigned shift_;  ///< words per index, as a power of two
  RowBudget& budget_;
  std::vector<KeptTally> tallies_;
};

}  // namespace orbitmill
