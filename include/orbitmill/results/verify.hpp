/// Does a result file hold what it claims? Everything that follows from the register is worked out
/// again: sums, checksums, theory, and the cycles themselves, walked by a plain step that shares
/// nothing with the engines.
///
/// What is certain: the sums, the checksum, the order of the table and its histogram; of a linear
/// or affine register the whole histogram, by theory. What is sampled: leaders and lengths of the
/// table, the index, the sequences. The sample is drawn with a fixed seed, so that a second run
/// says the same.
#pragma once

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

namespace orbitmill {

struct VerifyOptions {
  static constexpr std::uint64_t no_limit = ~std::uint64_t{0};
  std::uint64_t rows = no_limit;  ///< rows of /cycles to walk at most
  /// Steps to spend on rows, and half as many on states drawn at random; 0: 2^26 over GF(2), where
  /// a step takes nanoseconds, 2^22 over other fields. A cycle that does not fit into it is not
  /// walked, and is counted.
  std::uint64_t steps = 0;
  bool all = false;  ///< every row, whatever it costs
};

struct VerifyCheck {
  enum class Outcome : std::uint8_t { passed, failed, not_checked };
  std::string name;  ///< "histogram sum"
  Outcome outcome = Outcome::passed;
  std::string detail;  ///< what was looked at; "found A, expected B"; or why it was not checked
};

struct VerifyReport {
  std::filesystem::path file;
  std::vector<VerifyCheck> checks;  ///< in the order in which they were made

  std::vector<std::string> failed() const;  ///< names
};

/// Throws IoError where the file cannot be opened as a result at all; what is wrong inside it is in
/// the report. Serial.
VerifyReport verify(const std::filesystem::path& file, const VerifyOptions& options);

/// A line for each check, failed ones with what was found and what was expected.
void print_verify_text(std::ostream& out, const VerifyReport& report);
void print_verify_json(std::ostream& out, const VerifyReport& report);

}  // namespace orbitmill
