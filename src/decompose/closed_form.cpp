// The parts of the state space, one for each irreducible factor of Q, and their combination.
//
// An affine register with Q(1) = 0, Q = (x - 1)^k G, differs in one part. On that of (x - 1)^k its
// step is y -> J y + b without a fixed point: no state solves (E - 1)^k y = 0, all q^k solve
// (E - 1)^(k+1) y = 0, and each lies on a cycle of p^r states with the least r such that
// p^r >= k + 1. On all other parts, the nilpotent one among them, the step has a fixed point, which
// makes it the linear one with another origin.
#include "orbitmill/decompose/closed_form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <map>
#include <utility>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// Each is two integers of n log2(q) bits at most: 300 MB for 1000 binary stages.
constexpr std::size_t max_lengths = 1'000'000;

ExactHistogram linear_part(const FactorOrder& entry, std::uint32_t q, std::uint32_t p) {
  const Integer states = power(to_integer(q), entry.factor.degree());
  ExactHistogram histogram{{1, 1}};
  Integer length = entry.order;
  Integer killed = 1;  // states that a lower power of the factor takes to 0
  std::uint64_t reached = 0;
  // The powers from `reached` + 1 to `last` all have order `length`.
  for (std::uint64_t last = 1; reached < entry.multiplicity; last *= p, length *= p) {
    reached = std::min<std::uint64_t>(last, entry.multiplicity);
    const Integer killed_now = power(states, reached);
    const Integer cycles = (killed_now - killed) / length;
    if (length == 1) {
      histogram.front().count += cycles;
    } else {
      histogram.push_back({length, cycles});
    }
    killed = killed_now;
  }
  return histogram;
}

/// The part of (x - 1)^multiplicity of an affine register.
ExactHistogram part_without_fixed_point(std::uint32_t multiplicity, std::uint32_t q,
                                        std::uint32_t p) {
  Integer length = 1;
  while (length < multiplicity + 1) length *= p;
  return {{length, power(to_integer(q), multiplicity) / length}};
}

ExactHistogram combine(const ExactHistogram& a, const ExactHistogram& b) {
  std::map<Integer, Integer> counts;
  for (const auto& [length_a, count_a] : a) {
    for (const auto& [length_b, count_b] : b) {
      const Integer common = gcd(length_a, length_b);
      counts[length_a / common * length_b] += count_a * count_b * common;
      if (counts.size() > max_lengths) {
        throw JobError(
            fmt::format("the characteristic polynomial has so many factors that there are more "
                        "than {} different cycle lengths; expected fewer: choose a polynomial with "
                        "fewer irreducible factors",
                        max_lengths));
      }
    }
  }
  ExactHistogram combined;
  combined.reserve(counts.size());
  for (auto& [length, count] : counts) combined.push_back({length, std::move(count)});
  return combined;
}

}  // namespace

ClosedForm closed_form(const Register& reg) {
  const Field& field = reg.field();
  const std::uint32_t q = field.order();
  const std::uint32_t p = field.characteristic();
  const Polynomial x{{0, 1}};
  const Polynomial x_minus_one{{field.negate(1), 1}};
  const bool affine = reg.feedback().constant() != 0;

  ClosedForm result;
  result.analysis = analyse(characteristic_polynomial(reg), field);
  result.histogram = {{1, 1}};
  for (const FactorOrder& entry : result.analysis.factors) {
    if (entry.factor == x) {
      result.height = entry.multiplicity;
      continue;
    }
    const ExactHistogram part = affine && entry.factor == x_minus_one
                                    ? part_without_fixed_point(entry.multiplicity, q, p)
                                    : linear_part(entry, q, p);
    result.histogram = combine(result.histogram, part);
  }
  const Integer states = power(to_integer(q), reg.length());
  const Integer on_cycles = power(to_integer(q), reg.length() - result.height);
  result.transient_states = states - on_cycles;

  Integer accounted;
  for (const auto& [length, count] : result.histogram) accounted += length * count;
  if (accounted != on_cycles) {
    throw InternalError(fmt::format("closed form: the cycles hold {} states instead of {}",
                                    accounted.get_str(), on_cycles.get_str()));
  }
  return result;
}

}  // namespace orbitmill
