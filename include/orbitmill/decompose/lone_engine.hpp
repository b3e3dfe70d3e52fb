/// One register on one thread: for campaigns, where whole registers are the units of work.
///
/// No MPI, no scheduler, no threads: a worker owns an engine, and its memory and tables are used
/// again for every register. Larger registers are decomposed by everybody (decompose.hpp).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// What settled the question whether a register has maximum period, cheapest first.
enum class PeriodStage : std::uint8_t {
  fixed_points,  ///< f(0...0), f(1...1) and the parity of the number of cycles: without a walk
  linear,        ///< algebra, for every linear register and none else: its polynomial
  short_cycles,  ///< a periodic word of a few symbols is a cycle
  early_walk,    ///< a cycle closed while there were still milestones to start from
  full_pass,     ///< all milestones are on walks, or all cycles were counted: here a nonlinear
                 ///< register is found to have maximum period
};
inline constexpr std::size_t period_stages = 5;
std::string_view name_of(PeriodStage stage);

/// Is one cycle of q^n - 1 states (all but a fixed point) or of q^n states (de Bruijn)?
struct PeriodAnswer {
  bool maximum = false;
  PeriodStage settled_by = PeriodStage::full_pass;
  /// The longest cycle where `maximum`; else the length of a cycle that rules it out: of the
  /// shortest that a stage before the walks finds, or of the first that closes in them, in an order
  /// that is fixed. A function of the register alone. 0 where the parity of the number of cycles
  /// rules it out and names none.
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

  /// All cycles by length, by walking every state, linear or not; sum of length * count = q^n
  /// checked (InternalError). The register must be nonsingular and exhaustible, else JobError.
  /// CannotCreateError where memory is short. Reference machine, one core, GF(2): 10 us at n = 12,
  /// 0.1 ms at 16, 0.6 ms at 20, 7 ms at 24.
  Histogram histogram(const Register& reg);

  /// Preconditions as above. Adds to `counts`. A nonlinear register with no such cycle costs about
  /// 10 us until the short cycles are tried (n = 24), and 0.2 ms when it survives them.
  PeriodAnswer period(const Register& reg, PeriodStageCounts& counts);

  /// The stages of period() that walk nothing, for a register that others will walk: a no, or
  /// nothing. Precondition: nonsingular and exhaustible.
  std::optional<PeriodAnswer> rule_out(const Register& reg, PeriodStageCounts& counts);

  /// Predicted seconds of histogram() on this thread, for the plan of a campaign: more than what
  /// period() takes. By samples that the process measures once, in some ten milliseconds.
  /// Precondition as above.
  static double predicted_s(const Register& reg);

 private:
  struct Tables;
  PeriodAnswer period_by_algebra(const Register& reg, PeriodStageCounts& counts);
  PeriodAnswer period_by_histogram(const Register& reg, PeriodStageCounts& counts);

  std::unique_ptr<Tables> tables_;
};

}  // namespace orbitmill
