#include "orbitmill/decompose/state_table.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

constexpr std::uint64_t narrow_states = std::uint64_t{1} << 15;

/// 64 values of stage i < 6, for the states 64 w ... 64 w + 63.
constexpr std::array<std::uint64_t, 6> stage_in_word = {
    0xaaaa'aaaa'aaaa'aaaa, 0xcccc'cccc'cccc'cccc, 0xf0f0'f0f0'f0f0'f0f0,
    0xff00'ff00'ff00'ff00, 0xffff'0000'ffff'0000, 0xffff'ffff'0000'0000};

/// truth ^= the product of the stages, for all states.
void add_product(std::span<const std::uint32_t> stages, std::vector<std::uint64_t>& truth) {
  std::uint64_t pattern = ~std::uint64_t{0};
  std::uint64_t words_with = 0;  // stages above the word: bits of its number
  for (const std::uint32_t stage : stages) {
    if (stage < stage_in_word.size()) {
      pattern &= stage_in_word[stage];
    } else {
      words_with |= std::uint64_t{1} << (stage - stage_in_word.size());
    }
  }
  for (std::uint64_t w = 0; w < truth.size(); ++w) {
    truth[w] ^= (w & words_with) == words_with ? pattern : 0;
  }
}

/// All ones where bit i of the byte is set, for i = 0 ... 7.
template <class Entry>
constexpr auto make_masks() {
  std::array<std::array<Entry, 8>, 256> masks{};
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (unsigned i = 0; i < 8; ++i) {
      masks[byte][i] = (byte >> i & 1) != 0 ? static_cast<Entry>(~Entry{0}) : Entry{0};
    }
  }
  return masks;
}

/// next[s] = s / 2 + f(s) 2^(n-1), eight states at a time: the compiler makes a few vector
/// operations of them. Entries up to the next multiple of 64 are written.
template <class Entry>
void fill_binary(const std::vector<std::uint64_t>& truth, unsigned length, Entry* next) {
  static constexpr auto masks = make_masks<Entry>();
  const auto top = static_cast<Entry>(Entry{1} << (length - 1));
  Entry half = 0;
  for (std::uint64_t word : truth) {
    for (unsigned byte = 0; byte < 8; ++byte, word >>= 8, half += 4, next += 8) {
      const std::array<Entry, 8>& mask = masks[word & 0xff];
      for (unsigned i = 0; i < 8; ++i) {
        next[i] = static_cast<Entry>((half + i / 2) | (mask[i] & top));
      }
    }
  }
}

template <class Entry>
void fill_affine(const std::vector<std::uint16_t>& symbols, std::uint64_t order, Entry* next) {
  const std::uint64_t top_weight = symbols.size() / order;
  std::uint64_t state = 0;
  for (std::uint64_t rest = 0; rest < top_weight; ++rest) {
    for (std::uint64_t digit = 0; digit < order; ++digit, ++state) {
      next[state] = static_cast<Entry>(rest + symbols[state] * top_weight);
    }
  }
}

/// Walks all places of a book whose entries are permuted by "goes to".
template <class Entry, unsigned lanes>
class TableWalk {
 public:
  TableWalk(ChainBook<Entry, lanes>& book, Entry* entries, LengthCounts& counts)
      : book_(book), entries_(entries), counts_(counts) {}

  void run() {
    std::array<Entry, lanes> next{};  // where each lane goes
    for (unsigned lane = 0; lane < lanes; ++lane) next[lane] = start(lane);
    while (live_lanes_ == lanes) {
      ++step_;
      for (unsigned lane = 0; lane < lanes; ++lane) advance(lane, next);
    }
    // A lane found no place to start from: all states are visited, and every lane is in front of
    // the start of a chain.
    while (live_lanes_ > 0) {
      ++step_;
      for (unsigned lane = 0; lane < lanes; ++lane) {
        if (live_[lane]) advance(lane, next);
      }
    }
  }

 private:
  [[gnu::always_inline]] void advance(unsigned lane, std::array<Entry, lanes>& next) {
    const Entry entry = book_.visit(entries_, next[lane]);
    next[lane] = book_.is_free(entry) ? entry : end_chain(lane, next[lane]);
  }

  /// Returns where the lane goes from its new start.
  [[gnu::noinline]] Entry end_chain(unsigned lane, Entry place) {
    const std::uint64_t length = book_.meet(lane, place, step_);
    if (length != 0) counts_.add(length);
    --live_lanes_;
    return start(lane);
  }

  Entry start(unsigned lane) {
    const auto place = book_.free_place();
    live_[lane] = place.has_value();
    if (!place) return 0;
    ++live_lanes_;
    return book_.open(lane, *place, step_);
  }

  ChainBook<Entry, lanes>& book_;
  Entry* entries_;
  LengthCounts& counts_;
  std::array<bool, lanes> live_{};
  unsigned live_lanes_ = 0;
  std::uint64_t step_ = 0;
};

}  // namespace

void StateTable::count_cycles(const Register& reg, LengthCounts& counts) {
  if (reg.state_count() > max_states) throw InternalError("a table of states would be too large");
  if (reg.state_count() <= narrow_states) {
    count_in(reg, book_, counts);
  } else {
    count_in(reg, wide_book_, counts);
  }
}

template <class Entry>
void StateTable::count_in(const Register& reg, Book<Entry>& book, LengthCounts& counts) {
  const std::uint64_t states = reg.state_count();
  Entry* entries = nullptr;
  if (reg.field().order() == 2) {
    make_truth_table(reg);
    entries = book.reset_unfilled(64 * truth_.size());
    fill_binary(truth_, reg.length(), entries);
    book.reset_unfilled(states);
  } else {
    make_symbols(reg);
    entries = book.reset_unfilled(states);
    fill_affine(symbols_, reg.field().order(), entries);
  }
  TableWalk<Entry, lanes>(book, entries, counts).run();
}

void StateTable::make_truth_table(const Register& reg) {
  truth_.assign((reg.state_count() + 63) / 64, 0);
  for (const Term& term : reg.feedback().terms) add_product(term.stages, truth_);
}

void StateTable::make_symbols(const Register& reg) {
  const Field& field = reg.field();
  const std::uint64_t order = field.order();
  const std::uint64_t states = reg.state_count();
  symbols_.resize(states);
  row_.resize(order);
  symbols_[0] = static_cast<std::uint16_t>(reg.feedback().constant());
  std::uint64_t weight = 1;
  for (std::uint32_t stage = 0; stage < reg.length(); ++stage, weight *= order) {
    const Element coefficient = reg.feedback().linear_coefficient(stage);
    for (std::uint64_t digit = 1; digit < order; ++digit) {
      const Element change = field.multiply(coefficient, static_cast<Element>(digit));
      std::uint16_t* const symbols = symbols_.data() + digit * weight;
      if (stage == 0) {
        *symbols = static_cast<std::uint16_t>(field.add(symbols_[0], change));
        continue;
      }
      for (Element a = 0; a < order; ++a)
        row_[a] = static_cast<std::uint16_t>(field.add(a, change));
      for (std::uint64_t s = 0; s < weight; ++s) symbols[s] = row_[symbols_[s]];
    }
  }
}

}  // namespace orbitmill
