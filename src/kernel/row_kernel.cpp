/// The row kernel for every instruction set that Highway knows, compiled once for each and chosen
/// at run time (hwy/foreach_target.h includes this file again and again).
///
/// How time is saved: rows are taken in tiles of eight, which live in registers while the terms of
/// the feedback are interpreted over them, so that interpreting costs a few cycles a term and tile.
/// Zero runs are found for a tile of windows together. A narrower vector runs the same code over
/// several columns of a row.
#include "orbitmill/kernel/row_kernel.hpp"

#include <algorithm>
#include <cstddef>

// Vectors without a fixed size cannot stand in arrays, which the tiles are.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV | HWY_WASM)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "row_kernel.cpp"
#include <hwy/foreach_target.h>
// This order is Highway's: the targets first, then what they include.
#include <hwy/highway.h>

#include "plane_tiles-inl.hpp"
#include "row_vectors-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orbitmill::HWY_NAMESPACE {

constexpr unsigned tile = RowProgram::tile_rows;

/// sum[r] += the terms, for rows r of a tile; `column` is at the tile's first row.
template <unsigned R>
HWY_INLINE void add_terms(const RowTerms& terms, Column column, V (&sum)[R]) {
  const auto back = [column](unsigned distance) {
    return row_at(column, -static_cast<std::ptrdiff_t>(distance));
  };
  std::size_t i = 0;
  for (; i + 1 < terms.linear.size(); i += 2) {
    const Column a = back(terms.linear[i]);
    const Column b = back(terms.linear[i + 1]);
    for (unsigned r = 0; r < R; ++r) {
      sum[r] = hn::Xor3(sum[r], load(row_at(a, r)), load(row_at(b, r)));
    }
  }
  if (i < terms.linear.size()) {
    const Column a = back(terms.linear[i]);
    for (unsigned r = 0; r < R; ++r) sum[r] = hn::Xor(sum[r], load(row_at(a, r)));
  }
  for (std::size_t pair = 0; pair < terms.pairs.size(); pair += 2) {
    const Column a = back(terms.pairs[pair]);
    const Column b = back(terms.pairs[pair + 1]);
    for (unsigned r = 0; r < R; ++r) {
      sum[r] = hn::Xor(sum[r], hn::And(load(row_at(a, r)), load(row_at(b, r))));
    }
  }
  const unsigned* factor = terms.product_factors.data();
  for (const unsigned degree : terms.product_degrees) {
    V product[R];
    const Column a = back(factor[0]);
    for (unsigned r = 0; r < R; ++r) product[r] = load(row_at(a, r));
    for (unsigned f = 1; f < degree; ++f) {
      const Column b = back(factor[f]);
      for (unsigned r = 0; r < R; ++r) product[r] = hn::And(product[r], load(row_at(b, r)));
    }
    for (unsigned r = 0; r < R; ++r) sum[r] = hn::Xor(sum[r], product[r]);
    factor += degree;
  }
}

/// Near terms over a tile whose rows hold the far terms, R rows at a time.
template <unsigned R>
HWY_INLINE void add_near_terms(const RowTerms& near, std::uint64_t* column) {
  for (unsigned first = 0; first < tile; first += R) {
    std::uint64_t* rows = column + std::size_t{first} * row_words;
    V sum[R];
    for (unsigned r = 0; r < R; ++r) sum[r] = load(row_at(rows, r));
    add_terms(near, rows, sum);
    store_tile(rows, sum);
  }
}

/// One tile of one column.
HWY_INLINE void generate_tile(const RowProgram& program, std::uint64_t* column) {
  const V start = hn::Set(D(), program.complemented ? ~std::uint64_t{0} : 0);
  V sum[tile];
  for (unsigned r = 0; r < tile; ++r) sum[r] = start;
  add_terms(program.far, column, sum);
  store_tile(column, sum);
  if (!program.has_near_terms()) return;
  switch (program.near_rows) {
    case 1:
      add_near_terms<1>(program.near, column);
      break;
    case 2:
      add_near_terms<2>(program.near, column);
      break;
    default:
      add_near_terms<4>(program.near, column);
      break;
  }
}

