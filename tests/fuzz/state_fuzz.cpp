/// A state as `orbitmill where` reads it. Input: a byte for the number of states, the text.
#include <fmt/format.h>

#include "app/state_text.hpp"
#include "fuzz/fuzz_target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orbitmill;
  fuzz::Bytes bytes(data, size);
  DecompositionRecord record;
  record.register_spec.length = 1 + bytes.byte() % 62;
  record.certificate.states = to_integer(std::uint64_t{1} << record.register_spec.length);
  const std::string text(bytes.rest());
  try {
    const State state = parse_state(text, record);
    fuzz::require(to_integer(state) < record.certificate.states, "a state of the register", text);
    for (const std::string& printed :
         {fmt::format("{}", state), fmt::format("0x{:x}", state), fmt::format("0b{:b}", state)}) {
      fuzz::require(parse_state(printed, record) == state, "the same state", printed);
    }
  } catch (const UsageError&) {
    fuzz::check_printed_message();
  }
  return 0;
}
