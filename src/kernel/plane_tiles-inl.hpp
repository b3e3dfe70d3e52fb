/// Symbols over GF(3), GF(4) and GF(8), a tile at a time: a part of row_kernel.cpp.
#if defined(ORBITMILL_PLANE_TILES_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef ORBITMILL_PLANE_TILES_INL
#undef ORBITMILL_PLANE_TILES_INL
#else
#define ORBITMILL_PLANE_TILES_INL
#endif

#include "orbitmill/kernel/plane_program.hpp"
#include "row_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orbitmill::HWY_NAMESPACE {

/// sum[r] += the rows of `sources`, for R symbols.
template <unsigned R>
HWY_INLINE void add_rows(const std::vector<std::ptrdiff_t>& sources, Column column, V (&sum)[R]) {
  std::size_t i = 0;
  for (; i + 1 < sources.size(); i += 2) {
    const Column a = row_at(column, sources[i]);
    const Column b = row_at(column, sources[i + 1]);
    for (unsigned r = 0; r < R; ++r) {
      sum[r] = hn::Xor3(sum[r], load(row_at(a, r)), load(row_at(b, r)));
    }
  }
  if (i < sources.size()) {
    const Column a = row_at(column, sources[i]);
    for (unsigned r = 0; r < R; ++r) sum[r] = hn::Xor(sum[r], load(row_at(a, r)));
  }
}

/// The terms over GF(3), added to the symbols in (sum0, sum1).
template <unsigned R>
HWY_INLINE void add_trits(const PlaneTerms& terms, std::ptrdiff_t stride, Column column,
                          V (&sum0)[R], V (&sum1)[R]) {
  for (const std::ptrdiff_t source : terms.plus) {
    const Column a = row_at(column, source);
    const Column b = row_at(a, stride);
    for (unsigned r = 0; r < R; ++r) {
      const V y0 = load(row_at(a, r));
      const V y1 = load(row_at(b, r));
      const V s = hn::Xor(sum0[r], y1);
      const V t = hn::Xor(sum1[r], y0);
      sum0[r] = hn::Or(hn::Xor(s, sum1[r]), hn::Xor(t, y1));
      sum1[r] = hn::And(s, t);
    }
  }
  for (const std::ptrdiff_t source : terms.minus) {
    const Column a = row_at(column, source);
    const Column b = row_at(a, stride);
    for (unsigned r = 0; r < R; ++r) {
      const V y0 = load(row_at(a, r));
      const V y1 = load(row_at(b, r));
      const V t = hn::Xor(sum0[r], y0);
      const V x1 = sum1[r];
      sum0[r] = hn::Or(t, hn::Xor(x1, y1));
      sum1[r] = hn::And(hn::Xor(t, y1), hn::Xor(y0, x1));
    }
  }
}

/// Adds `terms` to R symbols: to `start`, or to what stands there where `start` is null.
template <unsigned R>
HWY_INLINE void add_plane_terms(const PlaneProgram& program, const PlaneTerms& terms,
                                const V* start, std::uint64_t* column) {
  const std::ptrdiff_t stride = program.stride * static_cast<std::ptrdiff_t>(row_words);
  V sum[R];
  const auto begin = [&](unsigned plane, V(&planes)[R]) {
    for (unsigned r = 0; r < R; ++r) {
      planes[r] = start != nullptr ? start[plane] : load(row_at(column + plane * stride, r));
    }
  };
  if (program.order == 3) {
    V sum1[R];
    begin(0, sum);
    begin(1, sum1);
    add_trits(terms, program.stride, column, sum, sum1);
    store_tile(column, sum);
    store_tile(column + stride, sum1);
    return;
  }
  for (unsigned plane = 0; plane < program.bits; ++plane) {
    begin(plane, sum);
    add_rows(terms.sums[plane], column, sum);
    store_tile(column + plane * stride, sum);
  }
}

/// One tile of one column, in all planes.
HWY_INLINE void generate_plane_tile(const PlaneProgram& program, const V* start,
                                    std::uint64_t* column) {
  constexpr unsigned tile = PlaneProgram::tile_rows;
  add_plane_terms<tile>(program, program.far, start, column);
  if (!program.near.empty()) {
    for (unsigned first = 0; first < tile; first += program.near_rows) {
      std::uint64_t* rows = column + std::size_t{first} * row_words;
      if (program.near_rows == 1) {
        add_plane_terms<1>(program, program.near, nullptr, rows);
      } else {
        add_plane_terms<2>(program, program.near, nullptr, rows);
      }
    }
  }
  if (program.order == 3) return;
  const std::ptrdiff_t stride = program.stride * static_cast<std::ptrdiff_t>(row_words);
  for (unsigned r = 0; r < tile; ++r) {
    std::uint64_t* row = column + std::size_t{r} * row_words;
    V any = hn::Or(load(row), load(row + stride));
    if (program.bits == 3) any = hn::Or(any, load(row + 2 * stride));
    hn::Store(any, D(), row + program.bits * stride);
  }
}

void generate_planes(const PlaneProgram& program, LaneRow* rows, unsigned count) {
  V start[3];
  for (unsigned plane = 0; plane < 3; ++plane) {
    start[plane] = hn::Set(D(), program.constant_planes[plane] ? ~std::uint64_t{0} : 0);
  }
  for (unsigned first = 0; first < count; first += PlaneProgram::tile_rows) {
    for (unsigned w = 0; w < row_words; w += column_words) {
      generate_plane_tile(program, start, rows[first].word.data() + w);
    }
  }
}

}  // namespace orbitmill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
