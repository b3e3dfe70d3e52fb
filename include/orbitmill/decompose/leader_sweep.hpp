/// The leader sweep: the plain algorithm, exact, without memory, for every field and map.
///
/// A state is the leader of its cycle iff walking from it returns to it without meeting a smaller
/// state. Test every prenecklace (prenecklace.hpp) and stop a walk at the first smaller state. For
/// a register like a random permutation a walk from x takes about q^n / x steps, so all walks take
/// about q^n ln(q^n / n), and small x cost nearly everything. This engine is the oracle of the fast
/// one.
///
/// Index space of the phase: the states in increasing order, `stride` to an index.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/register/register.hpp"
#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

/// Kernel-specific part: tests all candidates in a range of states. One per worker, reused.
class LeaderTester {
 public:
  virtual ~LeaderTester() = default;
  /// Adds every leader in [first, last) with the length of its cycle to `tally`; returns the number
  /// of lane steps taken.
  virtual std::uint64_t test_range(State first, State last, CycleTally& tally) = 0;
};

/// Over GF(2), any feedback: word kernel, eight walks at once.
std::unique_ptr<LeaderTester> make_word_leader_tester(const Register& reg);
/// Affine feedback over any GF(q): digit kernel, eight walks interleaved.
std::unique_ptr<LeaderTester> make_digit_leader_tester(const Register& reg);
/// The one to use for `reg`.
std::unique_ptr<LeaderTester> make_leader_tester(const Register& reg);

class LeaderSweep final : public Phase {
 public:
  /// Precondition: reg.require_exhaustible() passes. Keeps a reference to `reg`.
  LeaderSweep(const Register& reg, const CyclePolicy& policy);

  std::string name() const override { return "leader sweep"; }
  std::uint64_t index_count() const override { return index_count_; }
  double expected_cost(std::uint64_t end) const override;
  void prepare(unsigned workers) override;
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override;
  void sample(std::uint64_t first, std::uint64_t last) override;

  /// After the run: the cycles this rank found, all workers together. Call once.
  CycleTally take_tally();
  /// Lane steps of all workers of this rank.
  std::uint64_t lane_steps() const;

 private:
  struct alignas(128) Worker {
    std::unique_ptr<LeaderTester> tester;
    CycleTally tally;
    std::uint64_t lane_steps = 0;
  };

  State end_state(std::uint64_t last) const;

  const Register& register_;
  std::uint64_t stride_;  ///< states per index
  std::uint64_t index_count_;
  RowBudget budget_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace orbitmill
