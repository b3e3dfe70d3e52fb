/// Stepping affine registers over GF(q): several walks interleaved, one symbol a step.
///
/// Walks the inverse step, a left shift of the digits: from (x_0, ..., x_{n-1}) to (y, x_0, ...,
/// x_{n-2}) where f(y, x_0, ..., x_{n-2}) = x_{n-1}, so
///     y = c_0^-1 (x_{n-1} - c - sum over i >= 1 of c_i x_{i-1}).
/// Every product by a constant is one table look-up; the tables hold the products in a form that is
/// summed without reduction (XOR for p = 2, plain words for m = 1, base-p digits spread over a
/// 64-bit word otherwise), and the sum is reduced once per symbol. The state as an integer goes
/// along without a division: s' = (s - x_{n-1} q^{n-1}) q + y.
///
/// Cost: one look-up and addition per tap, lane and step; tables of 8q bytes per distinct tap.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "orbitmill/register/register.hpp"

namespace orbitmill {

inline constexpr unsigned digit_lanes = 8;

/// How the products of one step are added up.
enum class DigitSum : std::uint8_t { exclusive_or, residue, spread_digits };

/// The walks of one thread: for each lane the digits, newest last, and the state as an integer.
/// A sliding history: a step appends one row; when the buffer is full the last n rows move to its
/// front, once in `slack` steps.
class DigitWalks {
 public:
  DigitWalks(unsigned length, unsigned order);

  std::array<State, digit_lanes> state{};  ///< current states as integers

  /// Puts `lane` onto `start`. Cost O(n).
  void place(unsigned lane, State start);

 private:
  friend class DigitStepper;
  static constexpr unsigned slack = 256;
  using Row = std::array<std::uint32_t, digit_lanes>;

  unsigned length_;
  unsigned order_;
  unsigned newest_;        ///< row of the digits x_0
  std::vector<Row> rows_;  ///< n + slack rows
};

class DigitStepper {
 public:
  /// Precondition: affine, nonsingular, q^n < 2^63. Throws InternalError otherwise.
  explicit DigitStepper(const Register& reg);

  unsigned length() const noexcept { return length_; }
  unsigned order() const noexcept { return order_; }

  /// One inverse step of every lane.
  void step(DigitWalks& walks) const;

 private:
  struct Tap {
    unsigned back;                       ///< the tap reads the digit `back` rows before the newest
    std::vector<std::uint64_t> product;  ///< q entries: coefficient * x in summable form
  };

  template <DigitSum sum>
  void step_with(DigitWalks& walks) const;
  template <DigitSum sum>
  Element reduce(std::uint64_t value) const;
  std::uint64_t summable(Element value) const;

  unsigned length_ = 0;
  unsigned order_ = 0;
  unsigned characteristic_ = 0;
  unsigned degree_ = 0;
  unsigned digit_bits_ = 0;       ///< width of one spread digit
  std::uint64_t reciprocal_ = 0;  ///< ceil(2^64 / p), for the reduction modulo p
  State top_weight_ = 0;          ///< q^(n-1)
  std::uint64_t constant_ = 0;    ///< summable form of -c / c_0
  DigitSum sum_ = DigitSum::residue;
  std::vector<Tap> taps_;
};

}  // namespace orbitmill
