/// The unit of work of a campaign: a whole register a thread, or everybody on one register.
///
/// Many small registers are spread whole, and nobody waits for anybody; but a register that takes
/// longer than its fair share of the campaign would keep one thread busy while the others idle.
/// Classes of equal registers are taken from the dearest on: as many of them are decomposed by
/// everybody as make the predicted time least. By the rule of three a register is shared only if
/// its predicted work exceeds three times the measured overhead of sharing it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace orbitmill {

/// Registers of one field and length.
struct RegisterClass {
  std::uint32_t field_order = 2;
  std::uint32_t length = 0;
  std::uint64_t registers = 0;
  double lone_s = 0;  ///< measured: mean time of the task for one of them on one thread
  double full_s = 0;  ///< predicted: a full decomposition on one thread; sharing has no early abort
};

struct UnitDecision {
  bool by_everybody = false;
  double predicted_s = 0;  ///< of the class, in the chosen unit
  std::string reason;      ///< with the figures, for the log and the file
};

/// One decision a class, in the order given. `overhead_s`: of sharing one register among all
/// `workers`. Pure: equal figures, equal decisions.
std::vector<UnitDecision> decide_units(const std::vector<RegisterClass>& classes, unsigned workers,
                                       double overhead_s);

}  // namespace orbitmill
