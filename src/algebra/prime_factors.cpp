#include "orbitmill/algebra/prime_factors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "cyclotomic.hpp"
#include "factor_search.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// What is known about Phi_e(base).
struct Outcome {
  std::vector<Integer> primes;      ///< may repeat
  std::vector<Integer> composites;  ///< empty: completely factored
  double budget_s = 0;              ///< that was not enough, if there are composites
};

/// Kept for the life of the process: the registers of a campaign ask for the same numbers again.
std::mutex outcomes_lock;
std::map<std::pair<std::uint64_t, std::uint32_t>, Outcome>& outcomes() {
  static std::map<std::pair<std::uint64_t, std::uint32_t>, Outcome> kept;
  return kept;
}

std::optional<Outcome> kept_outcome(std::uint64_t base, std::uint32_t e) {
  const std::lock_guard guard(outcomes_lock);
  const auto found = outcomes().find({base, e});
  if (found == outcomes().end()) return std::nullopt;
  return found->second;
}

/// Divides the table's primes out of `rest`.
void divide_by_table(Integer& rest, std::uint32_t e, std::vector<Integer>& primes) {
  const auto& table = known_factors();
  auto known = std::ranges::lower_bound(table, e, {}, &KnownFactor::exponent);
  for (; known != table.end() && known->exponent == e; ++known) {
    const Integer prime(known->prime);
    while (mpz_divisible_p(rest.get_mpz_t(), prime.get_mpz_t()) != 0) {
      rest /= prime;
      primes.push_back(prime);
    }
  }
}

Outcome factor_cyclotomic(std::uint64_t base, std::uint32_t e, Deadline deadline) {
  const double budget_s =
      std::chrono::duration<double>(deadline - std::chrono::steady_clock::now()).count();
  const std::optional<Outcome> known = kept_outcome(base, e);
  // A little more time than last time, as a clock gives it, would not help either.
  const bool hopeless = known && 1.25 * known->budget_s >= budget_s;
  if (known && (known->composites.empty() || hopeless)) return *known;

  Outcome outcome;
  outcome.budget_s = budget_s;
  for (Integer rest : aurifeuillian_split(base, e)) {
    if (base == 2) divide_by_table(rest, e, outcome.primes);
    const FactorSearch search = search_factors(rest, e, deadline);
    outcome.primes.insert(outcome.primes.end(), search.primes.begin(), search.primes.end());
    outcome.composites.insert(outcome.composites.end(), search.composites.begin(),
                              search.composites.end());
  }
  const std::lock_guard guard(outcomes_lock);
  outcomes()[{base, e}] = outcome;
  return outcome;
}

/// value = base^exponent with the greatest exponent.
std::pair<std::uint64_t, std::uint32_t> as_power(std::uint64_t value) {
  const Integer number = to_integer(value);
  for (std::uint32_t exponent = 63; exponent > 1; --exponent) {
    Integer root;
    if (mpz_root(root.get_mpz_t(), number.get_mpz_t(), exponent) != 0) {
      return {root.get_ui(), exponent};
    }
  }
  return {value, 1};
}

[[noreturn]] void throw_unfactored(std::uint64_t q, std::uint32_t degree, std::uint64_t base,
                                   std::uint32_t e, const Integer& composite, double budget_s) {
  const std::string digits = composite.get_str();
  throw JobError(fmt::format(
      "an irreducible factor of degree {1} over GF({0}): its order needs the prime factors of "
      "{0}^{1} - 1, and the composite number {2} ({3} digits), a factor of {4}^{5} - 1, was not "
      "factored within {6:g} s; expected a degree whose prime factors are known. If you know a "
      "factor of this number and {4} is 2, add it to src/algebra/known_factors.cpp and build "
      "again; "
      "registers of fewer than 2^63 states can be decomposed without algebra",
      q, degree, digits, digits.size(), base, e, budget_s));
}

}  // namespace

std::vector<PrimePower> factor_power_minus_one(std::uint64_t q, std::uint32_t degree,
                                               double budget_s) {
  if (q < 2 || degree == 0) {
    throw InternalError(fmt::format("factor_power_minus_one({}, {})", q, degree));
  }
  const Deadline deadline =
      std::chrono::steady_clock::now() +
      std::chrono::duration_cast<Deadline::duration>(std::chrono::duration<double>(budget_s));
  const auto [base, root_exponent] = as_power(q);
  std::vector<Integer> primes;
  for (const std::uint32_t e : divisors(root_exponent * degree)) {
    const Outcome outcome = factor_cyclotomic(base, e, deadline);
    if (!outcome.composites.empty()) {
      throw_unfactored(q, degree, base, e, outcome.composites.front(), budget_s);
    }
    primes.insert(primes.end(), outcome.primes.begin(), outcome.primes.end());
  }
  std::ranges::sort(primes);

  std::vector<PrimePower> result;
  Integer product = 1;
  for (const Integer& prime : primes) {
    product *= prime;
    if (!result.empty() && result.back().prime == prime) {
      ++result.back().exponent;
    } else {
      result.push_back({prime, 1});
    }
  }
  if (product != power(to_integer(q), degree) - 1) {
    throw InternalError(
        fmt::format("the prime factors found do not multiply to {}^{} - 1", q, degree));
  }
  return result;
}

}  // namespace orbitmill
