/// Random feedbacks and registers for the tests of this room, biased to corners: the first and the
/// last stage, few terms, coefficients 1 and q-1, constants.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "orbitmill/register/register.hpp"

namespace orbitmill::testing {

using Random = std::mt19937_64;

/// 0..bound-1, every fourth time an end of the range.
inline std::uint32_t corner_below(Random& random, std::uint32_t bound) {
  switch (random() % 8) {
    case 0:
      return 0;
    case 1:
      return bound - 1;
    default:
      return static_cast<std::uint32_t>(random() % bound);
  }
}

/// Affine over any field, in canonical order, made without sort_terms(). Has at least one stage.
inline Feedback random_affine(Random& random, std::uint32_t q, std::uint32_t n,
                              bool with_constant = true) {
  std::set<std::uint32_t> stages{corner_below(random, n)};
  const auto wanted = random() % (n + 1);
  for (std::uint64_t i = 0; i < wanted; ++i) stages.insert(corner_below(random, n));
  Feedback feedback;
  for (const std::uint32_t stage : stages) {
    feedback.terms.push_back({1 + corner_below(random, q - 1), {stage}});
  }
  if (with_constant && random() % 3 == 0) {
    feedback.terms.push_back({1 + corner_below(random, q - 1), {}});
  }
  return feedback;
}

/// An algebraic normal form over GF(2), in canonical order; products of up to four stages. Has at
/// least one stage.
inline Feedback random_anf(Random& random, std::uint32_t n) {
  Feedback feedback = random_affine(random, 2, n);
  std::set<std::vector<std::uint32_t>> products;
  const auto wanted = random() % 6;
  for (std::uint64_t i = 0; i < wanted; ++i) {
    std::set<std::uint32_t> stages;
    for (std::uint64_t degree = 2 + random() % 3; degree > 0; --degree) {
      stages.insert(corner_below(random, n));
    }
    if (stages.size() > 1) products.emplace(stages.begin(), stages.end());
  }
  // The set is ordered lexicographically; a stable sort by degree keeps that within a degree.
  std::vector<std::vector<std::uint32_t>> ordered(products.begin(), products.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.size() < b.size(); });
  const auto constant = std::find_if(feedback.terms.begin(), feedback.terms.end(),
                                     [](const Term& term) { return term.stages.empty(); });
  std::vector<Term> terms;
  terms.reserve(ordered.size());
  for (const auto& stages : ordered) terms.push_back({1, stages});
  feedback.terms.insert(constant, terms.begin(), terms.end());
  return feedback;
}

/// q^n, by repeated multiplication.
inline std::uint64_t power(std::uint64_t q, std::uint32_t n) {
  std::uint64_t count = 1;
  for (std::uint32_t i = 0; i < n; ++i) count *= q;
  return count;
}

}  // namespace orbitmill::testing
