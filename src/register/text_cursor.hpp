/// Reading one line of user text from left to right, and pointing at what is wrong with it.
///
/// The notations are read without recursion and without going back, so a text costs O(bytes)
/// however it is nested. Columns count bytes from 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace orbitmill {

/// A decimal number as written.
struct NumberText {
  std::uint64_t value =
      0;  ///< stays at 2^64 - 1 from there on, so that every range check refuses it
  std::size_t column = 0;
  std::string shown;  ///< the digits for a message, shortened where there are very many
};

/// `text` with control characters and bytes outside ASCII escaped, cut to its beginning where it is
/// long, in double quotes: fit for one line of a message.
std::string quote_for_message(std::string_view text);

/// A position in a text; moves forward only. White space is skipped before everything it looks at.
class TextCursor {
 public:
  /// A typing error cannot reach this size, and the longest legal register in any notation needs
  /// less than half of it.
  static constexpr std::size_t max_bytes = std::size_t{4} << 20;

  /// `what` names the text in messages ("feedback", "modulus"). Both views must outlive the cursor.
  /// Throws JobError if the text is longer than max_bytes or has nothing but white space.
  TextCursor(std::string_view what, std::string_view text);

  bool at_end() const noexcept { return position_ == text_.size(); }
  bool at(char wanted) const noexcept { return !at_end() && text_[position_] == wanted; }
  bool at_digit() const noexcept;
  /// At the variable, `x` or `X`.
  bool at_x() const noexcept { return at('x') || at('X'); }
  std::size_t column() const noexcept { return position_; }

  /// Steps over `wanted` if it comes next.
  bool accept(char wanted) noexcept;
  /// Steps over `x` or `X` if it comes next.
  bool accept_x() noexcept { return accept('x') || accept('X'); }
  /// Reads a number. Precondition: at_digit().
  NumberText read_number();

  /// Throws JobError: the text, what is wrong, and a caret under `column`.
  [[noreturn]] void fail(std::size_t column, const std::string& message) const;
  /// The same at the present position, for a character that cannot stand there.
  [[noreturn]] void fail_unexpected(const std::string& expected) const;

 private:
  void skip_white_space() noexcept;

  std::string_view what_;
  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace orbitmill