void generate(const RowProgram& program, LaneRow* rows, unsigned count) {
  for (unsigned first = 0; first < count; first += tile) {
    for (unsigned w = 0; w < row_words; w += column_words) {
      generate_tile(program, rows[first].word.data() + w);
    }
  }
}

/// any[r] = OR of the `zeros` rows from row r of `column` on, for R consecutive r: 0 in the lanes
/// with a zero run. The windows of R rows share a core of zeros - R + 1 rows; what they have to its
/// left and right is summed from the core outwards (van Herk, "A fast algorithm for local minimum
/// and maximum filters", Pattern Recognition Letters 13, 1992, for one tile). Precondition: zeros
/// >= R - 1 and R >= 2. Cost: 2 loads and 2.7 operations a row for R = 8, zeros = 10.
template <unsigned R>
HWY_INLINE void wide_runs(Column column, unsigned zeros, V (&any)[R]) {
  V core = load(row_at(column, R - 1));
  unsigned row = R;
  for (; row + 1 < zeros; row += 2) {
    core = hn::Or3(core, load(row_at(column, row)), load(row_at(column, row + 1)));
  }
  if (row < zeros) core = hn::Or(core, load(row_at(column, row)));
  // Without a core of its own (zeros = R - 1) the last row belongs to the right side of r >= 1.
  V right[R];
  right[0] = hn::Zero(D());
  for (unsigned r = 1; r < R; ++r) {
    right[r] = hn::Or(right[r - 1], load(row_at(column, zeros + r - 1)));
  }
  V left = hn::Zero(D());
  any[R - 1] = hn::Or(core, right[R - 1]);
  for (unsigned r = R - 1; r > 0; --r) {
    left = hn::Or(left, load(row_at(column, r - 1)));
    any[r - 1] = hn::Or3(left, core, right[r - 1]);
  }
}

/// The same for any number of zeros, over a tile.
HWY_INLINE void find_tile_runs(Column column, unsigned zeros, V (&any)[tile]) {
  if (zeros >= tile) {
    wide_runs<tile>(column, zeros, any);
    return;
  }
  if (zeros >= 4) {
    for (unsigned half = 0; half < tile; half += 4) {
      V some[4];
      wide_runs<4>(row_at(column, half), zeros, some);
      for (unsigned r = 0; r < 4; ++r) any[half + r] = some[r];
    }
    return;
  }
  for (unsigned r = 0; r < tile; ++r) any[r] = hn::Zero(D());
  for (unsigned z = 0; z < zeros; ++z) {
    for (unsigned r = 0; r < tile; ++r) any[r] = hn::Or(any[r], load(row_at(column, r + z)));
  }
}

unsigned find_runs(const RowProgram* program, LaneRow* rows, unsigned count, unsigned zeros,
                   RunWindow window, const LaneRow& lanes, LaneRow* hits, RunHits& found) {
  unsigned tiles = 0;
  for (unsigned w = 0; w < row_words; w += column_words) {
    const Column column = column_of(rows, w);
    const V wanted = load(lanes.word.data() + w);
    const bool last_column = w + column_words == row_words;
    for (unsigned first = 0; first < count; first += tile) {
      if (program != nullptr) generate_tile(*program, rows[first].word.data() + w);
      V any[tile];
      find_tile_runs(row_at(column, window.run_offset + static_cast<int>(first)), zeros, any);
      std::uint64_t words = w == 0 ? 0 : found.words[first / tile];
      for (unsigned r = 0; r < tile; ++r) {
        const V lead = load(row_at(column, window.lead_offset + static_cast<int>(first + r)));
        const V hit = hn::AndNot(any[r], hn::And(lead, wanted));
        hn::Store(hit, D(), hits[first + r].word.data() + w);
        std::uint8_t bits[8];
        hn::StoreMaskBits(D(), hn::Ne(hit, hn::Zero(D())), bits);
        words |= std::uint64_t{bits[0]} << (8 * r + w);
      }
      found.words[first / tile] = words;
      // Written always and counted if hit: hits are too rare and too random to guess.
      if (last_column) {
        found.tiles[tiles] = static_cast<std::uint8_t>(first / tile);
        tiles += words != 0 ? 1 : 0;
      }
    }
  }
  return tiles;
}

