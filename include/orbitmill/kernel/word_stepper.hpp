/// Stepping registers over GF(2) a word at a time: several symbols per call, eight walks at once.
///
/// The window method. Let h be the highest tap. The next n-h symbols depend only on stages that are
/// known already, so bit d of
///     F = sum over terms of  AND over the term's stages i of (s >> i)
/// is the symbol shifted in at step d+1, for 0 <= d < n-h: one pass over the terms yields n-h
/// symbols. Walking backwards (the inverse step) the same holds with the lowest tap l > 0: y_d =
/// x_{n-d} + g(x_{i-d}), valid while d <= l. The stepper takes the direction that yields more
/// symbols; cycles, lengths and leaders are the same in both.
///
/// Cost: 2 operations per stage occurrence and call, for min(max(n-h, l), 64-n) symbols.
#pragma once

#include <cstdint>
#include <vector>

#include "orbitmill/kernel/word_lanes.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

/// The `bits` low bits set; 0 <= bits <= 64.
constexpr std::uint64_t low_mask(unsigned bits) {
  return bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
}

class WordStepper {
 public:
  /// Precondition: q = 2, nonsingular, n <= 62 (Register::require_exhaustible). Throws
  /// InternalError.
  explicit WordStepper(const Register& reg);

  unsigned length() const noexcept { return length_; }    ///< n
  unsigned symbols() const noexcept { return symbols_; }  ///< D, symbols per call, n + D <= 64
  bool is_forward() const noexcept { return forward_; }   ///< false: walks the inverse step

  /// The window of n + D bits that holds the state before the call and the D states after it.
  /// `Word` is std::uint64_t or WordLanes.
  template <class Word>
  Word window(const Word& state) const {
    Word fresh = state ^ state;
    for (const unsigned shift : linear_shifts_) fresh ^= state >> shift;
    const unsigned* shift = product_shifts_.data();
    for (const unsigned degree : product_degrees_) {
      Word product = state >> shift[0];
      for (unsigned i = 1; i < degree; ++i) product &= state >> shift[i];
      fresh ^= product;
      shift += degree;
    }
    fresh = (fresh ^ constant_) & low_mask(symbols_);
    return forward_ ? state | (fresh << length_) : (state << symbols_) | fresh;
  }

  /// The state after `step` steps, 0 <= step <= D.
  template <class Word>
  Word state_in(const Word& window, unsigned step) const {
    return (window >> (forward_ ? step : symbols_ - step)) & low_mask(length_);
  }

  /// The state after all D steps.
  template <class Word>
  Word last_state(const Word& window) const {
    if (forward_) return window >> symbols_;
    return window & low_mask(length_);
  }

  /// Marks the states among the D new ones whose `zeros` (0..n) most significant digits are all 0:
  /// bit b is set if the state at step `step_of_mark(b)` is such a state. Zero runs of all
  /// positions are found together by OR-doubling: a run of 2r zeros is two runs of r.
  template <class Word>
  Word zero_run_marks(const Word& window, unsigned zeros) const {
    Word run = ~window;
    unsigned have = 1;
    if (zeros == 0) return (run | window) & low_mask(symbols_);
    for (; 2 * have <= zeros; have *= 2) run &= run >> have;
    run &= run >> (zeros - have);
    // The leading digits of the state at step d are bits [n-zeros+d, n+d) of a forward window and
    // [n-zeros+D-d, n+D-d) of a backward one; steps run from 1 to D.
    return (run >> (length_ - zeros + (forward_ ? 1 : 0))) & low_mask(symbols_);
  }

  /// The step that bit `bit` of zero_run_marks stands for, 1..D.
  unsigned step_of_mark(unsigned bit) const noexcept { return forward_ ? bit + 1 : symbols_ - bit; }

 private:
  unsigned length_ = 0;
  unsigned symbols_ = 0;
  bool forward_ = true;
  std::uint64_t constant_ = 0;             ///< all ones for a complemented feedback
  std::vector<unsigned> linear_shifts_;    ///< one shift per linear term
  std::vector<unsigned> product_degrees_;  ///< number of factors per product
  std::vector<unsigned> product_shifts_;   ///< their shifts, one product after the other
};

}  // namespace orbitmill
