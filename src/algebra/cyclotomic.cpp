#include "cyclotomic.hpp"

#include <array>
#include <cstddef>
#include <numeric>

namespace orbitmill {
namespace {

constexpr std::uint64_t greatest_split_base = 199;

/// Moebius' mu and Euler's phi by trial division.
struct Multiplicative {
  int mu = 1;
  std::uint32_t phi = 1;
};

Multiplicative multiplicative(std::uint32_t n) {
  Multiplicative result;
  for (std::uint32_t p = 2; n > 1; ++p) {
    if (p * p > n) p = n;
    if (n % p != 0) continue;
    n /= p;
    result.mu = n % p == 0 ? 0 : -result.mu;
    result.phi *= p - 1;
    for (; n % p == 0; n /= p) result.phi *= p;
  }
  return result;
}

Integer evaluate(const std::vector<Integer>& coefficients, const Integer& x) {
  Integer value;
  for (std::size_t i = coefficients.size(); i-- > 0;) value = value * x + coefficients[i];
  return value;
}

/// Brent's q_k for a prime n.
class PowerSums {
 public:
  PowerSums(std::uint32_t n, std::uint32_t m) : n_(n), m_(m) {}

  std::int64_t operator()(std::uint32_t k) const {
    if (k % 2 == 1) return mpz_ui_kronecker(n_, Integer(k).get_mpz_t());
    const std::uint32_t common = std::gcd(k, m_);
    // cos((n - 1) k pi / 4); for even k only multiples of pi/2 occur.
    constexpr std::array<int, 4> cosine{1, 0, -1, 0};
    const std::uint64_t quarter_turns = std::uint64_t{n_ - 1} * (k / 2);
    return std::int64_t{multiplicative(m_ / common).mu} * multiplicative(common).phi *
           cosine[quarter_turns % 4];
  }

 private:
  std::uint32_t n_, m_;
};

}  // namespace

std::vector<std::uint32_t> divisors(std::uint32_t n) {
  std::vector<std::uint32_t> result;
  for (std::uint32_t e = 1; e <= n; ++e) {
    if (n % e == 0) result.push_back(e);
  }
  return result;
}

Integer cyclotomic_value(std::uint64_t base, std::uint32_t e) {
  Integer numerator = 1;
  Integer denominator = 1;
  for (const std::uint32_t d : divisors(e)) {
    const int mu = multiplicative(e / d).mu;
    if (mu == 0) continue;
    (mu > 0 ? numerator : denominator) *= power(to_integer(base), d) - 1;
  }
  return numerator / denominator;
}

LucasPolynomials lucas_polynomials(std::uint32_t prime) {
  LucasPolynomials result;
  result.m = prime % 4 == 1 ? prime : 2 * prime;
  const std::uint32_t degree = multiplicative(result.m).phi / 2;
  const PowerSums power_sum(prime, result.m);
  std::vector<Integer> q(2 * std::size_t{degree} + 2);
  for (std::uint32_t k = 1; k < q.size(); ++k) q[k] = static_cast<long>(power_sum(k));

  std::vector<Integer>& c = result.c;
  std::vector<Integer>& d = result.d;
  c.emplace_back(1);
  d.emplace_back(1);
  for (std::size_t k = 1; k <= degree; ++k) {
    Integer sum;
    for (std::size_t j = 0; j < k; ++j) {
      sum += prime * q[2 * k - 2 * j - 1] * d[j] - q[2 * k - 2 * j] * c[j];
    }
    c.emplace_back(sum / static_cast<unsigned long>(2 * k));
    if (k == degree) break;
    sum = c[k];
    for (std::size_t j = 0; j < k; ++j)
      sum += q[2 * k + 1 - 2 * j] * c[j] - q[2 * k - 2 * j] * d[j];
    d.emplace_back(sum / static_cast<unsigned long>(2 * k + 1));
  }
  return result;
}

std::vector<Integer> aurifeuillian_split(std::uint64_t base, std::uint32_t e) {
  const Integer value = cyclotomic_value(base, e);
  if (base > greatest_split_base || mpz_probab_prime_p(to_integer(base).get_mpz_t(), 25) == 0) {
    return {value};
  }
  const auto prime = static_cast<std::uint32_t>(base);
  const std::uint32_t m = prime % 4 == 1 ? prime : 2 * prime;
  if (e % m != 0 || e / m % 2 == 0) return {value};
  const std::uint32_t h = e / m;
  const LucasPolynomials lucas = lucas_polynomials(prime);
  const Integer x = power(to_integer(base), h);
  const Integer root = power(to_integer(base), (std::uint64_t{h} + 1) / 2);
  const Integer lower = gcd(value, evaluate(lucas.c, x) - root * evaluate(lucas.d, x));
  if (lower == 1 || lower == value) return {value};
  return {lower, value / lower};
}

}  // namespace orbitmill
