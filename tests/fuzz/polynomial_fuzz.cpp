/// A polynomial, as characteristic polynomial of a register and as modulus of a field. Input: a
/// byte for the field, one for the order of the other field, the text.
#include "fuzz/fuzz_target.hpp"
#include "orbitmill/register/notation.hpp"

using namespace orbitmill;
using fuzz::require;

namespace {

void check_as_register(std::string_view text, const Field& field) {
  const ParsedRegister parsed = parse_polynomial(text, field);
  require(parsed.length >= 1 && parsed.length <= max_register_length, "length in range");
  require(parsed.feedback.is_linear() && !parsed.feedback.terms.empty(), "linear, not 0");
  const std::string printed = print_polynomial(parsed.feedback, field, parsed.length);
  const ParsedRegister again = parse_polynomial(printed, field);
  require(again.feedback == parsed.feedback && again.length == parsed.length, "round trip",
          printed);
  const std::string anf = print_anf(parsed.feedback);
  require(parse_feedback(anf, field, parsed.length) == parsed.feedback, "as ANF text", anf);
}

void check_as_modulus(std::string_view text, std::uint64_t order) {
  const Field field(order, std::string(text));
  require(Field(order, field.modulus()).modulus() == field.modulus(), "modulus round trip",
          field.modulus());
  // Fermat, by the tables made for this modulus.
  for (Element a = 1; a < field.order(); ++a) {
    require(field.multiply(a, field.inverse(a)) == 1, "a field", field.modulus());
    require(field.add(a, field.negate(a)) == 0, "a group", field.modulus());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t orders[] = {4, 8, 9, 16, 25, 27, 32, 6};
  fuzz::Bytes bytes(data, size);
  const Field& field = fuzz::field_of(bytes.byte());
  const std::uint64_t order = orders[bytes.byte() % std::size(orders)];
  const std::string_view text = bytes.rest();
  try {
    check_as_register(text, field);
  } catch (const JobError& error) {
    fuzz::check_message(error.what());
  }
  try {
    check_as_modulus(text, order);
  } catch (const JobError& error) {
    fuzz::check_message(error.what());
  }
  return 0;
}
