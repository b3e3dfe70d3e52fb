/// Random nonsingular registers for tests that compare the program with the slow oracle, biased to
/// the corners: length 1, one tap, all taps, constant term, c_0 != 1, all degrees.
#pragma once

#include <random>
#include <set>
#include <vector>

#include "oracle/bitmap_walk.hpp"
#include "orbitmill/register/register.hpp"

namespace test {

/// The same register for both sides.
struct RegisterPair {
  orbitmill::RegisterSpec spec;
  oracle::SlowRegister slow;
};

/// Fields that the random tests use, with the Conway polynomial (least coefficient first) taken
/// from Luebeck's tables: x^2+x+1, x^3+x+1, x^2+2x+2.
struct TestField {
  std::uint64_t order, characteristic;
  std::vector<std::uint64_t> modulus;
};
inline const std::vector<TestField>& test_fields() {
  static const std::vector<TestField> fields = {{2, 2, {}},       {3, 3, {}}, {4, 2, {1, 1, 1}},
                                                {5, 5, {}},       {7, 7, {}}, {8, 2, {1, 1, 0, 1}},
                                                {9, 3, {2, 2, 1}}};
  return fields;
}

inline oracle::SlowRegister slow_register(const orbitmill::RegisterSpec& spec,
                                          const TestField& field) {
  oracle::SlowRegister slow{{field.characteristic, field.modulus}, spec.length, {}};
  for (const orbitmill::Term& term : spec.feedback.terms) {
    slow.terms.push_back({term.coefficient, {term.stages.begin(), term.stages.end()}});
  }
  return slow;
}

/// A nonsingular register over `field` with at most `max_states` states.
template <class Generator>
RegisterPair random_register(Generator& random, const TestField& field, std::uint64_t max_states) {
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  unsigned longest = 0;
  for (std::uint64_t states = 1; states <= max_states / field.order; states *= field.order)
    ++longest;
  orbitmill::RegisterSpec spec;
  spec.field_order = field.order;
  // Every eighth register has one stage, every eighth the full length.
  const std::uint64_t kind = below(8);
  spec.length = kind == 0 ? 1 : kind == 1 ? longest : 1 + static_cast<unsigned>(below(longest));
  const auto coefficient = [&] {
    return static_cast<orbitmill::Element>(below(2) == 0 ? 1 : 1 + below(field.order - 1));
  };
  std::vector<orbitmill::Term>& terms = spec.feedback.terms;
  terms.push_back({coefficient(), {0}});
  const std::uint64_t density = below(4);  // 0: x_0 alone, 3: every tap
  for (std::uint32_t stage = 1; stage < spec.length; ++stage) {
    if (density == 3 || (density > 0 && below(4) < density))
      terms.push_back({coefficient(), {stage}});
  }
  if (field.order == 2 && spec.length > 2) {
    std::set<std::vector<std::uint32_t>> products;
    for (std::uint64_t count = below(4); count > 0; --count) {
      std::set<std::uint32_t> stages;
      for (std::uint64_t degree = 2 + below(spec.length - 2); stages.size() < degree;) {
        stages.insert(1 + static_cast<std::uint32_t>(below(spec.length - 1)));
      }
      products.insert({stages.begin(), stages.end()});
    }
    for (const auto& stages : products) terms.push_back({1, stages});
  }
  if (below(3) == 0) terms.push_back({coefficient(), {}});
  return {spec, slow_register(spec, field)};
}

}  // namespace test
