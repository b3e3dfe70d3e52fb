/// A Fibonacci feedback shift register over GF(q): field, length, feedback; step and inverse step.
///
/// A state (x_0, ..., x_{n-1}) is the integer sum of x_i q^i; x_0 is the output stage. One step:
/// x_i takes x_{i+1}, x_{n-1} takes f. (Golomb, Shift Register Sequences, ch. 1 and 6.)
/// The functions here are the textbook versions, one state at a time; they are the oracle of
/// kernel/.
#pragma once

#include <cstdint>
#include <string>

#include "orbitmill/register/feedback.hpp"
#include "orbitmill/register/field.hpp"

namespace orbitmill {

/// A state, a cycle length or a leader of an exhaustive engine: q^n < 2^63, so one word holds it.
using State = std::uint64_t;

/// What travels between ranks and stands in job files: coefficients, no tables.
struct RegisterSpec {
  std::uint64_t field_order = 2;
  std::string modulus;  ///< empty: prime field, or the Conway polynomial
  std::uint32_t length = 0;
  Feedback feedback;

  friend bool operator==(const RegisterSpec&, const RegisterSpec&) = default;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& field_order& modulus& length& feedback;
  }
};

class Register {
 public:
  /// Checks and takes over a specification. Throws JobError for length 0 or above
  /// max_register_length, a bad field, a stage >= length, a coefficient outside 1..q-1, products
  /// over q > 2, repeated terms. A singular register is accepted here (closed form knows it);
  /// exhaustive engines call require_exhaustible().
  explicit Register(const RegisterSpec& spec);
  /// The same over a field that is there already, for many registers over one: its tables are
  /// shared, not built again. `field` stands for the order and modulus of `spec`.
  Register(RegisterSpec spec, const Field& field);

  const Field& field() const noexcept { return field_; }
  std::uint32_t length() const noexcept { return spec_.length; }
  const Feedback& feedback() const noexcept { return spec_.feedback; }
  /// The specification with canonical feedback and the modulus in use written out.
  const RegisterSpec& spec() const noexcept { return spec_; }

  bool is_nonsingular() const noexcept { return spec_.feedback.is_nonsingular(); }
  bool is_linear() const noexcept { return spec_.feedback.is_linear(); }

  /// True when q^n < 2^63.
  bool is_exhaustible() const noexcept { return state_count_ != 0; }
  /// q^n. Throws JobError where it is 2^63 or more.
  std::uint64_t state_count() const;
  /// Exact decimal text of q^n, for every n.
  std::string state_count_text() const;

  /// Throws JobError unless the register is nonsingular and q^n < 2^63. The message says what the
  /// user can do: for a linear register with c_0 = ... = c_{j-1} = 0 it names the shorter register
  /// (coefficients c_j..., length n-j) that carries all cycles.
  void require_exhaustible() const;

  /// f(state). Preconditions here and below: is_exhaustible(), state < state_count().
  Element feedback_at(State state) const;
  /// One step, O(n + terms). Defined for singular registers too.
  State next(State state) const;
  /// The inverse step. Precondition: nonsingular.
  State prev(State state) const;

 private:
  RegisterSpec spec_;
  Field field_;
  std::uint64_t state_count_ = 0;  ///< q^n, or 0 where it does not fit
  std::uint64_t top_weight_ = 0;   ///< q^(n-1) where state_count_ fits
};

}  // namespace orbitmill