/// a ? b and c : b or c, that is the majority of (not a, b, c).
HWY_INLINE V pick(V a, V b, V c) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return V{_mm512_ternarylogic_epi64(a.raw, b.raw, c.raw, 0x8E)};
#else
  return hn::Or(hn::And(b, c), hn::AndNot(a, hn::Or(b, c)));
#endif
}

/// a and (b equal c).
HWY_INLINE V and_equal(V a, V b, V c) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return V{_mm512_ternarylogic_epi64(a.raw, b.raw, c.raw, 0x90)};
#else
  return hn::AndNot(hn::Xor(b, c), a);
#endif
}

/// With the start's digits x and the state's r, "smaller from digit i on" is L_i = r_i ? (x_i and
/// L_{i+1}) : (x_i or L_{i+1}), and the digit in front of them is 1 in the start.
template <unsigned depth, bool with_met>
HWY_INLINE void smaller_column(const RowProgram* program, std::uint64_t* column, unsigned count,
                               const SweepWindow& window, Column start_digits,
                               std::uint64_t* dead_words, std::uint64_t* met_words) {
  const bool down = window.stride < 0;
  const auto zeros = static_cast<int>(window.zeros);
  const int run_offset = down ? window.first_offset - zeros + 1 : window.first_offset;
  const int lead = window.first_offset + window.stride * zeros;
  // Rows lead + stride * (0 ... depth) of all rows of the tile, in the order of memory.
  const int low = down ? lead - static_cast<int>(depth) : lead;
  V x[depth + 1];
  for (unsigned i = 0; i < depth; ++i) x[i] = load(row_at(start_digits, i));
  V dead = load(dead_words);
  V met = load(met_words);
  for (unsigned first = 0; first < count; first += tile) {
    if (program != nullptr) {
      generate_tile(*program, column + std::size_t{first} * row_words);
    }
    V any[tile];
    find_tile_runs(row_at(column, run_offset + static_cast<int>(first)), window.zeros, any);
    V digit[tile + depth];
    for (unsigned i = 0; i < tile + depth; ++i) {
      digit[i] = load(row_at(column, low + static_cast<int>(first + i)));
    }
    const auto compare = [&](auto digit_of) {
      for (unsigned r = 0; r < tile; ++r) {
        V less = hn::Zero(D());
        for (unsigned i = depth; i > 0; --i) less = pick(digit_of(r, i), x[i - 1], less);
        less = hn::Or(hn::Not(digit_of(r, 0)), less);
        dead = hn::Or(dead, hn::AndNot(any[r], less));
        if constexpr (with_met) {
          V equal = hn::AndNot(any[r], digit_of(r, 0));
          for (unsigned i = 1; i <= depth; ++i) equal = and_equal(equal, digit_of(r, i), x[i - 1]);
          met = hn::Or(met, equal);
        }
      }
    };
    if (down) {
      compare([&](unsigned r, unsigned i) { return digit[r + depth - i]; });
    } else {
      compare([&](unsigned r, unsigned i) { return digit[r + i]; });
    }
  }
  hn::Store(dead, D(), dead_words);
  if constexpr (with_met) hn::Store(met, D(), met_words);
}

template <unsigned depth>
void find_smaller_to(const RowProgram* program, LaneRow* rows, unsigned count,
                     const SweepWindow& window, const LaneRow* start_digits, LaneRow& dead,
                     LaneRow* met) {
  for (unsigned w = 0; w < row_words; w += column_words) {
    std::uint64_t* column = rows->word.data() + w;
    const Column digits = column_of(start_digits, w);
    std::uint64_t* dead_words = dead.word.data() + w;
    if (met == nullptr) {
      smaller_column<depth, false>(program, column, count, window, digits, dead_words, dead_words);
    } else {
      smaller_column<depth, true>(program, column, count, window, digits, dead_words,
                                  met->word.data() + w);
    }
  }
}

void find_smaller(const RowProgram* program, LaneRow* rows, unsigned count,
                  const SweepWindow& window, const LaneRow* start_digits, LaneRow& dead,
                  LaneRow* met) {
  switch (window.depth) {
    case 0:
      find_smaller_to<0>(program, rows, count, window, start_digits, dead, met);
      break;
    case 1:
      find_smaller_to<1>(program, rows, count, window, start_digits, dead, met);
      break;
    case 2:
      find_smaller_to<2>(program, rows, count, window, start_digits, dead, met);
      break;
    case 3:
      find_smaller_to<3>(program, rows, count, window, start_digits, dead, met);
      break;
    case 4:
      find_smaller_to<4>(program, rows, count, window, start_digits, dead, met);
      break;
    case 5:
      find_smaller_to<5>(program, rows, count, window, start_digits, dead, met);
      break;
    default:
      find_smaller_to<6>(program, rows, count, window, start_digits, dead, met);
      break;
  }
}

