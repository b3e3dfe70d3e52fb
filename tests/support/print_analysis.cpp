// print_analysis SEED COUNT DEGREE: factors and orders of random polynomials, for a computer
// algebra system to check. One line each, fields separated by "|":
//   p | modulus of the field, 0 for a prime field | q | polynomial | order of the part prime to x |
//   irreducible | primitive | and for each factor: factor ^ multiplicity : order
// with polynomials as coefficients from the constant up, elements as integers 0..q-1.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <random>
#include <string>

#include "orbitmill/algebra/polynomial_order.hpp"

namespace {

using orbitmill::Field;
using orbitmill::Polynomial;

std::string text(const Polynomial& polynomial) {
  return fmt::format("{}", fmt::join(polynomial.coefficients, ","));
}

/// Products of small powers and a random rest, so that repeated factors and x occur.
Polynomial random_polynomial(std::mt19937_64& random, const Field& field, std::uint32_t degree) {
  Polynomial product{{1}};
  const auto factor = [&](std::uint32_t size) {
    Polynomial result{std::vector<orbitmill::Element>(size + 1)};
    for (auto& coefficient : result.coefficients) {
      coefficient = static_cast<orbitmill::Element>(random() % field.order());
    }
    result.coefficients.back() = 1;
    return result;
  };
  for (std::uint64_t count = random() % 4; count > 0; --count) {
    const Polynomial small = factor(1 + static_cast<std::uint32_t>(random() % 3));
    for (std::uint64_t power = 1 + random() % 4; power > 0; --power) {
      if (product.degree() + small.degree() > degree) break;
      product = multiply(product, small, field);
    }
  }
  if (product.degree() < degree)
    product = multiply(product, factor(degree - product.degree()), field);
  return product;
}

void print_line(const Field& field, const std::string& modulus, const Polynomial& polynomial) {
  const auto analysis = orbitmill::analyse(polynomial, field);
  std::string line = fmt::format("{}|{}|{}|{}|{}|{:d}|{:d}", field.characteristic(), modulus,
                                 field.order(), text(polynomial), analysis.order.get_str(),
                                 analysis.irreducible, analysis.primitive);
  for (const auto& entry : analysis.factors) {
    line += fmt::format("|{}^{}:{}", text(entry.factor), entry.multiplicity, entry.order.get_str());
  }
  fmt::print("{}\n", line);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    fmt::print(stderr, "usage: print_analysis SEED COUNT DEGREE\n");
    return 2;
  }
  std::mt19937_64 random(std::strtoull(argv[1], nullptr, 10));
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
  const std::uint64_t greatest = std::strtoull(argv[3], nullptr, 10);
  try {
    // The second modulus of GF(8) and GF(9) is not the Conway polynomial.
    const struct {
      std::uint64_t order;
      const char* modulus;
    } fields[] = {{2, ""},          {3, ""}, {4, ""},        {5, ""},  {7, ""},  {8, ""},
                  {8, "x^3+x^2+1"}, {9, ""}, {9, "x^2 + 1"}, {16, ""}, {25, ""}, {31, ""}};
    for (const auto& [order, modulus] : fields) {
      const Field field(order, modulus);
      for (std::uint64_t i = 0; i < count; ++i) {
        // q^degree stays below about 2^greatest, so that the orders are found in milliseconds.
        std::uint32_t longest = 0;
        for (std::uint64_t bits = 1; bits < order; bits *= 2) ++longest;
        longest = static_cast<std::uint32_t>(greatest) / longest;
        const auto degree = 1 + static_cast<std::uint32_t>(random() % longest);
        print_line(field, field.is_prime() ? "0" : field.modulus(),
                   random_polynomial(random, field, degree));
      }
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
