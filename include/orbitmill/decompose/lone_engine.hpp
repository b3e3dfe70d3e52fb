/// One register on one thread: for campaigns, where whole registers are the units of work.
///
/// No MPI, no scheduler, no threads: a worker owns an engine, and its memory and tables are used
/// again for every register. Larger registers are decomposed by everybody (decompose.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// What settled the question whether a register has maximum period, cheapest first.
enum class PeriodStage : std::uint8_t {
  fixed_points,  ///< 0...0 and 1...1 alone: two fixed points, or one too many
  linear,        ///< algebra: order of the characteristic polynomial
  short_cycles,  ///< a periodic word of a few symbols is a cycle
  early_walk,    ///< a cycle closed within a few thousand segments
  full_pass,     ///< all segments were walked: the only stage that can say yes to a nonlinear one
};
inline constexpr std::size_t period_stages = 5;
std::string_view name_of(PeriodStage stage);

/// Is one cycle of q^n - 1 states (all but a fixed point) or of q^n states (de Bruijn)?
struct PeriodAnswer {
  bool maximum = false;
  PeriodStage settled_by = PeriodStage::full_pass;
  /// The longest cycle where `maximum`; else the length of some cycle that rules it out, which is a
  /// function of the register alone.
  std::uint64_t witness_length = 0;
};

/// How many registers each stage looked at and settled, and the seconds it took.
struct PeriodStageCount {
  std::uint64_t entered = 0;
  std::uint64_t settled = 0;
  double seconds = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& entered& settled& seconds;
  }
};
using PeriodStageCounts = std::array<PeriodStageCount, period_stages>;

class LoneEngine {
 public:
  LoneEngine();
  ~LoneEngine();
  LoneEngine(const LoneEngine&) = delete;
  LoneEngine& operator=(const LoneEngine&) = delete;

  /// All cycles by length, sum of length * count = q^n checked (InternalError). The register must
  /// be nonsingular and exhaustible, else JobError. CannotCreateError where memory is short.
  Histogram histogram(const Register& reg);

  /// Preconditions as above, q = 2 or linear. Adds to `counts`.
  PeriodAnswer period(const Register& reg, PeriodStageCounts& counts);

  /// Predicted seconds of histogram() and of a full pass on this thread, for the plan of a
  /// campaign.
  static double predicted_s(const Register& reg);

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
};

}  // namespace orbitmill
