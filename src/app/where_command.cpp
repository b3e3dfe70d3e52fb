#include <fmt/format.h>

#include <charconv>
#include <iostream>
#include <optional>

#include "orbitmill/app/application.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/results/cycle_lookup.hpp"
#include "state_text.hpp"

namespace orbitmill {
State parse_state(const std::string& text, const DecompositionRecord& record) {
  const int base = text.starts_with("0x") ? 16 : text.starts_with("0b") ? 2 : 10;
  const char* begin = text.data() + (base == 10 ? 0 : 2);
  const char* end = text.data() + text.size();
  State state = 0;
  const auto [stop, error] = std::from_chars(begin, end, state, base);
  const bool too_large = error == std::errc::result_out_of_range;
  if (stop != end || (error != std::errc() && !too_large)) {
    throw UsageError(
        fmt::format("state \"{}\": expected the sum of x_i q^i as 123, 0x7b or 0b1111011", text));
  }
  if (too_large || to_integer(state) >= record.certificate.states) {
    throw UsageError(
        fmt::format("state \"{}\": the register of length {} over GF({}) has the "
                    "states 0 to {}",
                    text, record.register_spec.length, record.register_spec.field_order,
                    Integer(record.certificate.states - 1).get_str()));
  }
  return state;
}

int run_where(const CommandLine& command_line) {
  const ResultReader reader(command_line.file);
  const CycleLookup lookup(reader);
  const auto locate = [&](const std::string& text) {
    return lookup.locate(parse_state(text, reader.record()));
  };
  const StatePlace place = locate(command_line.state);
  std::optional<StatePlace> second;
  if (command_line.second_state) second = locate(*command_line.second_state);
  if (command_line.format == "json") {
    print_place_json(std::cout, place, second ? &*second : nullptr);
  } else {
    print_place_text(std::cout, place, second ? &*second : nullptr, reader.record());
  }
  std::cout.flush();
  if (!std::cout) throw IoError("cannot write to standard output");
  return 0;
}

}  // namespace orbitmill
