#include "orbitmill/results/verify.hpp"

// The complete type of the hash state.
#define XXH_STATIC_LINKING_ONLY
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <random>

#include "orbitmill/decompose/certificate.hpp"
#include "orbitmill/decompose/closed_form.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/results/result_file.hpp"
#include "plain_walker.hpp"

namespace orbitmill {

namespace {

using Outcome = VerifyCheck::Outcome;

/// Large numbers in a message: the first digits and how many there are.
std::string shown(const Integer& value) {
  std::string text = value.get_str();
  if (text.size() <= 40) return text;
  return fmt::format("{}... ({} digits)", text.substr(0, 20), text.size());
}
/// A row with what the index and the sequences say about its place.
struct PlacedRow {
  CycleRow row;
  std::uint64_t number = 0;
  std::uint64_t base = 0;  ///< sum of the lengths of the rows above
};

class Verification {
 public:
  Verification(const std::filesystem::path& file, const VerifyOptions& options)
      : options_(options),
        reader_(file, Trust::readable),
        record_(reader_.record()),
        register_(record_.register_spec) {
    report_.file = file;
    if (options_.steps == 0)
      options_.steps = std::uint64_t{1} << (register_.field().order() == 2 ? 26 : 22);
  }

  VerifyReport run() {
    check_histogram();
    check_certificate();
    check_theory();
    const bool walkable = register_.is_exhaustible() && register_.is_nonsingular();
    if (walkable) walk_states();
    guarded("cycle table", [&] { check_table(); });
    if (walkable && table_is_sound_) guarded("cycles walked", [&] { walk_rows(); });
    report_places();
    return std::move(report_);
  }

 private:
  void add(std::string name, Outcome outcome, std::string detail) {
    report_.checks.push_back({std::move(name), outcome, std::move(detail)});
  }
  void pass(std::string name, std::string detail) {
    add(std::move(name), Outcome::passed, std::move(detail));
  }
  void fail(std::string name, std::string detail) {
    add(std::move(name), Outcome::failed, std::move(detail));
  }
  void skip(std::string name, std::string why) {
    add(std::move(name), Outcome::not_checked, std::move(why));
  }
  template <class Value>
  bool equal(const char* name, const Value& found, const Value& expected, const char* of) {
    if (found == expected) {
      pass(name, fmt::format("{} {}", shown(found), of));
    } else {
      fail(name, fmt::format("found {}, expected {} {}", shown(found), shown(expected), of));
    }
    return found == expected;
  }
  /// A part of the file that turns out unreadable is a failed check, not the end of the others.
  void guarded(const char* name, const std::function<void()>& action) {
    try {
      action();
    } catch (const IoError& error) {
      fail(name, error.what());
    }
  }

  void check_histogram();
  void check_certificate();
  void check_theory();
  void walk_states();
  void check_table();
  void check_rows();
  bool check_order(const PlacedRow& placed, const CycleRow* previous);
  void walk_rows();
  void walk_row(const PlacedRow& placed);
  bool check_milestone(const PlacedRow& placed, State state, std::uint64_t phase);
  void report_places();

  VerifyOptions options_;
  ResultReader reader_;
  const DecompositionRecord& record_;
  Register register_;
  VerifyReport report_;
  std::mt19937_64 random_{20261121};

  std::map<State, std::uint64_t> walked_cycles_;  ///< of states drawn at random: leader, length
  bool table_is_sound_ = false;
  std::vector<PlacedRow> sample_;

