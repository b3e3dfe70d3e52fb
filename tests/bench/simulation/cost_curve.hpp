/// What a range of indices costs, in simulated seconds on one worker.
///
/// A cumulative curve C(end) = cost of the indices [0, end), linear between knots: recorded from a
/// real run (record_cost.cpp) or made up. A batch [a, b) costs C(b) - C(a).
#pragma once

#include <array>
#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "orbitmill/schedule/interval.hpp"

namespace orbitmill::simulation {

class CostCurve {
 public:
  struct Knot {
    std::uint64_t end = 0;
    double cost = 0;  ///< of [0, end)
  };

  /// Knots with `end` strictly and `cost` weakly increasing; the point (0, 0) is implied. Throws
  /// std::invalid_argument otherwise, or where there is nothing to do at all.
  explicit CostCurve(const std::vector<Knot>& knots);

  std::uint64_t index_count() const noexcept { return knots_.back().end; }
  double total() const noexcept { return knots_.back().cost; }
  /// Cost of [0, end), end <= index_count().
  double up_to(std::uint64_t end) const;
  double cost(Interval range) const { return up_to(range.last) - up_to(range.first); }
  /// Cost of the dearest single index: no schedule ends before it.
  double dearest_index() const;

  /// The same shape with another total.
  CostCurve scaled_to(double total) const;
  /// The same total over about `index_count` indices, none dearer than `longest`: dear indices are
  /// cut into several, the cheap ones share the rest evenly. This models a longer register under an
  /// engine that can cut a long walk (milestones); the leader sweep cannot. Throws
  /// std::invalid_argument where `index_count` indices of `longest` are not enough.
  CostCurve cut(double longest, std::uint64_t index_count) const;

 private:
  void index_knots();

  std::vector<Knot> knots_;  ///< the first one is (0, 0)
  /// First knot by the leading bits of the index: up_to() is called twice a batch, and there are
  /// billions of batches.
  static constexpr unsigned detail_bits = 5;
  std::array<std::uint32_t, (65U << detail_bits) + 1> starts_{};
};

/// Reads "end <tab> seconds <tab> ..." lines; '#' starts a comment. Throws std::invalid_argument
/// with the line where it cannot.
CostCurve read_cost_curve(std::istream& in);

/// Every index costs the same; total 1.
CostCurve flat_cost(std::uint64_t index_count);
/// The last tenth of the indices carries `share` of the cost: batches grow in the cheap part and
/// meet the dear one unprepared; total 1.
CostCurve late_cost(std::uint64_t index_count, double share);
/// Pieces of equal length whose costs are log-normal with deviation `sigma`: dear and cheap
/// stretches at random; total 1.
CostCurve log_normal_cost(std::uint64_t index_count, unsigned pieces, double sigma,
                          std::uint64_t seed);

}  // namespace orbitmill::simulation
