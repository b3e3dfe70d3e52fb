#include "orbitmill/kernel/digit_stepper.hpp"

#include <algorithm>
#include <bit>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

__extension__ using Wide = unsigned __int128;

}  // namespace

DigitWalks::DigitWalks(unsigned length, unsigned order)
    : length_(length), order_(order), newest_(length - 1), rows_(length + slack) {}

void DigitWalks::place(unsigned lane, State start) {
  state[lane] = start;
  for (unsigned stage = 0; stage < length_; ++stage) {
    rows_[newest_ - stage][lane] = static_cast<std::uint32_t>(start % order_);
    start /= order_;
  }
}

DigitStepper::DigitStepper(const Register& reg)
    : length_(reg.length()),
      order_(reg.field().order()),
      characteristic_(reg.field().characteristic()),
      degree_(reg.field().degree()) {
  const Field& field = reg.field();
  const Feedback& feedback = reg.feedback();
  if (!feedback.is_affine() || !reg.is_nonsingular() || !reg.is_exhaustible()) {
    throw InternalError("the digit kernel got a register it does not cover");
  }
  top_weight_ = 1;
  for (unsigned i = 1; i < length_; ++i) top_weight_ *= order_;

  sum_ = characteristic_ == 2 ? DigitSum::exclusive_or
         : degree_ == 1       ? DigitSum::residue
                              : DigitSum::spread_digits;
  // A digit of the sum is at most (terms)(p-1): wide enough that no digit carries into the next.
  // q^n < 2^63 keeps degree * digit_bits below 64: few taps fit when q is large.
  const auto terms = static_cast<unsigned>(feedback.terms.size());
  digit_bits_ = static_cast<unsigned>(std::bit_width(terms * (characteristic_ - 1)));
  if (sum_ == DigitSum::spread_digits && digit_bits_ * degree_ > 64) {
    throw InternalError("the digit kernel cannot spread the elements of this field over a word");
  }
  reciprocal_ = ~std::uint64_t{0} / characteristic_ + 1;

  const Element first = field.inverse(feedback.linear_coefficient(0));
  const auto add_tap = [&](unsigned back, Element coefficient) {
    Tap tap{back, std::vector<std::uint64_t>(order_)};
    for (Element x = 0; x < order_; ++x) tap.product[x] = summable(field.multiply(coefficient, x));
    taps_.push_back(std::move(tap));
  };
  add_tap(length_ - 1, first);
  for (const Term& term : feedback.terms) {
    const Element coefficient = field.negate(field.multiply(first, term.coefficient));
    if (term.stages.empty()) {
      constant_ = summable(coefficient);
    } else if (term.stages.front() != 0) {
      add_tap(term.stages.front() - 1, coefficient);
    }
  }
}

std::uint64_t DigitStepper::summable(Element value) const {
  if (sum_ != DigitSum::spread_digits) return value;
  std::uint64_t spread = 0;
  for (unsigned digit = 0; digit < degree_; ++digit) {
    spread |= std::uint64_t{value % characteristic_} << (digit * digit_bits_);
    value /= characteristic_;
  }
  return spread;
}

template <DigitSum sum>
Element DigitStepper::reduce(std::uint64_t value) const {
  if constexpr (sum == DigitSum::exclusive_or) return static_cast<Element>(value);
  // value mod p without a division (Lemire, Kaser, Kurz, "Faster remainder by direct computation",
  // 2019): exact for p and value below 2^32.
  const auto modulo = [this](std::uint64_t residue) {
    const std::uint64_t fraction = reciprocal_ * residue;
    return static_cast<Element>((static_cast<Wide>(fraction) * characteristic_) >> 64);
  };
  if constexpr (sum == DigitSum::residue) return modulo(value);
  Element element = 0;
  for (unsigned digit = degree_; digit-- > 0;) {
    const std::uint64_t part =
        (value >> (digit * digit_bits_)) & ((std::uint64_t{1} << digit_bits_) - 1);
    element = element * characteristic_ + modulo(part);
  }
  return element;
}

template <DigitSum sum>
void DigitStepper::step_with(DigitWalks& walks) const {
  if (walks.newest_ + 1 == walks.rows_.size()) {
    std::copy(walks.rows_.end() - length_, walks.rows_.end(), walks.rows_.begin());
    walks.newest_ = length_ - 1;
  }
  const DigitWalks::Row* newest = &walks.rows_[walks.newest_];
  std::array<std::uint64_t, digit_lanes> value;
  value.fill(constant_);
  for (const Tap& tap : taps_) {
    const DigitWalks::Row& row = *(newest - tap.back);
    const std::uint64_t* product = tap.product.data();
    for (unsigned lane = 0; lane < digit_lanes; ++lane) {
      if constexpr (sum == DigitSum::exclusive_or) {
        value[lane] ^= product[row[lane]];
      } else {
        value[lane] += product[row[lane]];
      }
    }
  }
  const DigitWalks::Row& oldest = *(newest - (length_ - 1));
  ++walks.newest_;
  DigitWalks::Row& fresh = walks.rows_[walks.newest_];
  for (unsigned lane = 0; lane < digit_lanes; ++lane) {
    const Element y = reduce<sum>(value[lane]);
    walks.state[lane] = (walks.state[lane] - oldest[lane] * top_weight_) * order_ + y;
    fresh[lane] = y;
  }
}

void DigitStepper::step(DigitWalks& walks) const {
  switch (sum_) {
    case DigitSum::exclusive_or:
      return step_with<DigitSum::exclusive_or>(walks);
    case DigitSum::residue:
      return step_with<DigitSum::residue>(walks);
    case DigitSum::spread_digits:
      return step_with<DigitSum::spread_digits>(walks);
  }
}

}  // namespace orbitmill