  std::optional<PlainWalker> walker_;
  std::optional<MilestoneMap> milestones_;
  std::uint64_t rows_walked_ = 0, rows_too_long_ = 0, steps_left_ = 0;
  std::uint64_t milestones_read_ = 0, symbols_read_ = 0;
  std::string row_fault_, milestone_fault_, sequence_fault_;  ///< the first of each kind
};

void Verification::check_histogram() {
  Integer previous = 0;
  for (const ExactHistogramEntry& entry : record_.histogram) {
    if (entry.length <= previous || entry.count == 0) {
      fail("histogram order",
           entry.count == 0 ? fmt::format("length {} has count 0", shown(entry.length))
                            : fmt::format("length {} stands behind length {}, expected ascending",
                                          shown(entry.length), shown(previous)));
      return;
    }
    previous = entry.length;
  }
  pass("histogram order", fmt::format("{} lengths, ascending", record_.histogram.size()));
}

void Verification::check_certificate() {
  const Certificate& certificate = record_.certificate;
  const std::uint32_t n = register_.length();
  const Integer q(register_.field().order());
  const Integer states = power(q, n);
  equal("states", certificate.states, states, "= q^n");

  // c_0 = ... = c_(h-1) = 0: h stages never reach the feedback.
  std::uint32_t height = 0;
  if (register_.is_nonsingular()) {
    equal("transient states", certificate.transient_states, Integer(0),
          "of a nonsingular register");
  } else if (!register_.feedback().is_affine()) {
    fail("register", "found a singular one with products, expected a bijective step");
  } else {
    while (height < n && register_.feedback().linear_coefficient(height) == 0) ++height;
    equal("transient states", certificate.transient_states, Integer(states - power(q, n - height)),
          "= q^n - q^(n-h)");
  }
  if (certificate.height != height)
    fail("height", fmt::format("found {}, expected {}", certificate.height, height));

  const HistogramSums sums = sums_of(record_.histogram);
  const Integer accounted = sums.states + certificate.transient_states;
  equal("histogram sum", accounted, states, "= q^n, the sum of length x count");
  equal("states accounted", certificate.states_accounted, accounted, "states");
  equal("number of cycles", certificate.cycles, sums.cycles, "cycles");
  if (certificate.complete && accounted == states)
    pass("complete", "the flag is set, and the sum is q^n");
  else
    fail("complete", fmt::format("found the flag {}, expected 1 and a sum of q^n",
                                 certificate.complete ? 1 : 0));
  if (certificate.checksum_of == ChecksumOf::cycles) {
    if (!record_.has_cycles) fail("checksum", "found no cycle table, of which it is the checksum");
    return;  // with the table
  }
  const ExactChecksum checksum = exact_checksum(record_.histogram);
  if (checksum.of != certificate.checksum_of || checksum.value != certificate.checksum)
    fail("checksum", fmt::format("found {:016x}, expected {:016x} for this histogram",
                                 certificate.checksum, checksum.value));
  else
    pass("checksum", fmt::format("{:016x} of the histogram", checksum.value));
}

void Verification::check_theory() {
  const Certificate& certificate = record_.certificate;
  const bool affine = register_.feedback().is_affine();
  if ((certificate.theory == Theory::not_linear) == affine)
    fail("theory", fmt::format("found the register called {}, expected {}",
                               affine ? "not linear" : "linear", affine ? "linear" : "not linear"));
  if (!affine) {
    skip("theory", "there is none for a register with products");
    return;
  }
  // A length that the states contradict would be a long computation about another register.
  if (certificate.states != power(Integer(register_.field().order()), register_.length())) {
    skip("theory", "the number of states is wrong");
    return;
  }
  ExactHistogram predicted;
  try {
    predicted = closed_form(register_).histogram;
  } catch (const JobError& error) {
    skip("theory", error.what());
    return;
  }
  const auto wrong = first_difference(record_.histogram, predicted);
  if (wrong)
    fail("theory", fmt::format("in the histogram, {}", *wrong));
  else
    pass("theory", "the characteristic polynomial predicts this histogram");
  if (certificate.theory != Theory::agrees) return;
  if (const auto stale = first_difference(certificate.predicted, predicted))
    fail("stored prediction", fmt::format("in the prediction, {}", *stale));
  else
    pass("stored prediction", "the same");
}

/// States drawn at random lead to cycles that the file must know: this finds cycles that are
/// missing, where the sums were made to fit.
void Verification::walk_states() {
  walker_.emplace(register_);
  std::uint64_t left = options_.steps / 2;
  constexpr unsigned most = 1000;
  std::uint64_t walked = 0, too_long = 0;
  std::string unknown;
  std::uniform_int_distribution<State> draw(0, register_.state_count() - 1);
  for (unsigned i = 0; i < most && left > 0; ++i) {
    const auto cycle = walker_->cycle_of(draw(random_), left);
    if (!cycle) {
      ++too_long;
      if (!record_.histogram.empty() && record_.histogram.back().length <= to_integer(left)) {
        unknown = fmt::format("found a cycle of more than {} states, expected none above {}", left,
                              record_.histogram.back().length.get_str());
      }
      break;  // the rest of the budget is gone
    }
    left -= cycle->length;
    ++walked;
    walked_cycles_.insert_or_assign(cycle->leader, cycle->length);
    const auto known = std::ranges::find(record_.histogram, to_integer(cycle->length),
                                         &ExactHistogramEntry::length);
    if (known == record_.histogram.end() && unknown.empty())
      unknown = fmt::format(
          "found a cycle of length {} with leader {}, expected one of a length of "
          "the histogram",
          cycle->length, cycle->leader);
  }
  if (!unknown.empty())
    fail("states walked", unknown);
  else if (walked == 0)
    skip("states walked",
         fmt::format("the cycle of the state drawn is longer than {} steps", options_.steps / 2));
  else
    pass("states walked",
         fmt::format("{} states drawn at random lie on {} cycles of known lengths{}", walked,
                     walked_cycles_.size(), too_long > 0 ? "; one more was too long" : ""));
}

void Verification::check_table() {
  if (!record_.has_cycles) {
    skip("cycle table", "the file has none");
    return;
  }
  if (!register_.is_exhaustible() || !register_.is_nonsingular()) {
    fail("cycle table", "found one, expected none for a register that is not walked");
    return;
  }
  if (!equal("cycle table rows", to_integer(reader_.cycle_rows()),
             sums_of(record_.histogram).cycles, "cycles"))
    return;
  check_rows();
}

/// What is wrong with one row, given the one above.
bool Verification::check_order(const PlacedRow& placed, const CycleRow* previous) {
  const CycleRow& row = placed.row;
  std::string fault;
  if (row.leader >= register_.state_count())
    fault = fmt::format("found leader {}, expected a state below {}", row.leader,
                        register_.state_count());
  else if (row.length == 0 || row.length > register_.state_count() - placed.base)
    fault = fmt::format("found length {}, expected 1 to {}", row.length,
                        register_.state_count() - placed.base);
  else if (previous != nullptr && row.leader <= previous->leader)
    fault = fmt::format("found leader {} behind leader {}, expected ascending", row.leader,
                        previous->leader);
  if (fault.empty()) return true;
  fail("cycle table order", fmt::format("row {}: {}", placed.number, fault));
  return false;
}

void Verification::check_rows() {
  // Read block by block: the table may be larger than the memory of whoever asks.
  XXH64_state_t hash;
  XXH64_reset(&hash, 0);
  std::map<std::uint64_t, std::uint64_t> counts;
  std::map<State, std::uint64_t> wanted = walked_cycles_;
  std::string wrong_length;
  constexpr std::size_t sample_size = 100'000;
  const std::size_t wanted_rows = std::min<std::uint64_t>(options_.rows, sample_size);
  std::optional<CycleRow> previous;
  PlacedRow placed;
  for (std::uint64_t first = 0;; first += table_chunk_rows) {
    const std::vector<CycleRow> rows = reader_.cycles(first, table_chunk_rows);
    if (rows.empty()) break;
    XXH64_update(&hash, rows.data(), rows.size() * sizeof(CycleRow));
    for (const CycleRow& row : rows) {
      placed.row = row;
      if (!check_order(placed, previous ? &*previous : nullptr)) return;
      ++counts[row.length];
      if (const auto walked = wanted.find(row.leader); walked != wanted.end()) {
        if (walked->second != row.length && wrong_length.empty())
          wrong_length = fmt::format("leader {}: found length {}, expected {} by walking",
                                     row.leader, row.length, walked->second);
        wanted.erase(walked);
      }
      // Algorithm R (Vitter, "Random sampling with a reservoir", 1985): every row alike.
      if (sample_.size() < wanted_rows) {
        sample_.push_back(placed);
      } else if (const std::uint64_t slot = random_() % (placed.number + 1); slot < wanted_rows) {
        sample_[slot] = placed;
      }
      previous = row;
      placed.base += row.length;
      ++placed.number;
    }
  }
  table_is_sound_ = true;
  pass("cycle table order", fmt::format("{} leaders, ascending", placed.number));
  ExactHistogram histogram;
  for (const auto& [length, count] : counts)
    histogram.push_back({to_integer(length), to_integer(count)});
  if (const auto difference = first_difference(histogram, record_.histogram))
    fail("cycle table histogram", fmt::format("in the table, {} by /histogram", *difference));
  else
    pass("cycle table histogram", "that of the file");
  const std::uint64_t checksum = XXH64_digest(&hash);
  if (record_.certificate.checksum_of == ChecksumOf::cycles) {
    if (checksum == record_.certificate.checksum)
      pass("checksum", fmt::format("{:016x} of the cycle table", checksum));
    else
      fail("checksum", fmt::format("found {:016x}, expected {:016x} for this cycle table",
                                   record_.certificate.checksum, checksum));
  }
  if (!wrong_length.empty())
    fail("walked states in table", wrong_length);
  else if (!wanted.empty())
    fail("walked states in table",
         fmt::format("found no row with leader {}, expected one of length {} by walking",
                     wanted.begin()->first, wanted.begin()->second));
  else if (!walked_cycles_.empty())
    pass("walked states in table", fmt::format("{} cycles found again", walked_cycles_.size()));
}

bool Verification::check_milestone(const PlacedRow& placed, State state, std::uint64_t phase) {
  // Each costs a search in the file.
  constexpr std::uint64_t most = 20'000;
  if (milestones_read_ == most || !milestone_fault_.empty()) return false;
  ++milestones_read_;
  const std::uint64_t expected = placed.base + phase;
  const std::uint64_t found = reader_.milestone_position(milestones_->index_of(state));
  if (found != expected)
    milestone_fault_ =
        fmt::format("milestone {}: found position {}, expected {}", state, found, expected);
  return true;
}

void Verification::walk_row(const PlacedRow& placed) {
  const auto [leader, length] = placed.row;
  std::vector<std::uint8_t> symbols;
  if (record_.has_sequences && sequence_fault_.empty()) {
    const auto offsets = reader_.sequence_offsets(placed.number, 2);
    if (offsets.size() != 2 || offsets[0] != placed.base || offsets[1] != placed.base + length)
      sequence_fault_ = fmt::format("row {}: found other offsets, expected {} and {}",
                                    placed.number, placed.base, placed.base + length);
    else
      symbols = reader_.symbols(placed.base, length);
  }
  State state = leader;
  std::uint64_t step = 0;
  do {
    if (step < symbols.size() && sequence_fault_.empty() &&
        symbols[step] != state % register_.field().order())
      sequence_fault_ = fmt::format("row {}: found symbol {} at {}, expected {}", placed.number,
                                    symbols[step], step, state % register_.field().order());
    if (milestones_ && milestone_fault_.empty() && milestones_->is_milestone(state))
      check_milestone(placed, state, step);
    state = walker_->next(state);
    ++step;
    if (state < leader) {
      row_fault_ = fmt::format(
          "row {}: found leader {}, expected a state that is least on its "
          "cycle, and {} is on it",
          placed.number, leader, state);
      return;
    }
  } while (state != leader && step < length);
  symbols_read_ += symbols.size();
  steps_left_ -= std::min(step, steps_left_);
  ++rows_walked_;
  if (state != leader)
    row_fault_ = fmt::format("row {}: found length {}, expected more: leader {} is not back yet",
                             placed.number, length, leader);
  else if (step != length)
    row_fault_ = fmt::format("row {}: found length {}, expected {} for leader {}", placed.number,
                             length, step, leader);
}

void Verification::walk_rows() {
  if (record_.index_zeros > 0) milestones_.emplace(register_, record_.index_zeros);
  steps_left_ = options_.all ? VerifyOptions::no_limit : options_.steps;
  const auto visit = [&](const PlacedRow& placed) {
    if (!row_fault_.empty()) return;
    if (placed.row.length > steps_left_)
      ++rows_too_long_;
    else
      walk_row(placed);
  };
  const std::uint64_t total = reader_.cycle_rows();
  if (options_.all) {
    PlacedRow placed;
    for (std::uint64_t first = 0; first < total && row_fault_.empty(); first += table_chunk_rows) {
      for (const CycleRow& row : reader_.cycles(first, table_chunk_rows)) {
        placed.row = row;
        visit(placed);
        placed.base += row.length;
        ++placed.number;
      }
    }
  } else {
    std::ranges::shuffle(sample_, random_);
    for (const PlacedRow& placed : sample_) visit(placed);
  }
  const std::string count = fmt::format("{} of {} rows walked", rows_walked_, total);
  if (!row_fault_.empty())
    fail("cycles walked", row_fault_);
  else if (rows_walked_ == 0 && total > 0)
    skip("cycles walked",
         fmt::format("none of the rows drawn fits into {} steps; see --all", options_.steps));
  else
    pass("cycles walked",
         rows_too_long_ == 0
             ? count
             : fmt::format("{}; {} longer than what was left of {} steps were not (see --all)",
                           count, rows_too_long_, options_.steps));
}

void Verification::report_places() {
  if (record_.index_zeros > 0) {
    if (!milestone_fault_.empty())
      fail("index", milestone_fault_);
    else if (milestones_read_ == 0)
      skip("index", "no row with a milestone was walked");
    else
      pass("index", fmt::format("{} positions compared", milestones_read_));
  }
  if (record_.has_sequences) {
    if (!sequence_fault_.empty())
      fail("sequences", sequence_fault_);
    else if (symbols_read_ == 0)
      skip("sequences", "no row was walked");
    else
      pass("sequences", fmt::format("{} symbols compared", symbols_read_));
  }
}

}  // namespace

VerifyReport verify(const std::filesystem::path& file, const VerifyOptions& options) {
  return Verification(file, options).run();
}

}  // namespace orbitmill
