/// A feedback in either notation. Input: a byte for the field, one for the length, the text.
#include "fuzz/fuzz_target.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/register/register.hpp"

namespace {

using namespace orbitmill;
using fuzz::require;

/// Every notation that can express f gives f back.
void check_round_trips(const Feedback& feedback, const Field& field, std::uint32_t length) {
  const std::string anf = print_anf(feedback);
  require(parse_feedback(anf, field, length) == feedback, "ANF text round trip", anf);
  if (std::all_of(feedback.terms.begin(), feedback.terms.end(),
                  [](const Term& term) { return term.coefficient == 1; })) {
    const std::string list = print_index_list(feedback);
    require(parse_feedback(list, field, length) == feedback, "index list round trip", list);
  }
  // Both texts have an entry for every stage: not for each of 100000 in each of 10^6 runs.
  if (!feedback.is_linear() || length > 1000) return;
  const std::string row = print_coefficients(feedback, length);
  const ParsedRegister from_row = parse_coefficients(row, field);
  require(from_row.feedback == feedback && from_row.length == length, "coefficients", row);
  const std::string polynomial = print_polynomial(feedback, field, length);
  const ParsedRegister from_polynomial = parse_polynomial(polynomial, field);
  require(from_polynomial.feedback == feedback && from_polynomial.length == length, "polynomial",
          polynomial);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes bytes(data, size);
  const Field& field = fuzz::field_of(bytes.byte());
  const std::uint8_t choice = bytes.byte();
  const std::uint32_t length = choice == 255 ? max_register_length : choice;  // 0 is refused
  const std::string_view text = bytes.rest();
  try {
    const Feedback feedback = parse_feedback(text, field, length);
    Feedback sorted = feedback;
    sorted.sort_terms();
    require(sorted == feedback, "what is parsed is in canonical order", print_anf(feedback));
    RegisterSpec spec;
    spec.field_order = field.order();
    if (!field.is_prime()) spec.modulus = field.modulus();
    spec.length = length;
    spec.feedback = feedback;
    // Tables of 65521 elements a time would be all that this target does.
    if (field.order() < 100) require(Register(spec).spec() == spec, "a register takes it as it is");
    check_round_trips(feedback, field, length);
  } catch (const JobError& error) {
    fuzz::check_message(error.what());
  }
  return 0;
}
