/// Plain values to bytes and back, for work that is kept (schedule/phase.hpp). Little-endian, as
/// all machines here are.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace orbitmill {

static_assert(std::endian::native == std::endian::little);

template <class Value>
void append_bytes(std::vector<std::byte>& bytes, std::span<const Value> values) {
  static_assert(std::has_unique_object_representations_v<Value>, "padding has no value");
  const auto raw = std::as_bytes(values);
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

/// Takes them from the front of `bytes`. False, and no change, where there are not so many.
template <class Value>
bool take_bytes(std::span<const std::byte>& bytes, std::span<Value> values) {
  static_assert(std::has_unique_object_representations_v<Value>, "padding has no value");
  if (values.size_bytes() > bytes.size()) return false;
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size_bytes());
  bytes = bytes.subspan(values.size_bytes());
  return true;
}

}  // namespace orbitmill
