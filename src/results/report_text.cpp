#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "certificate_text.hpp"
#include "number_text.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/results/report.hpp"

namespace orbitmill {

namespace {

constexpr std::size_t width = 80;
constexpr std::size_t label_width = 11;  ///< "register   "

/// One line of printable text, blanks run together: what comes from a file must not steer the
/// terminal, nor leave blanks at the end of a line.
std::string printable(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    const bool blank = code <= 0x20 || code == 0x7f;
    if (!blank)
      clean.push_back(c);
    else if (!clean.empty() && clean.back() != ' ')
      clean.push_back(' ');
  }
  if (clean.ends_with(' ')) clean.pop_back();
  return clean;
}

/// A label and a value, continued under the value at blanks and commas, or anywhere in a word that
/// is longer than a line.
void print_field(std::ostream& out, std::string_view label, std::string_view value) {
  const std::string clean = printable(value);
  std::string_view rest = clean;
  const std::size_t room = width - label_width;
  do {
    std::size_t cut = rest.size();
    if (rest.size() > room) {
      const std::size_t blank = rest.rfind(' ', room);
      const std::size_t comma = rest.rfind(',', room - 1);
      cut = room;
      if (blank != std::string_view::npos && blank > 0)
        cut = blank;
      else if (comma != std::string_view::npos)
        cut = comma + 1;
      else
        // Not inside a UTF-8 character.
        while (cut > 1 && (static_cast<unsigned char>(rest[cut]) & 0xc0) == 0x80) --cut;
    }
    std::string line = fmt::format("{:<{}}{}", label, label_width, rest.substr(0, cut));
    line.erase(line.find_last_not_of(' ') + 1);  // a title may end with blanks
    out << line << '\n';
    rest.remove_prefix(cut);
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    label = "";
  } while (!rest.empty());
}

/// "69.4425 %". What exists is never shown as nothing, nor what is not all as all.
std::string percentage(const Integer& part, const Integer& whole) {
  const double percent = mpq_class(100 * part, whole).get_d();
  if (part > 0 && percent < 0.0001) return "< 0.0001 %";
  if (part < whole && percent >= 99.99995) return "> 99.9999 %";
  return fmt::format("{:.4f} %", percent);
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

/// "2^24".
std::string power_text(const DecompositionRecord& record) {
  return fmt::format("{}^{}", record.register_spec.field_order, record.register_spec.length);
}

/// "2^24 = 16777216", or "2^1279 (386 digits)".
std::string power_and_value(const DecompositionRecord& record) {
  const Integer& states = record.certificate.states;
  const std::string value = described(states, record.register_spec.field_order);
  const std::string name = power_text(record);
  return value.starts_with(name) ? value : fmt::format("{} = {}", name, value);
}

std::string describe_register(const RegisterSpec& spec) {
  const Feedback& feedback = spec.feedback;
  std::string text = fmt::format("length {} over GF({})", spec.length, spec.field_order);
  if (!spec.modulus.empty()) text += fmt::format(" modulo {}", spec.modulus);
  text += feedback.is_linear() ? ", linear" : feedback.is_affine() ? ", affine" : ", nonlinear";
  text += feedback.is_nonsingular() ? ", nonsingular" : ", singular";
  return text;
}

/// The two shapes that people search for, by name.
std::optional<std::string> describe_shape(const DecompositionRecord& record) {
  const ExactHistogram& histogram = record.histogram;
  const Integer& states = record.certificate.states;
  if (histogram.size() == 1 && histogram[0].count == 1 && histogram[0].length == states)
    return fmt::format("de Bruijn: one cycle of all {} states", power_text(record));
  if (histogram.size() == 2 && histogram[0].length == 1 && histogram[0].count == 1 &&
      histogram[1].count == 1 && histogram[1].length == states - 1)
    // Without a constant term the all-zero state is its own successor.
    return fmt::format("maximum period: one cycle of {} - 1 and {}", power_text(record),
                       record.register_spec.feedback.constant() == 0
                           ? "the all-zero state"
                           : "one state that is its own successor");
  return std::nullopt;
}

struct TableRow {
  std::string length, count, states, share;
};

/// Longest cycles first. Each number has at most 21 characters, a share at most 11, so that the
/// widest table has 80 columns.
void print_histogram(std::ostream& out, const DecompositionRecord& record, std::size_t max_rows) {
  const ExactHistogram& histogram = record.histogram;
  const Integer& states = record.certificate.states;
  // Summing up a single line would take a line as well.
  const std::size_t shown =
      histogram.size() <= max_rows + 1 ? histogram.size() : std::max<std::size_t>(max_rows, 1);
  const std::uint64_t q = record.register_spec.field_order;
  std::vector<TableRow> rows{{"length", "count", "states", "share"}};
  const auto add = [&](const std::string& length, const Integer& count, const Integer& covered) {
    rows.push_back({length, brief(count, q), brief(covered, q), percentage(covered, states)});
  };
  for (std::size_t i = 0; i < shown; ++i) {
    const ExactHistogramEntry& entry = histogram[histogram.size() - 1 - i];
    add(brief(entry.length, q), entry.count, entry.length * entry.count);
  }
  if (shown < histogram.size()) {
    const ExactHistogram rest(histogram.begin(),
                              histogram.end() - static_cast<std::ptrdiff_t>(shown));
    const HistogramSums sums = sums_of(rest);
    add("shorter", sums.cycles, sums.states);
  }
  std::size_t widths[4] = {};
  for (const TableRow& row : rows) {
    widths[0] = std::max(widths[0], row.length.size());
    widths[1] = std::max(widths[1], row.count.size());
    widths[2] = std::max(widths[2], row.states.size());
    widths[3] = std::max(widths[3], row.share.size());
  }
  for (const TableRow& row : rows)
    out << fmt::format("{:>{}}  {:>{}}  {:>{}}  {:>{}}\n", row.length, widths[0], row.count,
                       widths[1], row.states, widths[2], row.share, widths[3]);
  if (shown < histogram.size())
    out << fmt::format("({} lengths not shown)\n", histogram.size() - shown);
}

std::string describe_certificate(const DecompositionRecord& record) {
  const Certificate& certificate = record.certificate;
  const std::uint64_t q = record.register_spec.field_order;
  if (!certificate.complete)
    return fmt::format("NOT complete: {} of {} states accounted for",
                       described(certificate.states_accounted, q), power_and_value(record));
  std::string text =
      fmt::format("{} states accounted for in {} cycle{}", power_and_value(record),
                  described(certificate.cycles, q), certificate.cycles == 1 ? "" : "s");
  if (certificate.transient_states > 0) text += " and on the way there";
  return text;
}

const char* describe_theory(Theory theory) {
  switch (theory) {
    case Theory::not_linear:
      break;
    case Theory::not_compared:
      return "not compared";
    case Theory::agrees:
      return "agrees: the characteristic polynomial predicts the same cycles";
    case Theory::is_result:
      return "the cycles follow from the characteristic polynomial; none was walked";
  }
  return "";
}

std::string describe_checksum(const Certificate& certificate) {
  return fmt::format("{:016x} (XXH64 of the {})", certificate.checksum,
                     certificate.checksum_of == ChecksumOf::cycles
                         ? "cycle table"
                         : name_in(checksum_names, certificate.checksum_of));
}

/// "0.412 s", "3 min 5 s", "2 d 4 h": two units are enough to compare runs by eye.
std::string duration(double seconds) {
  if (seconds < 60) return fmt::format("{:.3f} s", seconds);
  const auto whole = static_cast<std::uint64_t>(std::llround(std::min(seconds, 1e15)));
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  if (whole < 86400) return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
  return fmt::format("{} d {} h", whole / 86400, whole / 3600 % 24);
}

}  // namespace

void print_text(std::ostream& out, const DecompositionRecord& record, std::size_t max_rows) {
  const RegisterSpec& spec = record.register_spec;
  const RunInfo& run = record.run;
  if (!record.title.empty()) print_field(out, "title", record.title);
  print_field(out, "register", describe_register(spec));
  print_field(out, "feedback", print_anf(spec.feedback));
  print_field(out, "states", power_and_value(record));
  std::string cycles = described(record.certificate.cycles, spec.field_order);
  if (const auto shape = describe_shape(record))
    cycles += fmt::format("; {}", *shape);
  else if (record.histogram.size() > 1 &&
           to_integer(record.histogram.size()) == record.certificate.cycles)
    cycles += ", all of different lengths";
  else if (record.histogram.size() > 1)
    cycles += fmt::format(" of {} different lengths", record.histogram.size());
  print_field(out, "cycles", cycles);
  if (record.certificate.transient_states > 0)
    print_field(out, "transient",
                fmt::format("{} states, which are on a cycle after at most {}",
                            described(record.certificate.transient_states, spec.field_order),
                            plural(record.certificate.height, "step")));
  out << '\n';
  print_histogram(out, record, max_rows);
  out << '\n';
  print_field(out, "certified", describe_certificate(record));
  if (record.certificate.theory != Theory::not_linear)
    print_field(out, "theory", describe_theory(record.certificate.theory));
  print_field(out, "checksum", describe_checksum(record.certificate));
  if (record.index_zeros > 0)
    print_field(out, "index",
                fmt::format("milestones with {}, for `orbitmill where`",
                            plural(record.index_zeros, "zero")));
  std::string engine = run.engine;
  if (run.milestone_zeros > 0) engine += fmt::format(" of {} zeros", run.milestone_zeros);
  if (run.table == "spread") engine += ", table spread over the nodes";
  if (!run.schedule.empty()) engine += fmt::format(", {} schedule", run.schedule);
  if (!engine.empty()) print_field(out, "engine", engine);
  print_field(
      out, "run",
      fmt::format("{}, {} in all, {}; {}", plural(run.ranks, "rank"), plural(run.threads, "thread"),
                  plural(std::max<std::size_t>(run.hosts.size(), 1), "node"), run.start_utc));
  print_field(out, "elapsed", duration(run.elapsed_s));
}

}  // namespace orbitmill
