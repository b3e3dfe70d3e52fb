/// The words of /certificate: one list for the writer, the reader and the reports.
#pragma once

#include <optional>
#include <string_view>

#include "orbitmill/decompose/decomposition.hpp"

namespace orbitmill {

template <class Value>
struct NamedValue {
  Value value;
  const char* name;
};
inline constexpr NamedValue<Theory> theory_names[] = {{Theory::not_linear, "not linear"},
                                                      {Theory::not_compared, "not compared"},
                                                      {Theory::agrees, "agrees"},
                                                      {Theory::is_result, "is the result"}};
inline constexpr NamedValue<ChecksumOf> checksum_names[] = {
    {ChecksumOf::cycles, "cycles"},
    {ChecksumOf::histogram, "histogram"},
    {ChecksumOf::histogram_text, "histogram text"}};

template <class Value, std::size_t count>
const char* name_in(const NamedValue<Value> (&names)[count], Value value) {
  for (const auto& [candidate, name] : names)
    if (candidate == value) return name;
  return "";
}
template <class Value, std::size_t count>
std::optional<Value> value_in(const NamedValue<Value> (&names)[count], std::string_view name) {
  for (const auto& [value, candidate] : names)
    if (candidate == name) return value;
  return std::nullopt;
}

}  // namespace orbitmill
