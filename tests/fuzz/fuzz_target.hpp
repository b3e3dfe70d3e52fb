/// What the fuzz targets share. A target is one function, LLVMFuzzerTestOneInput, that must survive
/// every input; main() is libFuzzer's (preset fuzz) or replay_main.cpp's (the standard tests).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/field.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

/// A property of the target. Not assert(): a release build checks it as well.
inline void require(bool holds, const char* property, const std::string& about = {}) {
  if (holds) return;
  std::fprintf(stderr, "property broken: %s\n%s\n", property, about.c_str());
  std::abort();
}

/// The bytes of a file, none if it cannot be read.
inline std::string read_file(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

/// Takes an input apart, with zeros behind its end.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  /// Small ones, ends of ranges and powers of two far more often than chance would have them.
  std::uint64_t number() {
    const std::uint8_t kind = byte();
    if (kind < 128) return kind;
    if (kind < 192) return std::uint64_t{1} << (kind % 64);
    if (kind < 224) return (std::uint64_t{1} << (kind % 32 * 2)) - 1;
    if (kind < 240) return ~std::uint64_t{0} - kind % 16;
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    return value;
  }
  std::string_view text(std::size_t bytes) {
    const std::string_view text = rest_.substr(0, bytes);
    rest_.remove_prefix(text.size());
    return text;
  }
  std::string_view rest() { return text(rest_.size()); }

 private:
  std::string_view rest_;
};

/// The fields of the text targets, chosen by a byte: seeds say '0' for GF(2), '1' for GF(3), ...
inline const orbitmill::Field& field_of(std::uint8_t choice) {
  static const std::array<orbitmill::Field, 8> fields = {
      orbitmill::Field(2),  orbitmill::Field(3),     orbitmill::Field(4),
      orbitmill::Field(5),  orbitmill::Field(9),     orbitmill::Field(16, "x^4 + x^3 + 1"),
      orbitmill::Field(49), orbitmill::Field(65521),
  };
  return fields[choice % fields.size()];
}

/// What is said about a text goes to a terminal: it is short, and nothing of the text that could
/// steer the terminal is in it.
inline void check_message(const std::string& message, std::size_t most_bytes = 2000) {
  require(!message.empty() && message.size() < most_bytes, "a message is a few lines", message);
  require(std::all_of(message.begin(), message.end(),
                      [](char c) {
                        return c == '\n' ||
                               (c != 0x7f && (static_cast<signed char>(c) < 0 || c >= ' '));
                      }),
          "a message is printable", message);
}

/// Output for a terminal, of any length.
inline void check_printable(const std::string& text) {
  check_message(text, std::numeric_limits<std::size_t>::max());
}

/// The same for messages as app/ prints them. Call in a catch block.
inline void check_printed_message() {
  check_message(orbitmill::describe_current_exception().message, 5000);
}

}  // namespace fuzz
