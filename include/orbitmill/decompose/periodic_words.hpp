/// Cycles of p states, GF(2), by trying every periodic sequence of period p, 512 at once.
///
/// A cycle of p states is a sequence of period p that obeys the recurrence, and so one necklace of
/// p digits without a shorter period; each has one Lyndon word, in whatever direction it is read.
/// About 2^p / p of them are laid out as rows (row_program.hpp), once for all registers and
/// threads. To test 512: repeat the rows over n, let the kernel go on, and compare with the
/// repetition. Half of the lanes fail at each row, so that two tiles of eight rows settle most
/// blocks. Measured: 0.2 ns a word, against about 15 one by one (StepCosts, plan.hpp). Here p
/// may be greater than n, too.
#pragma once

#include <cstdint>
#include <vector>

#include "orbitmill/kernel/row_kernel.hpp"

namespace orbitmill {

class PeriodicWords {
 public:
  /// Memory for the words of all lengths up to this one: 4 MiB, kept by the process.
  static constexpr unsigned max_period = 24;

  PeriodicWords() : kernel_(row_kernel()) {}

  /// True when the register has a cycle of exactly `period` states, 1 <= period <= max_period.
  bool any_cycle(const RowProgram& program, unsigned period);
  /// How many such cycles there are among those without a zero run of `zeros` or more, which also
  /// leaves out the state 0. zeros >= 1.
  std::uint64_t count_cycles(const RowProgram& program, unsigned period, unsigned zeros);

 private:
  /// The lanes of `lanes` that are cycles; `digits` are the rows of their words.
  LaneRow cycles_among(const RowProgram& program, unsigned period, const LaneRow* digits,
                       LaneRow lanes);

  const RowKernel& kernel_;
  std::vector<LaneRow> rows_;
};

}  // namespace orbitmill
