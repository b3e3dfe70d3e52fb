#include "orbitmill/decompose/prenecklace.hpp"

#include "orbitmill/kernel/word_stepper.hpp"

namespace orbitmill {

// Both constructors run Duval's scan (J.-P. Duval, "Factorizing words over an ordered alphabet",
// 1983): `period` is the shortest period of the prenecklace read so far. The first digit below its
// counterpart one period back breaks the property; the least prenecklace above the word has that
// counterpart there and goes on periodically.

BinaryPrenecklaces::BinaryPrenecklaces(unsigned length, State first, State last)
    : length_(length), next_(first), last_(last) {
  if (first >= State{1} << length) return;
  const auto digit = [&](unsigned i) { return (first >> (length - 1 - i)) & 1; };
  unsigned period = 1;
  for (unsigned i = 1; i < length; ++i) {
    if (digit(i) < digit(i - period)) {
      next_ = repeat_prefix(first & ~low_mask(length - period), period);
      break;
    }
    if (digit(i) > digit(i - period)) period = i + 1;
  }
  next_period_ = period;
}

DigitPrenecklaces::DigitPrenecklaces(unsigned length, unsigned order, State first, State last)
    : length_(length), order_(order), last_(last) {
  if (first >= last) {
    exhausted_ = true;
    return;
  }
  State rest = first;
  for (unsigned i = length; i-- > 0; rest /= order) {
    digits_[i] = static_cast<std::uint32_t>(rest % order);
  }
  unsigned period = 1;
  for (unsigned i = 1; i < length; ++i) {
    if (digits_[i] < digits_[i - period]) {
      repeat_prefix(period);
      return;
    }
    if (digits_[i] > digits_[i - period]) period = i + 1;
  }
}

void DigitPrenecklaces::repeat_prefix(unsigned period) {
  for (unsigned i = period; i < length_; ++i) digits_[i] = digits_[i - period];
}

std::optional<State> DigitPrenecklaces::next() {
  if (exhausted_) return std::nullopt;
  State candidate = 0;
  for (unsigned i = 0; i < length_; ++i) candidate = candidate * order_ + digits_[i];
  if (candidate >= last_) {
    exhausted_ = true;
    return std::nullopt;
  }
  unsigned raised = length_;
  while (raised > 0 && digits_[raised - 1] == order_ - 1) --raised;
  if (raised == 0) {
    exhausted_ = true;  // all digits are q-1: the last prenecklace of all
  } else {
    ++digits_[raised - 1];
    repeat_prefix(raised);
  }
  return candidate;
}

}  // namespace orbitmill
