/// Vectors over columns of rows, for the code that is compiled once for each instruction set.
/// Included inside hwy/foreach_target.h's loop: the guard changes with the target.
#if defined(ORBITMILL_ROW_VECTORS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ORBITMILL_ROW_VECTORS_INL
#undef ORBITMILL_ROW_VECTORS_INL
#else
#define ORBITMILL_ROW_VECTORS_INL
#endif

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>

#include "orbitmill/kernel/row_kernel.hpp"

HWY_BEFORE_NAMESPACE();
namespace orbitmill::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<std::uint64_t, row_words>;
using V = hn::Vec<D>;
constexpr unsigned column_words = hn::MaxLanes(D());

/// The 64-bit words of a column, one row after the other.
using Column = const std::uint64_t*;

HWY_INLINE V load(Column column) {
  return hn::Load(D(), column);
}
HWY_INLINE Column row_at(Column column, std::ptrdiff_t row) {
  return column + row * static_cast<std::ptrdiff_t>(row_words);
}
HWY_INLINE Column column_of(const LaneRow* rows, unsigned first_word) {
  return rows->word.data() + first_word;
}

template <unsigned R>
HWY_INLINE void store_tile(std::uint64_t* column, const V (&sum)[R]) {
  for (unsigned r = 0; r < R; ++r) hn::Store(sum[r], D(), column + std::size_t{r} * row_words);
}

}  // namespace orbitmill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