unsigned count_lanes(const LaneRow& lanes) {
  V sum = hn::Zero(D());
  for (unsigned w = 0; w < row_words; w += column_words) {
    sum = hn::Add(sum, hn::PopulationCount(load(lanes.word.data() + w)));
  }
  return static_cast<unsigned>(hn::GetLane(hn::SumOfLanes(D(), sum)));
}

/// Bit by bit, mask ? yes : no. IfVecThenElse is no help but on AVX-512: AVX2 and SSE4 have a blend
/// that goes by the top bit of each byte.
HWY_INLINE V select_bits(V mask, V yes, V no) {
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  return hn::IfVecThenElse(mask, yes, no);
#else
  return hn::Or(hn::And(mask, yes), hn::AndNot(mask, no));
#endif
}

/// One stage of the transposition: swaps the high half of a with the low half of b, in every group
/// of 2 * shift bits.
template <int shift>
HWY_INLINE void swap_halves(V& a, V& b, V low) {
  const V upper = select_bits(low, a, hn::ShiftLeft<shift>(b));
  b = select_bits(low, hn::ShiftRight<shift>(a), b);
  a = upper;
}

/// Three stages over eight rows in registers.
template <int shift>
HWY_INLINE void three_stages(V (&v)[8], V low_wide, V low_middle, V low_narrow) {
  for (int i = 0; i < 4; ++i) swap_halves<4 * shift>(v[i], v[i + 4], low_wide);
  for (const int i : {0, 1, 4, 5}) swap_halves<2 * shift>(v[i], v[i + 2], low_middle);
  for (const int i : {0, 2, 4, 6}) swap_halves<shift>(v[i], v[i + 1], low_narrow);
}

