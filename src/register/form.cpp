#include "orbitmill/register/form.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/register/symmetry.hpp"
#include "text_cursor.hpp"

namespace orbitmill {
namespace {

constexpr std::uint64_t saturated = std::numeric_limits<std::uint64_t>::max();

std::uint64_t multiply_saturated(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? saturated : product;
}

/// binomial(n, k), saturated.
std::uint64_t binomial(std::uint64_t n, std::uint64_t k) {
  if (k > n) return 0;
  std::uint64_t result = 1;
  for (std::uint64_t i = 1; i <= k; ++i) {
    // Exact at every step: result is binomial(n-k+i-1, i-1), whose product with n-k+i divides by i.
    const __uint128_t next = static_cast<__uint128_t>(result) * (n - k + i) / i;
    if (next >= saturated) return saturated;
    result = static_cast<std::uint64_t>(next);
  }
  return result;
}

/// Products as sets, for comparison.
std::vector<Form::Product> sorted_products(std::vector<Form::Product> products) {
  const auto before = [](const Form::Place& a, const Form::Place& b) {
    return std::pair(a.is_free, a.value) < std::pair(b.is_free, b.value);
  };
  for (Form::Product& product : products) std::ranges::sort(product, before);
  std::ranges::sort(products, [&](const Form::Product& a, const Form::Product& b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), before);
  });
  return products;
}

bool same_products(const std::vector<Form::Product>& a, const std::vector<Form::Product>& b) {
  const auto same_place = [](const Form::Place& x, const Form::Place& y) {
    return x.is_free == y.is_free && x.value == y.value;
  };
  return std::ranges::equal(a, b, [&](const Form::Product& x, const Form::Product& y) {
    return std::ranges::equal(x, y, same_place);
  });
}

/// Reads `x` and a letter or a number; letters are kept as their codes until all are known.
Form::Place read_place(TextCursor& cursor) {
  if (!cursor.accept_x()) cursor.fail_unexpected("a stage, such as x0 or xa");
  if (cursor.at_digit()) {
    const NumberText number = cursor.read_number();
    if (number.value >= max_register_length) {
      cursor.fail(number.column, fmt::format("stage {} is beyond the longest register, of {}",
                                             number.shown, max_register_length));
    }
    return {false, static_cast<std::uint32_t>(number.value)};
  }
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    if (cursor.accept(letter)) return {true, static_cast<std::uint32_t>(letter)};
  }
  cursor.fail_unexpected("a stage number or a letter a to z behind x");
}

Form::Product read_product(TextCursor& cursor) {
  Form::Product product;
  if (cursor.at('1')) {
    const NumberText number = cursor.read_number();
    if (number.value != 1) cursor.fail(number.column, "the only constant over GF(2) is 1");
    return product;
  }
  do {
    const std::size_t column = cursor.column();
    const Form::Place place = read_place(cursor);
    for (const Form::Place& other : product) {
      if (other.is_free != place.is_free || other.value != place.value) continue;
      cursor.fail(column, "this stage occurs twice in the product; write it once");
    }
    product.push_back(place);
    if (product.size() > Form::max_degree) {
      cursor.fail(column,
                  fmt::format("a product of a form has at most {} stages", Form::max_degree));
    }
  } while (cursor.accept('*'));
  return product;
}

}  // namespace

Form::Form(std::string_view text) {
  TextCursor cursor("form", text);
  bool has_x0 = false;
  while (true) {
    const std::size_t column = cursor.column();
    Product product = read_product(cursor);
    const auto is_x0 = [](const Place& place) { return !place.is_free && place.value == 0; };
    if (product.size() == 1 && is_x0(product.front())) {
      has_x0 = true;
    } else if (std::ranges::any_of(product, is_x0)) {
      cursor.fail(column,
                  "x0 occurs in a product, so every register is singular; make it a term "
                  "of its own");
    }
    products_.push_back(product);
    const auto sorted = sorted_products(products_);
    for (std::size_t i = 1; i < sorted.size(); ++i) {
      if (same_products({sorted[i - 1]}, {sorted[i]})) {
        cursor.fail(column, "this term is repeated; over GF(2) it would cancel; write it once");
      }
    }
    if (cursor.at_end()) break;
    const std::size_t sign = cursor.column();
    if (!cursor.accept('+')) cursor.fail_unexpected("\"*\", \"+\" or the end");
    if (cursor.at_end()) cursor.fail(sign, "nothing follows this sign; leave it out");
  }
  if (!has_x0) {
    cursor.fail(0, "x0 is not a term of its own, so every register is singular; add x0");
  }
  for (const Product& product : products_) {
    for (const Place& place : product) {
      const auto letter = static_cast<char>(place.value);
      if (place.is_free && letters_.find(letter) == std::string::npos) letters_ += letter;
    }
  }
  std::ranges::sort(letters_);
  for (Product& product : products_) {
    if (!text_.empty()) text_ += " + ";
    if (product.empty()) text_ += '1';
    for (std::size_t i = 0; i < product.size(); ++i) {
      Place& place = product[i];
      if (i > 0) text_ += '*';
      text_ += 'x';
      if (place.is_free) {
        text_ += static_cast<char>(place.value);
        place.value = static_cast<std::uint32_t>(letters_.find(static_cast<char>(place.value)));
      } else {
        text_ += std::to_string(place.value);
      }
    }
  }
}

