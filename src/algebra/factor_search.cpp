#include "factor_search.hpp"

#include <flint/qsieve.h>
#include <flint/ulong_extras.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>

#include "flint_handles.hpp"

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_until(Deadline deadline) {
  return std::chrono::duration<double>(deadline - Clock::now()).count();
}

std::size_t digits(const Integer& value) {
  return mpz_sizeinbase(value.get_mpz_t(), 10);
}

/// Measured (FLINT 2.9, one core of a busy 2-core machine): 0.7 s at 50 digits, 2 s at 55, 6 s at
/// 60, 20 s at 65.
double sieve_seconds(const Integer& value) {
  return 20 * std::pow(3.0, (static_cast<double>(digits(value)) - 65) / 5);
}

/// FLINT's sieve keeps its relations in a file in the working folder, whose name depends on the
/// process alone: two threads would share it, and where it cannot be created FLINT crashes.
std::mutex sieve_turn;

bool sieve_can_run() {
  std::string name = "orbitmill-sieve-XXXXXX";
  const int file = ::mkstemp(name.data());
  if (file < 0) return false;
  ::close(file);
  ::unlink(name.c_str());
  return true;
}

/// Proper divisors whose product is the value; nothing if there are none.
std::optional<std::vector<Integer>> sieve(const Integer& value) {
  const std::lock_guard turn(sieve_turn);
  if (!sieve_can_run()) return std::nullopt;
  FlintInteger number(value);
  FlintIntegerFactors found;
  qsieve_factor(found.get(), number.get());
  std::vector<Integer> parts;
  Integer product = 1;
  for (slong i = 0; i < found.get()->num; ++i) {
    FlintInteger part;
    fmpz_set(part.get(), found.get()->p + i);
    for (mp_limb_t copies = found.get()->exp[i]; copies > 0; --copies) {
      parts.push_back(part.value());
      product *= parts.back();
    }
  }
  if (parts.size() < 2 || product != value) return std::nullopt;
  return parts;
}

/// Curves with growing bounds until one finds a divisor or the next would end behind the deadline:
/// a curve cannot be interrupted, and its cost is proportional to its bound.
std::optional<Integer> elliptic_curves(const Integer& value, FlintRandom& random,
                                       Deadline deadline) {
  struct Level {
    mp_limb_t bound;
    int curves;
  };
  constexpr Level levels[] = {{200, 10}, {2'000, 30}, {11'000, 100}};
  constexpr mp_limb_t last_bound = 50'000;
  constexpr mp_limb_t second_stage = 100;  // stage 2 ends at 100 B1, as FLINT's own calls do

  FlintInteger number(value);
  FlintInteger divisor;
  double seconds_per_bound = 0;
  const auto in_time = [&](mp_limb_t bound) {
    return seconds_per_bound * static_cast<double>(bound) < seconds_until(deadline);
  };
  const auto curve = [&](mp_limb_t bound) -> bool {
    const double before = seconds_until(deadline);
    const int found =
        fmpz_factor_ecm(divisor.get(), 1, bound, second_stage * bound, random.get(), number.get());
    seconds_per_bound = (before - seconds_until(deadline)) / static_cast<double>(bound);
    return found > 0 && fmpz_cmp_ui(divisor.get(), 1) > 0 &&
           fmpz_cmp(divisor.get(), number.get()) < 0 &&
           fmpz_divisible(number.get(), divisor.get()) != 0;
  };
  for (const auto& [bound, curves] : levels) {
    for (int i = 0; i < curves; ++i) {
      if (!in_time(bound)) return std::nullopt;
      if (curve(bound)) return divisor.value();
    }
  }
  while (in_time(last_bound)) {
    if (curve(last_bound)) return divisor.value();
  }
  return std::nullopt;
}

/// The factors that elliptic curves and the sieve find; `value` is composite.
std::optional<std::vector<Integer>> split(const Integer& value, FlintRandom& random,
                                          Deadline deadline) {
  for (unsigned long k = 2; k <= mpz_sizeinbase(value.get_mpz_t(), 2); ++k) {
    Integer root;
    if (mpz_root(root.get_mpz_t(), value.get_mpz_t(), k) != 0) {
      return std::vector<Integer>(k, root);
    }
  }
  if (const auto word = to_word(value)) {
    n_factor_t found;
    n_factor_init(&found);
    n_factor(&found, *word, 1);
    std::vector<Integer> parts;
    for (int i = 0; i < found.num; ++i) {
      parts.insert(parts.end(), static_cast<std::size_t>(found.exp[i]), to_integer(found.p[i]));
    }
    return parts;
  }
  const double expected = sieve_seconds(value);
  // Below 25 digits the sieve has too little room for its parameters, and curves take milliseconds.
  const bool sievable =
      digits(value) >= 25 && sieve_can_run() && 1.5 * expected < seconds_until(deadline);
  if (sievable) {
    // A small factor is found sooner by curves, but they must not cost what the sieve needs.
    const auto share = std::chrono::duration_cast<Clock::duration>(
        std::chrono::duration<double>(0.02 + expected / 4));
    if (const auto divisor = elliptic_curves(value, random, Clock::now() + share)) {
      return std::vector<Integer>{*divisor, value / *divisor};
    }
    if (auto parts = sieve(value)) return parts;
  }
  if (const auto divisor = elliptic_curves(value, random, deadline)) {
    return std::vector<Integer>{*divisor, value / *divisor};
  }
  return std::nullopt;
}

/// Takes the primes = 1 mod e below some 4 million times e out of `rest`, and those that divide e.
void divide_by_candidates(Integer& rest, std::uint32_t e, std::vector<Integer>& primes) {
  const auto divide_out = [&](std::uint64_t candidate) {
    while (mpz_divisible_ui_p(rest.get_mpz_t(), candidate) != 0) {
      primes.push_back(to_integer(candidate));
      rest /= primes.back();
    }
  };
  std::uint32_t unfactored = e;
  for (std::uint32_t p = 2; unfactored > 1; ++p) {
    if (p * p > unfactored) p = unfactored;
    if (unfactored % p != 0) continue;
    while (unfactored % p == 0) unfactored /= p;
    divide_out(p);
  }
  divide_out(2);  // even where e is odd only for e = 1, base odd
  // Candidates in ascending order: one that divides what is left is prime. All primes are odd.
  constexpr std::uint64_t candidates = 4'000'000;
  const std::uint64_t step = e % 2 == 0 ? e : 2 * std::uint64_t{e};
  for (std::uint64_t i = 1; i <= candidates && rest > 1; ++i) {
    const std::uint64_t candidate = i * step + 1;
    if (mpz_divisible_ui_p(rest.get_mpz_t(), candidate) == 0) continue;
    divide_out(candidate);
    if (is_prime(rest)) return;
  }
}

}  // namespace

bool is_prime(const Integer& value) {
  return fmpz_is_probabprime(FlintInteger(value).get()) != 0;
}

FactorSearch search_factors(const Integer& value, std::uint32_t e, Deadline deadline) {
  FactorSearch result;
  Integer rest = value;
  if (rest > 1 && !is_prime(rest)) divide_by_candidates(rest, e, result.primes);
  std::vector<Integer> open{rest};
  FlintRandom random;
  while (!open.empty()) {
    const Integer part = open.back();
    open.pop_back();
    if (part == 1) continue;
    if (is_prime(part)) {
      result.primes.push_back(part);
    } else if (const auto parts = split(part, random, deadline)) {
      open.insert(open.end(), parts->begin(), parts->end());
    } else {
      result.composites.push_back(part);
    }
  }
  return result;
}

}  // namespace orbitmill
