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

/// A nonsingular register over GF(2) of exactly `length` >= 2 stages, with products of up to five
/// of them. Most registers keep all their stages in one narrow band, low, high or anywhere: so the
/// least distance of the fast kernels takes every value, in both directions.
template <class Generator>
RegisterPair random_binary_register(Generator& random, unsigned length) {
  const auto below = [&](std::uint64_t bound) { return static_cast<unsigned>(random() % bound); };
  const unsigned stages = length - 1;  // 1, ..., n-1
  const unsigned width = below(3) == 0 ? stages : 1 + below(stages);
  const unsigned kind = below(3);
  const unsigned lowest = kind == 0   ? 1
                          : kind == 1 ? stages - width + 1
                                      : 1 + below(stages - width + 1);
  orbitmill::RegisterSpec spec;
  spec.length = length;
  std::set<std::vector<std::uint32_t>> products = {{0}};
  const unsigned density = below(4);  // 0: no further linear term, 3: all of them
  for (unsigned stage = lowest; stage < lowest + width; ++stage) {
    if (density == 3 || below(8) < density) products.insert({stage});
  }
  for (unsigned count = below(5); count > 0; --count) {
    std::set<std::uint32_t> factors;
    for (unsigned degree = 2 + below(4); degree > 0; --degree) {
      factors.insert(lowest + below(width));
    }
    if (factors.size() > 1) products.insert({factors.begin(), factors.end()});
  }
  if (below(3) == 0) products.insert(std::vector<std::uint32_t>{});
  for (const auto& factors : products) spec.feedback.terms.push_back({1, factors});
  return {spec, slow_register(spec, test_fields().front())};
}

/// A nonsingular affine register over GF(order) of exactly `length` stages. As above, the taps of
/// most registers keep to one band of stages. Half of those over GF(8) have the modulus that is not
/// the Conway polynomial.
template <class Generator>
orbitmill::RegisterSpec random_affine_register(Generator& random, std::uint64_t order,
                                               unsigned length) {
  const auto below = [&](std::uint64_t bound) { return static_cast<unsigned>(random() % bound); };
  const auto coefficient = [&] { return 1 + below(order - 1); };
  const unsigned stages = length - 1;  // 1, ..., n-1
  const unsigned width = below(3) == 0 ? stages : 1 + below(stages);
  const unsigned kind = below(3);
  const unsigned lowest = kind == 0   ? 1
                          : kind == 1 ? stages - width + 1
                                      : 1 + below(stages - width + 1);
  orbitmill::RegisterSpec spec;
  spec.field_order = order;
  if (order == 8 && below(2) == 0) spec.modulus = "x^3 + x^2 + 1";
  spec.length = length;
  spec.feedback.terms.push_back({coefficient(), {0}});
  const unsigned density = below(4);  // 0: x_0 alone, 3: all of the band
  for (unsigned stage = lowest; stage < lowest + width; ++stage) {
    if (density == 3 || below(4) < density) spec.feedback.terms.push_back({coefficient(), {stage}});
  }
  if (below(3) == 0) spec.feedback.terms.push_back({coefficient(), {}});
  return spec;
}

}  // namespace test
