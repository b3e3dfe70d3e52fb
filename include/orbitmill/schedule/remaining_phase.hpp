/// What is left of a phase, as a phase: indices 0, 1, 2, ... over the ranges that are not done yet.
///
/// So the scheduler, its exactly-once account included, needs to know nothing of work that was
/// restored.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

/// [0, count) without `done`, which is sorted and disjoint and lies in it.
std::vector<Interval> complement(const std::vector<Interval>& done, std::uint64_t count);

class RemainingPhase final : public Phase {
 public:
  /// `left` is sorted, disjoint and not empty. `phase` is prepared already and stays the owner of
  /// every result; keeps a reference.
  RemainingPhase(Phase& phase, std::vector<Interval> left);

  std::string name() const override { return phase_.name(); }
  std::uint64_t index_count() const override { return firsts_.back(); }
  double expected_cost(std::uint64_t end) const override;
  void prepare(unsigned /*workers*/) override {}
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override;
  void sample(std::uint64_t first, std::uint64_t last) override;
  bool is_kept() const override { return phase_.is_kept(); }
  /// The parts speak of the indices of the whole phase.
  std::vector<FinishedPart> take_finished(unsigned worker,
                                          const std::vector<Interval>& ranges) override;

 private:
  /// Calls `action(first, last)` with the pieces of [first, last) in the whole phase.
  template <class Action>
  void for_each_piece(std::uint64_t first, std::uint64_t last, Action action) const;
  std::size_t range_of(std::uint64_t index) const;

  Phase& phase_;
  std::vector<Interval> left_;
  std::vector<std::uint64_t> firsts_;  ///< index here of each range's first; the count at the end
  std::vector<double> costs_;          ///< expected cost of the ranges in front of each
};

}  // namespace orbitmill