std::uint32_t Form::greatest_stage() const noexcept {
  std::uint32_t greatest = 0;
  for (const Product& product : products_) {
    for (const Place& place : product) {
      if (!place.is_free) greatest = std::max(greatest, place.value);
    }
  }
  return greatest;
}

/// A search for letters that turn the form into a given register: term by term, stage by stage.
struct FormFamily::Match {
  static constexpr std::uint32_t unbound = ~std::uint32_t{0};

  const FormFamily& family;
  const Feedback& feedback;
  const Assignment* below;  ///< only assignments before this one, ascending within classes; or null
  Assignment stages = Assignment(family.form_.letters().size(), unbound);
  std::vector<bool> term_used = std::vector<bool>(feedback.terms.size(), false);

  bool from_product(std::size_t product) {
    const auto& products = family.form_.products();
    if (product == products.size()) return below == nullptr || stages < *below;
    for (std::size_t i = 0; i < feedback.terms.size(); ++i) {
      if (term_used[i] || feedback.terms[i].stages.size() != products[product].size()) continue;
      term_used[i] = true;
      if (from_place(product, 0, feedback.terms[i].stages, 0)) return true;
      term_used[i] = false;
    }
    return false;
  }

  /// `taken`: stages of the term that places before this one use, as bits.
  bool from_place(std::size_t product, std::size_t place, const std::vector<std::uint32_t>& term,
                  unsigned taken) {
    const Form::Product& places = family.form_.products()[product];
    if (place == places.size()) return from_product(product + 1);
    for (std::size_t i = 0; i < term.size(); ++i) {
      if ((taken >> i & 1U) != 0) continue;
      const unsigned now = taken | 1U << i;
      if (!places[place].is_free) {
        if (places[place].value == term[i] && from_place(product, place + 1, term, now))
          return true;
        continue;
      }
      std::uint32_t& stage = stages[places[place].value];
      if (stage != unbound) {
        if (stage == term[i] && from_place(product, place + 1, term, now)) return true;
        continue;
      }
      const auto [first, last] = family.ranges_[places[place].value];
      if (term[i] < first || term[i] > last) continue;
      stage = term[i];
      // Letters of a class are interchangeable: one order of their values stands for all.
      if (ascends(places[place].value) && from_place(product, place + 1, term, now)) {
        return true;
      }
      stage = unbound;
    }
    return false;
  }

  /// Is `letter` in order with the bound letters of its class?
  bool ascends(std::uint32_t letter) const {
    for (const std::uint32_t other : family.classes_[family.class_of_[letter]].letters) {
      if (other == letter || stages[other] == unbound) continue;
      if ((other < letter) != (stages[other] < stages[letter])) return false;
    }
    return true;
  }
};

FormFamily::FormFamily(const Form& form, std::uint32_t length,
                       const std::vector<StageRange>& ranges)
    : form_(form), length_(length) {
  if (length == 0 || length > max_register_length) {
    throw JobError(
        fmt::format("register length \"{}\": expected 1 to {}", length, max_register_length));
  }
  if (form.greatest_stage() >= length) {
    throw JobError(fmt::format("form \"{}\": stage {} does not exist in a register of length {}",
                               form.text(), form.greatest_stage(), length));
  }
  const std::string& letters = form_.letters();
  ranges_.assign(letters.size(), {1, length - 1});
  for (const StageRange& range : ranges) {
    const std::size_t letter = letters.find(range.letter);
    if (letter == std::string::npos) {
      throw JobError(
          fmt::format("range of \"{}\": the form \"{}\" has no x{}; its letters are \"{}\"",
                      range.letter, form.text(), range.letter, letters));
    }
    if (range.first == 0) {
      throw JobError(
          fmt::format("range of \"{}\": begins at 0; x0 is a term of its own, so free "
                      "stages begin at 1",
                      range.letter));
    }
    ranges_[letter] = {range.first, std::min(range.last, length - 1)};
  }
  for (std::uint32_t letter = 0; letter < letters.size(); ++letter) {
    const auto home = std::ranges::find_if(classes_, [&](const LetterClass& known) {
      return are_interchangeable(known.letters.front(), letter);
    });
    class_of_.push_back(static_cast<std::uint32_t>(home - classes_.begin()));
    if (home != classes_.end()) {
      home->letters.push_back(letter);
      continue;
    }
    const auto [first, last] = ranges_[letter];
    classes_.push_back({{letter}, first, last >= first ? last - first + 1 : 0, 0});
  }
  for (LetterClass& letter_class : classes_) {
    letter_class.combinations = binomial(letter_class.values, letter_class.letters.size());
    combinations_ = letter_class.combinations == 0
                        ? 0
                        : multiply_saturated(combinations_, letter_class.combinations);
  }
}

