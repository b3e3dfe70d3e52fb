#include "text_cursor.hpp"

#include <fmt/format.h>

#include <limits>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

// With the indentation and two ellipses a line stays below 80 columns.
constexpr std::size_t shown_columns = 70;
constexpr std::size_t shown_digits = 24;

// <cctype> depends on the locale of the process; the notations must not.
bool is_white_space(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_printable(char c) noexcept {
  return c >= ' ' && c <= '~';
}

std::string escape(char c) {
  if (is_printable(c)) return {c};
  if (c == '\t') return "\\t";
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  return fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
}

/// The part of the text around `column`, and a caret below it. Widths are those of the escaped
/// bytes, or a tab would push the caret aside.
std::string point_at(std::string_view text, std::size_t column) {
  std::size_t first = column;
  std::size_t last = column;
  std::size_t width = 0;
  const auto extend_left = [&](std::size_t limit) {
    while (first > 0 && width + escape(text[first - 1]).size() <= limit) {
      width += escape(text[--first]).size();
    }
  };
  extend_left(shown_columns / 2);
  while (last < text.size() && width + escape(text[last]).size() <= shown_columns) {
    width += escape(text[last++]).size();
  }
  extend_left(shown_columns);  // near the end of the text, what the right side left over

  std::string line = first > 0 ? "  ..." : "  ";
  std::size_t caret = 0;
  for (std::size_t i = first; i < last; ++i) {
    if (i == column) caret = line.size();
    line += escape(text[i]);
  }
  if (column == last) caret = line.size();
  if (last < text.size()) line += "...";
  return fmt::format("{}\n{:>{}}", line, '^', caret + 1);
}

}  // namespace

std::string quote_for_message(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const std::string piece = escape(c);
    if (quoted.size() + piece.size() > shown_columns) return quoted + "...\"";
    quoted += piece;
  }
  return quoted + "\"";
}

TextCursor::TextCursor(std::string_view what, std::string_view text) : what_(what), text_(text) {
  if (text.size() > max_bytes) {
    throw JobError(fmt::format("{} {}: the text has {} bytes; at most {} are read", what_,
                               quote_for_message(text), text.size(), max_bytes));
  }
  skip_white_space();
  if (at_end()) {
    throw JobError(fmt::format("{} {}: the text is empty; expected a {}", what_,
                               quote_for_message(text), what_));
  }
}

bool TextCursor::at_digit() const noexcept {
  return !at_end() && is_digit(text_[position_]);
}

bool TextCursor::accept(char wanted) noexcept {
  if (!at(wanted)) return false;
  ++position_;
  skip_white_space();
  return true;
}

NumberText TextCursor::read_number() {
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  NumberText number;
  number.column = position_;
  while (at_digit()) {
    const auto digit = static_cast<std::uint64_t>(text_[position_++] - '0');
    // Once saturated it stays so: most > (most - digit) / 10 for every digit.
    number.value = number.value > (most - digit) / 10 ? most : number.value * 10 + digit;
  }
  const std::string_view digits = text_.substr(number.column, position_ - number.column);
  number.shown = digits.substr(0, shown_digits);
  if (digits.size() > shown_digits) number.shown += "...";
  skip_white_space();
  return number;
}

void TextCursor::fail(std::size_t column, const std::string& message) const {
  throw JobError(fmt::format("{} {}: {}\n{}", what_, quote_for_message(text_), message,
                             point_at(text_, column)));
}

void TextCursor::fail_unexpected(const std::string& expected) const {
  if (at_end()) fail(position_, fmt::format("the text ends too early; expected {}", expected));
  const char c = text_[position_];
  const std::string found = is_printable(c)
                                ? fmt::format("character \"{}\"", c)
                                : fmt::format("byte {} (only ASCII is read)", escape(c));
  fail(position_, fmt::format("unexpected {}; expected {}", found, expected));
}

void TextCursor::skip_white_space() noexcept {
  while (!at_end() && is_white_space(text_[position_])) ++position_;
}

}  // namespace orbitmill
