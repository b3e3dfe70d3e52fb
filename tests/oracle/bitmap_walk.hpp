/// The second oracle: a bitmap walk that shares no code with the program.
///
/// It visits every state once, marks it in a bitmap of q^n bits, and closes one cycle after the
/// other from its least state. Own parser-free register, own finite field: elements are digit
/// vectors, the product is schoolbook multiplication followed by reduction with the modulus.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace oracle {

/// GF(p^m) by schoolbook arithmetic. `modulus` holds the m+1 coefficients, least first; {} for m
/// = 1.
class SlowField {
 public:
  SlowField(std::uint64_t p, std::vector<std::uint64_t> modulus)
      : p_(p), m_(modulus.empty() ? 1 : modulus.size() - 1), modulus_(std::move(modulus)) {
    order_ = 1;
    for (std::size_t i = 0; i < m_; ++i) order_ *= p_;
    if (order_ > 256) return;
    // Small fields: the same schoolbook products, looked up.
    for (std::uint64_t a = 0; a < order_; ++a) {
      for (std::uint64_t b = 0; b < order_; ++b) {
        sums_.push_back(slow_add(a, b));
        products_.push_back(slow_multiply(a, b));
      }
    }
  }

  std::uint64_t order() const { return order_; }
  std::uint64_t add(std::uint64_t a, std::uint64_t b) const {
    return sums_.empty() ? slow_add(a, b) : sums_[a * order_ + b];
  }
  std::uint64_t multiply(std::uint64_t a, std::uint64_t b) const {
    return products_.empty() ? slow_multiply(a, b) : products_[a * order_ + b];
  }

 private:
  std::vector<std::uint64_t> digits(std::uint64_t a) const {
    std::vector<std::uint64_t> result(m_);
    for (auto& digit : result) {
      digit = a % p_;
      a /= p_;
    }
    return result;
  }
  std::uint64_t number(const std::vector<std::uint64_t>& digits) const {
    std::uint64_t result = 0;
    for (std::size_t i = m_; i-- > 0;) result = result * p_ + digits[i];
    return result;
  }
  std::uint64_t slow_add(std::uint64_t a, std::uint64_t b) const {
    auto sum = digits(a);
    const auto other = digits(b);
    for (std::size_t i = 0; i < m_; ++i) sum[i] = (sum[i] + other[i]) % p_;
    return number(sum);
  }
  std::uint64_t slow_multiply(std::uint64_t a, std::uint64_t b) const {
    const auto x = digits(a);
    const auto y = digits(b);
    std::vector<std::uint64_t> product(2 * m_ - 1);
    for (std::size_t i = 0; i < m_; ++i) {
      for (std::size_t j = 0; j < m_; ++j) product[i + j] = (product[i + j] + x[i] * y[j]) % p_;
    }
    for (std::size_t top = product.size(); top-- > m_;) {
      const std::uint64_t factor = product[top];  // the modulus is monic
      for (std::size_t i = 0; i <= m_; ++i) {
        product[top - m_ + i] = (product[top - m_ + i] + (p_ - modulus_[i]) * factor) % p_;
      }
    }
    product.resize(m_);
    return number(product);
  }

  std::uint64_t p_;
  std::uint64_t m_;
  std::vector<std::uint64_t> modulus_;
  std::uint64_t order_ = 0;
  std::vector<std::uint64_t> sums_, products_;
};

/// coefficient * product of stages.
struct SlowTerm {
  std::uint64_t coefficient = 1;
  std::vector<unsigned> stages;
};

struct SlowRegister {
  SlowField field;
  unsigned length;
  std::vector<SlowTerm> terms;

  std::uint64_t states() const {
    std::uint64_t count = 1;
    for (unsigned i = 0; i < length; ++i) count *= field.order();
    return count;
  }

  /// The definition: x_i takes x_{i+1}, x_{n-1} takes f.
  std::uint64_t step(std::uint64_t state) const {
    const std::uint64_t q = field.order();
    std::vector<std::uint64_t> x(length);
    for (std::uint64_t rest = state; auto& stage : x) {
      stage = rest % q;
      rest /= q;
    }
    std::uint64_t sum = 0;
    for (const SlowTerm& term : terms) {
      std::uint64_t product = term.coefficient;
      for (const unsigned stage : term.stages) product = field.multiply(product, x[stage]);
      sum = field.add(sum, product);
    }
    return state / q + sum * (states() / q);
  }
};

/// leader -> length, for every cycle. Throws nothing; needs a bijective step.
template <class Step>
std::map<std::uint64_t, std::uint64_t> bitmap_walk(std::uint64_t states, Step step) {
  std::vector<bool> seen(states);
  std::map<std::uint64_t, std::uint64_t> cycles;
  for (std::uint64_t leader = 0; leader < states; ++leader) {
    if (seen[leader]) continue;
    std::uint64_t length = 0;
    for (std::uint64_t state = leader; !seen[state]; state = step(state)) {
      seen[state] = true;
      ++length;
    }
    cycles[leader] = length;
  }
  return cycles;
}

/// length -> count.
inline std::map<std::uint64_t, std::uint64_t> histogram_of(
    const std::map<std::uint64_t, std::uint64_t>& cycles) {
  std::map<std::uint64_t, std::uint64_t> histogram;
  for (const auto& [leader, length] : cycles) ++histogram[length];
  return histogram;
}

}  // namespace oracle
