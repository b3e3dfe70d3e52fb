/// A row of coefficients. Input: a byte for the field, the text.
#include "fuzz/fuzz_target.hpp"
#include "orbitmill/register/notation.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orbitmill;
  using fuzz::require;
  fuzz::Bytes bytes(data, size);
  const Field& field = fuzz::field_of(bytes.byte());
  const std::string_view text = bytes.rest();
  try {
    const ParsedRegister parsed = parse_coefficients(text, field);
    const auto commas = static_cast<std::size_t>(std::count(text.begin(), text.end(), ','));
    require(parsed.length == commas + 1, "the length is the number of coefficients");
    const std::string row = print_coefficients(parsed.feedback, parsed.length);
    const ParsedRegister again = parse_coefficients(row, field);
    require(again.feedback == parsed.feedback && again.length == parsed.length, "round trip", row);
    const std::string anf = print_anf(parsed.feedback);
    require(parse_feedback(anf, field, parsed.length) == parsed.feedback, "as ANF text", anf);
    const std::string polynomial = print_polynomial(parsed.feedback, field, parsed.length);
    require(parse_polynomial(polynomial, field).feedback == parsed.feedback, "as polynomial",
            polynomial);
  } catch (const JobError& error) {
    fuzz::check_message(error.what());
  }
  return 0;
}
