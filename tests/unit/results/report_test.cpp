#include "orbitmill/results/report.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "orbitmill/register/notation.hpp"
#include "unit/results/random_record.hpp"

namespace orbitmill {
namespace {

using nlohmann::json;
using test::Random;

std::string text_of(const DecompositionRecord& record, std::size_t max_rows = 20) {
  std::ostringstream out;
  print_text(out, record, max_rows);
  return out.str();
}

json json_of(const DecompositionRecord& record) {
  std::ostringstream out;
  print_json(out, record);
  return json::parse(out.str());
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// Columns on a terminal: UTF-8 characters, not bytes.
std::size_t columns(const std::string& line) {
  return static_cast<std::size_t>(std::count_if(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A number of the report: plain up to 2^53, decimal text above, exact either way.
std::uint64_t number_of(const json& value) {
  if (value.is_string()) {
    const auto number = std::stoull(value.get<std::string>());
    EXPECT_GT(number, std::uint64_t{1} << 53);
    return number;
  }
  EXPECT_LE(value.get<std::uint64_t>(), std::uint64_t{1} << 53);
  return value.get<std::uint64_t>();
}

/// A record with the histogram given and everything else consistent, whatever the register does.
DecompositionRecord record_of(std::uint32_t length, const std::string& feedback,
                              const Histogram& histogram) {
  DecompositionRecord record;
  RegisterSpec spec;
  spec.length = length;
  spec.feedback = parse_feedback(feedback, Field(2), length);
  record.register_spec = Register(spec).spec();
  record.histogram = to_exact(histogram);
  Certificate& certificate = record.certificate;
  const HistogramSums sums = sums_of(record.histogram);
  certificate.cycles = sums.cycles;
  certificate.states_accounted = sums.states;
  certificate.states = to_integer(Register(spec).state_count());
  certificate.complete = certificate.states == certificate.states_accounted;
  certificate.checksum = 0x0123456789abcdef;
  return record;
}

TEST(Report, JsonHoldsTheRecord) {
  Random random(11);
  for (int round = 0; round < 200; ++round) {
    const Register reg = test::random_register(random);
    const auto rows = test::walk_all_cycles(reg);
    const DecompositionRecord record = test::make_record(random, reg, rows, 3);
    const json found = json_of(record);
    for (const char* key : {"register", "states", "cycles", "histogram", "certificate", "run"})
      EXPECT_TRUE(found.contains(key)) << key;
    EXPECT_EQ(number_of(found["states"]), record.certificate.states);
    EXPECT_EQ(number_of(found["cycles"]), rows.size());
    Histogram histogram;
    for (const json& entry : found["histogram"])
      histogram.push_back({number_of(entry["length"]), number_of(entry["count"])});
    EXPECT_EQ(to_exact(histogram), record.histogram);
    EXPECT_EQ(found["certificate"]["complete"], true);
    EXPECT_EQ(std::stoull(found["certificate"]["checksum"].get<std::string>(), nullptr, 16),
              record.certificate.checksum);
    EXPECT_EQ(found["certificate"]["checksum"].get<std::string>().size(), 16u);
    EXPECT_EQ(found["register"]["field_order"], reg.field().order());
    EXPECT_EQ(
        parse_feedback(found["register"]["feedback"].get<std::string>(), reg.field(), reg.length()),
        reg.feedback());
    EXPECT_EQ(found["run"]["job_text"], record.run.job_text);
    EXPECT_EQ(found["run"]["elapsed_s"].get<double>(), record.run.elapsed_s);
    EXPECT_EQ(found["run"]["milestone_zeros"], record.run.milestone_zeros);
    EXPECT_EQ(number_of(found["run"]["deficit"]), record.run.deficit);
    EXPECT_EQ(found["run"]["predicted_s"].get<double>(), record.run.predicted_s);
    EXPECT_EQ(found["run"]["phases"].size(), record.run.phases.size());
    ASSERT_EQ(found["run"]["profile"].size(), 3u);
    EXPECT_EQ(number_of(found["run"]["profile"][2]["states_walked"]),
              record.profile[2].states_walked);
  }
}

TEST(Report, JsonWritesNumbersAbove2To53AsText) {
  // 2^53 is exact as a double and stays a number; 2^53 + 1 is the first that would be rounded.
  const DecompositionRecord record =
      record_of(54, "0", {{1, (1ull << 53) - 1}, {(1ull << 53) + 1, 1}});
  ASSERT_TRUE(record.certificate.complete);
  const json found = json_of(record);
  EXPECT_EQ(found["states"], "18014398509481984");
  EXPECT_EQ(found["cycles"], 9007199254740992u);
  EXPECT_EQ(found["histogram"][0]["count"], 9007199254740991u);
  EXPECT_EQ(found["histogram"][1]["length"], "9007199254740993");
}

TEST(Report, JsonStaysJsonWhateverTheJobFileHeld) {
  DecompositionRecord record = record_of(2, "0", {{1, 2}, {2, 1}});
  record.run.job_text = "title = \"\xff\xfe\"\x01";
  EXPECT_TRUE(json_of(record)["run"]["job_text"].is_string());
}

TEST(Report, CsvIsTheHistogram) {
  std::ostringstream out;
  print_csv(out, record_of(6, "0", {{1, 2}, {2, 1}, {3, 2}, {6, 9}}));
  EXPECT_EQ(out.str(), "length,count\n1,2\n2,1\n3,2\n6,9\n");
}

TEST(Report, TextFitsInto80ColumnsWhateverTheNumbers) {
  Random random(12);
  for (int round = 0; round < 200; ++round) {
    const Register reg = test::random_register(random);
    DecompositionRecord record = test::make_record(random, reg, test::walk_all_cycles(reg), 2);
    record.title = test::random_text(random, 300);
    if (round % 4 == 0) record.title = std::string(test::pick(random, 60, 300), 'w');
    for (const std::string& line : lines_of(text_of(record, test::pick(random, 0, 10)))) {
      EXPECT_LE(columns(line), 80u) << line;
      EXPECT_FALSE(line.ends_with(' ')) << "'" << line << "'";
      EXPECT_TRUE(std::none_of(line.begin(), line.end(), [](char c) { return c > 0 && c < ' '; }));
    }
  }
  // The widest table: 19 digits in a column.
  std::string feedback = "0";
  for (int stage = 1; stage < 62; ++stage) feedback += fmt::format(",{}", stage);
  const std::uint64_t half = 1ull << 61;
  const std::string text = text_of(record_of(62, feedback, {{1, half}, {half, 1}}));
  for (const std::string& line : lines_of(text)) EXPECT_LE(columns(line), 80u) << line;
  EXPECT_TRUE(contains(text, "4611686018427387904"));
}

/// A closed form: numbers of any size, cycles and transient states of a linear register.
DecompositionRecord large_record(std::uint64_t q, std::uint32_t length, std::uint32_t height,
                                 const ExactHistogram& histogram) {
  DecompositionRecord record;
  record.register_spec = Register({q, "", length, {{{1, {height}}}}}).spec();
  record.histogram = histogram;
  const HistogramSums sums = sums_of(histogram);
  Certificate& certificate = record.certificate;
  certificate.states = power(to_integer(q), length);
  certificate.transient_states = certificate.states - power(to_integer(q), length - height);
  certificate.height = height;
  certificate.cycles = sums.cycles;
  certificate.states_accounted = sums.states + certificate.transient_states;
  certificate.complete = certificate.states_accounted == certificate.states;
  certificate.theory = Theory::is_result;
  const ExactChecksum checksum = exact_checksum(histogram);
  certificate.checksum = checksum.value;
  certificate.checksum_of = checksum.of;
  return record;
}

TEST(Report, LargeNumbersAreShortToReadAndExactToParse) {
  const Integer all = power(2, 1279);
  const DecompositionRecord mersenne = large_record(2, 1279, 0, {{1, 1}, {all - 1, 1}});
  ASSERT_TRUE(mersenne.certificate.complete);
  const std::string text = text_of(mersenne);
  EXPECT_TRUE(contains(text, "states     2^1279 (386 digits)\n")) << text;
  EXPECT_TRUE(contains(text, "\n2^1279 - 1      1  2^1279 - 1  > 99.9999 %\n")) << text;
  EXPECT_TRUE(contains(text, "maximum period: one cycle of 2^1279 - 1")) << text;
  EXPECT_TRUE(contains(text, "2^1279 (386 digits) states accounted for in 2 cycles\n")) << text;
  EXPECT_TRUE(contains(text, "(XXH64 of the histogram text)")) << text;
  const json found = json_of(mersenne);
  EXPECT_EQ(found["states"], all.get_str());
  EXPECT_EQ(found["cycles"], 2);
  EXPECT_EQ(found["histogram"][1]["length"], Integer(all - 1).get_str());
  EXPECT_EQ(found["certificate"]["theory"], "is the result");
  EXPECT_EQ(found["certificate"]["checksum_of"], "histogram text");
  std::ostringstream csv;
  print_csv(csv, mersenne);
  EXPECT_EQ(csv.str(), fmt::format("length,count\n1,1\n{},1\n", Integer(all - 1).get_str()));

  // 3^40 = 12157665459056928801 has 20 digits and is written out; 3^44 has 21 and is not.
  const DecompositionRecord singular =
      large_record(3, 50, 6, {{1, 81}, {2, (power(3, 44) - 81) / 2}});
  ASSERT_TRUE(singular.certificate.complete);
  const std::string short_text = text_of(singular);
  EXPECT_TRUE(contains(short_text, "\n     2  4.9238e20  9.8477e20    0.1372 %\n")) << short_text;
  EXPECT_TRUE(contains(short_text,
                       "transient  7.1691e23 (24 digits) states, which are on a cycle "
                       "after at most 6\n           steps\n"))
      << short_text;
  EXPECT_TRUE(contains(short_text, "and on the way there")) << short_text;
  EXPECT_EQ(json_of(singular)["certificate"]["transient_states"],
            singular.certificate.transient_states.get_str());
  EXPECT_EQ(json_of(singular)["certificate"]["height"], 6);
}

TEST(Report, LargeTablesFitInto80ColumnsToo) {
  Random random(13);
  for (int round = 0; round < 100; ++round) {
    const auto length = static_cast<std::uint32_t>(test::pick(random, 60, 3000));
    const Integer all = power(2, length);
    ExactHistogram histogram;
    Integer left = all, previous = 0;
    for (int i = 0; i < 5 && left > previous + 2; ++i) {
      // Lengths and counts of every size, powers and their neighbours among them.
      const Integer cycle = previous + power(2, test::pick(random, 0, length / 2)) +
                            (test::pick(random, 0, 1) == 0 ? 0 : 12345);
      const Integer most = left / cycle;
      if (most == 0) break;
      const Integer count =
          power(2, test::pick(random, 0, mpz_sizeinbase(most.get_mpz_t(), 2) - 1));
      histogram.push_back({cycle, count});
      left -= cycle * count;
      previous = cycle;
    }
    const DecompositionRecord record = large_record(2, length, 0, histogram);
    for (const std::string& line : lines_of(text_of(record, test::pick(random, 1, 6)))) {
      EXPECT_LE(columns(line), 80u) << line;
    }
  }
  const Integer wide = power(2, 99'999);
  for (const std::string& line :
       lines_of(text_of(large_record(2, 100'000, 0, {{wide - 1, 1}, {wide + 1, 1}}))))
    EXPECT_LE(columns(line), 80u) << line;
}

TEST(Report, TextSaysWhatTheoryThinks) {
  DecompositionRecord record = record_of(4, "0,1", {{1, 1}, {15, 1}});
  EXPECT_FALSE(contains(text_of(record), "theory"));
  record.certificate.theory = Theory::agrees;
  EXPECT_TRUE(contains(text_of(record), "theory     agrees"));
  record.certificate.theory = Theory::not_compared;
  EXPECT_TRUE(contains(text_of(record), "theory     not compared"));
}

TEST(Report, TextShowsLongestFirstAndSumsUpTheRest) {
  const DecompositionRecord record =
      record_of(8, "0", {{1, 2}, {2, 1}, {3, 4}, {7, 6}, {12, 1}, {86, 1}, {100, 1}});
  ASSERT_TRUE(record.certificate.complete);
  const std::string all = text_of(record);
  EXPECT_LT(all.find("100  "), all.find(" 86  "));
  EXPECT_TRUE(contains(all, "\n   100      1     100  39.0625 %\n")) << all;
  EXPECT_TRUE(contains(all, "2^8 = 256 states accounted for in 16 cycles\n")) << all;
  EXPECT_TRUE(contains(all, "0123456789abcdef (XXH64 of the histogram)")) << all;
  EXPECT_FALSE(contains(all, "shorter"));
  const std::string some = text_of(record, 3);
  // 1 x 2 + 2 x 1 + 3 x 4 + 7 x 6 = 58 states in 13 cycles of 4 lengths.
  EXPECT_TRUE(contains(some, "\nshorter     13      58  22.6562 %\n")) << some;
  EXPECT_TRUE(contains(some, "(4 lengths not shown)\n")) << some;
  EXPECT_FALSE(contains(some, "\n     7 ")) << some;
  EXPECT_TRUE(contains(text_of(record, 6), "\n     1      2 ")) << "one row more is no longer";
}

TEST(Report, TextNamesTheShapesThatPeopleSearchFor) {
  EXPECT_TRUE(contains(text_of(record_of(4, "0,1", {{1, 1}, {15, 1}})),
                       "maximum period: one cycle of 2^4 - 1 and the all-zero state"));
  // With a constant term the state left over is another one.
  const std::string complemented = text_of(record_of(4, "0,1,()", {{1, 1}, {15, 1}}));
  EXPECT_TRUE(contains(complemented, "maximum period")) << complemented;
  EXPECT_FALSE(contains(complemented, "all-zero")) << complemented;
  EXPECT_TRUE(
      contains(text_of(record_of(1, "0,()", {{2, 1}})), "de Bruijn: one cycle of all 2^1 states"));
  const std::string plain = text_of(record_of(2, "0", {{1, 2}, {2, 1}}));
  EXPECT_FALSE(contains(plain, "maximum period") || contains(plain, "de Bruijn")) << plain;
}

TEST(Report, TextSaysWhenACertificateIsMissing) {
  const std::string text = text_of(record_of(3, "0", {{1, 2}}));
  EXPECT_TRUE(contains(text, "NOT complete: 2 of 2^3 = 8 states")) << text;
  EXPECT_FALSE(contains(text, "accounted for in")) << text;
}

}  // namespace
}  // namespace orbitmill
