/// The leader sweep: the plain algorithm, exact, without memory, for every field and map.
///
/// A state is the leader of its cycle iff walking from it returns to it without meeting a smaller
/// state. Test every prenecklace (prenecklace.hpp) and stop a walk at the first smaller state. For
/// a register like a random permutation a walk from x takes about q^n / x steps, so all walks take
/// about q^n ln(q^n / n), and small x cost nearly everything. This engine is the oracle of the fast
/// one.
///
/// Index space of the phase: the states of its range in increasing order, `stride` to an index.
///
/// The fast engine sweeps by levels: level j tests the states with exactly j leading zeros, for the
/// cycles that it has not found otherwise.
#pragma once

#include <functional>
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

/// Over GF(2), states with exactly `zeros` leading zeros, the range in multiples of
/// row_tester_stride: 512 walks at once. Leaders of cycles of more than `longest` states may be
/// left out. Precondition: row_tester_covers(reg, zeros).
std::unique_ptr<LeaderTester> make_row_leader_tester(const Register& reg, unsigned zeros,
                                                     std::uint64_t longest = ~std::uint64_t{0});
bool row_tester_covers(const Register& reg, unsigned zeros);
inline constexpr std::uint64_t row_tester_stride = 512;

/// The part of the state space that a sweep tests, and how.
struct SweepPart {
  std::string name = "leader sweep";
  State first = 0;
  State last = 0;                  ///< behind the range
  std::uint64_t align = 1;         ///< indices begin at multiples of it
  std::uint64_t known_length = 0;  ///< cycles up to this length are known and left out
  std::function<std::unique_ptr<LeaderTester>()> make_tester;
};

/// All states.
SweepPart whole_sweep(const Register& reg);
/// The states with exactly `zeros` < n leading zeros, for cycles of more than `known_length` and at
/// most `longest` states: shorter ones are left out, longer ones may be.
SweepPart level_sweep(const Register& reg, unsigned zeros, std::uint64_t known_length,
                      std::uint64_t longest);

class LeaderSweep final : public Phase {
 public:
  /// Precondition: reg.require_exhaustible() passes. Keeps references to `reg` and `budget`.
  LeaderSweep(const Register& reg, RowBudget& budget, SweepPart part);

  std::string name() const override { return part_.name; }
  std::uint64_t index_count() const override { return index_count_; }
  double expected_cost(std::uint64_t end) const override;
  void prepare(unsigned workers) override;
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override;
  void sample(std::uint64_t first, std::uint64_t last) override;
  bool is_kept() const override { return true; }
  /// The payload: lane steps, then the packed tally.
  std::vector<FinishedPart> take_finished(unsigned worker,
                                          const std::vector<Interval>& ranges) override;
  bool restore(const std::vector<Interval>& ranges, std::span<const std::byte> payload) override;

  /// After the run: the cycles this rank found, all workers together. Call once.
  CycleTally take_tally();
  /// Lane steps of all workers of this rank.
  std::uint64_t lane_steps() const;

 private:
  struct alignas(128) Worker {
    std::unique_ptr<LeaderTester> tester;
    KeptTally tally;
    std::uint64_t lane_steps = 0;
    std::uint64_t handed_over_steps = 0;
  };

  State end_state(std::uint64_t last) const;

  double cost_up_to(double state) const;

  const Register& register_;
  SweepPart part_;
  std::uint64_t stride_;  ///< states per index
  std::uint64_t index_count_;
  RowBudget& budget_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace orbitmill