void transpose(LaneRow* block) {
  const auto constant = [](std::uint64_t bits) { return hn::Set(D(), bits); };
  for (unsigned w = 0; w < row_words; w += column_words) {
    std::uint64_t* column = block->word.data() + w;
    V v[8];
    const auto pass = [&](unsigned first, unsigned step, auto stages) {
      for (unsigned i = 0; i < 8; ++i) v[i] = load(row_at(column, first + i * step));
      stages();
      for (unsigned i = 0; i < 8; ++i) {
        hn::Store(v[i], D(), column + std::size_t{first + i * step} * row_words);
      }
    };
    for (unsigned i = 0; i < 8; ++i) {
      pass(i, 8, [&] {
        three_stages<8>(v, constant(0x0000'0000'ffff'ffff), constant(0x0000'ffff'0000'ffff),
                        constant(0x00ff'00ff'00ff'00ff));
      });
    }
    for (unsigned i = 0; i < 64; i += 8) {
      pass(i, 1, [&] {
        three_stages<1>(v, constant(0x0f0f'0f0f'0f0f'0f0f), constant(0x3333'3333'3333'3333),
                        constant(0x5555'5555'5555'5555));
      });
    }
  }
}

unsigned pack(const std::uint64_t* keep, const std::uint64_t* column, std::uint64_t mask,
              std::uint64_t add, std::uint64_t* packed) {
  unsigned count = 0;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  // Highway's Compress looks its permutation up in a table, which GCC 12 copies at every call.
  const V bits = hn::Set(D(), mask);
  const V sum = hn::Set(D(), add);
  for (unsigned seat = 0; seat < row_lanes; seat += column_words) {
    const __mmask8 kept = _mm512_movepi64_mask(hn::LoadU(D(), keep + seat).raw);
    const V word = hn::Add(hn::And(hn::LoadU(D(), column + seat), bits), sum);
    hn::StoreU(V{_mm512_maskz_compress_epi64(kept, word.raw)}, D(), packed + count);
    count += static_cast<unsigned>(hwy::PopCount(kept));
  }
#else
  // Written always and counted if kept: no branch to guess.
  for (unsigned seat = 0; seat < row_lanes; ++seat) {
    packed[count] = (column[seat] & mask) + add;
    count += static_cast<unsigned>(keep[seat] >> 63);
  }
#endif
  return count;
}

unsigned pack_block(const std::uint64_t* words, std::uint64_t mask, std::uint64_t first,
                    std::uint64_t* packed, std::uint64_t* lanes) {
  unsigned count = 0;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX3_DL
  const V bits = hn::Set(D(), mask);
  const V one = hn::Set(D(), 1);
  V lane = hn::Add(hn::ShiftLeft<6>(hn::Iota(D(), 0)), hn::Set(D(), first));
  for (unsigned seat = 0; seat < row_lanes; seat += column_words) {
    const V word = hn::LoadU(D(), words + seat);
    const __mmask8 kept = _mm512_movepi64_mask(word.raw);
    hn::StoreU(V{_mm512_maskz_compress_epi64(kept, hn::And(word, bits).raw)}, D(), packed + count);
    hn::StoreU(V{_mm512_maskz_compress_epi64(kept, lane.raw)}, D(), lanes + count);
    lane = hn::Add(lane, one);
    count += static_cast<unsigned>(hwy::PopCount(kept));
  }
#else
  for (unsigned seat = 0; seat < row_lanes; ++seat) {
    packed[count] = words[seat] & mask;
    lanes[count] = first + 64 * (seat % row_words) + seat / row_words;
    count += static_cast<unsigned>(words[seat] >> 63);
  }
#endif
  return count;
}

void merge(LaneRow* rows, const LaneRow* fresh, unsigned count, const LaneRow& lanes) {
  for (unsigned w = 0; w < row_words; w += column_words) {
    const V replaced = load(lanes.word.data() + w);
    for (unsigned i = 0; i < count; ++i) {
      std::uint64_t* row = rows[i].word.data() + w;
      hn::Store(hn::Or(hn::AndNot(replaced, load(row)), load(fresh[i].word.data() + w)), D(), row);
    }
  }
}

const RowKernel& target_kernel() {
  static const RowKernel kernel = {hwy::TargetName(HWY_TARGET),
                                   generate,
                                   generate_planes,
                                   find_runs,
                                   find_smaller,
                                   count_lanes,
                                   transpose,
                                   pack,
                                   pack_block,
                                   merge};
  return kernel;
}

}  // namespace orbitmill::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <cstdlib>
#include <string_view>

#include "orbitmill/error.hpp"

namespace orbitmill {

HWY_EXPORT(target_kernel);

namespace {

/// Every kernel that this machine can run, best first. Highway chooses one target for the process;
/// it is led through all of them, once, so that tests can compare them.
std::vector<const RowKernel*> collect_kernels() {
  std::vector<const RowKernel*> kernels;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    if (target == HWY_SCALAR || target == HWY_EMU128) continue;  // ours is simpler
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    kernels.push_back(&HWY_DYNAMIC_DISPATCH(target_kernel)());
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  kernels.push_back(&scalar_row_kernel);
  return kernels;
}

const std::vector<const RowKernel*>& kernels() {
  static const std::vector<const RowKernel*> all = collect_kernels();
  return all;
}

}  // namespace

std::vector<std::string> row_kernel_names() {
  std::vector<std::string> names;
  for (const RowKernel* kernel : kernels()) names.emplace_back(kernel->target);
  return names;
}

const RowKernel& row_kernel_named(const std::string& name) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  for (const RowKernel* kernel : kernels()) {
    if (std::ranges::equal(name, std::string_view(kernel->target), same)) return *kernel;
  }
  throw UsageError(
      fmt::format("ORBITMILL_SIMD=\"{}\" is not an instruction set of this machine; "
                  "expected one of {}, or leave it unset",
                  name, fmt::join(row_kernel_names(), ", ")));
}

const RowKernel& row_kernel() {
  static const RowKernel& chosen = [&]() -> const RowKernel& {
    const char* wanted = std::getenv("ORBITMILL_SIMD");
    return wanted == nullptr || *wanted == '\0' ? *kernels().front() : row_kernel_named(wanted);
  }();
  return chosen;
}

}  // namespace orbitmill
#endif