/// Does exchanging the two letters leave the form, and what it may take, as it is? A transposition
/// with a third letter makes this transitive, so a class can be tested by its first letter.
bool FormFamily::are_interchangeable(std::uint32_t a, std::uint32_t b) const {
  if (ranges_[a] != ranges_[b]) return false;
  std::vector<Form::Product> exchanged = form_.products();
  for (Form::Product& product : exchanged) {
    for (Form::Place& place : product) {
      if (!place.is_free) continue;
      if (place.value == a) {
        place.value = b;
      } else if (place.value == b) {
        place.value = a;
      }
    }
  }
  return same_products(sorted_products(exchanged), sorted_products(form_.products()));
}

/// Nothing where two stages of a product, or two terms, are the same.
std::optional<Feedback> FormFamily::assemble(const Assignment& stages) const {
  Feedback feedback;
  for (const Form::Product& product : form_.products()) {
    Term term;
    for (const Form::Place& place : product) {
      term.stages.push_back(place.is_free ? stages[place.value] : place.value);
    }
    feedback.terms.push_back(std::move(term));
  }
  feedback.sort_terms();
  for (std::size_t i = 0; i < feedback.terms.size(); ++i) {
    const auto& own = feedback.terms[i].stages;
    if (std::ranges::adjacent_find(own) != own.end()) return std::nullopt;
    if (i > 0 && own == feedback.terms[i - 1].stages) return std::nullopt;
  }
  return feedback;
}

std::optional<Feedback> FormFamily::unrank(std::uint64_t index) const {
  Assignment stages(form_.letters().size());
  for (const LetterClass& letter_class : classes_) {
    std::uint64_t rank = index % letter_class.combinations;
    index /= letter_class.combinations;
    // The combinations in lexicographic order: how many begin with this value?
    std::uint32_t value = 0;
    std::size_t left = letter_class.letters.size();
    for (const std::uint32_t letter : letter_class.letters) {
      --left;
      for (;; ++value) {
        const std::uint64_t here = binomial(letter_class.values - value - 1, left);
        if (rank < here) break;
        rank -= here;
      }
      stages[letter] = letter_class.first + value++;
    }
  }
  std::optional<Feedback> feedback = assemble(stages);
  if (!feedback || has_lesser_assignment(*feedback, stages)) return std::nullopt;
  const std::optional<Feedback> least = least_member(*feedback);
  if (!least || *least != *feedback) return std::nullopt;
  return feedback;
}

bool FormFamily::has_lesser_assignment(const Feedback& feedback, const Assignment& stages) const {
  Match match{*this, feedback, &stages};
  return match.from_product(0);
}

bool FormFamily::contains(const Feedback& feedback) const {
  if (feedback.terms.size() != form_.products().size()) return false;
  Match match{*this, feedback, nullptr};
  return match.from_product(0);
}

std::optional<Feedback> FormFamily::least_member(const Feedback& feedback) const {
  std::optional<Feedback> least;
  std::string least_key;
  const auto offer = [&](const Feedback& other) {
    if (other.terms.size() != form_.products().size()) return;
    std::string key = register_key(2, length_, other);
    if ((least && key >= least_key) || !contains(other)) return;
    least = other;
    least_key = std::move(key);
  };
  const auto offer_both_ways = [&](const Feedback& other) {
    offer(other);
    offer(reciprocal_feedback(other, length_, field_));
  };
  offer_both_ways(feedback);
  if (const auto complement = complement_feedback(feedback, field_)) offer_both_ways(*complement);
  return least;
}

}  // namespace orbitmill
