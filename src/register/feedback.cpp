#include "orbitmill/register/feedback.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace orbitmill {
namespace {

/// Sorts by degree, but the constant, of degree 0, behind everything.
std::size_t degree_rank(const Term& term) noexcept {
  return term.stages.empty() ? std::numeric_limits<std::size_t>::max() : term.stages.size();
}

}  // namespace

void Feedback::sort_terms() {
  for (Term& term : terms) std::sort(term.stages.begin(), term.stages.end());
  std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) {
    const std::size_t rank_a = degree_rank(a);
    const std::size_t rank_b = degree_rank(b);
    // The coefficient makes the order total: equal multisets of terms sort to equal vectors.
    return std::tie(rank_a, a.stages, a.coefficient) < std::tie(rank_b, b.stages, b.coefficient);
  });
}

bool Feedback::is_affine() const noexcept {
  return std::all_of(terms.begin(), terms.end(),
                     [](const Term& term) { return term.stages.size() <= 1; });
}

bool Feedback::is_linear() const noexcept {
  return std::all_of(terms.begin(), terms.end(),
                     [](const Term& term) { return term.stages.size() == 1; });
}

Element Feedback::linear_coefficient(std::uint32_t stage) const noexcept {
  // Binary search: callers ask for all n stages, and n may be 100000. In canonical order the linear
  // terms come first, sorted by stage.
  const auto found = std::partition_point(terms.begin(), terms.end(), [stage](const Term& term) {
    return term.stages.size() == 1 && term.stages.front() < stage;
  });
  const bool matches =
      found != terms.end() && found->stages.size() == 1 && found->stages.front() == stage;
  return matches ? found->coefficient : 0;
}

Element Feedback::constant() const noexcept {
  return !terms.empty() && terms.back().stages.empty() ? terms.back().coefficient : 0;
}

bool Feedback::is_nonsingular() const noexcept {
  if (linear_coefficient(0) == 0) return false;
  return std::none_of(terms.begin(), terms.end(), [](const Term& term) {
    return term.stages.size() > 1 && term.stages.front() == 0;
  });
}

}  // namespace orbitmill
