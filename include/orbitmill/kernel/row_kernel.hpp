/// Bit-sliced stepping over GF(2), GF(3), GF(4) and GF(8): 512 walks at once, one bit lane each.
///
/// The 512 lanes of a row are contiguous and a walk's rows follow each other (one column), so that
/// n rows and a few hundred new ones stay in the first-level cache. A step is a handful of XOR and
/// AND on rows; the shift costs nothing, because rows only advance.
///
/// Layout is the same for every instruction set: 64 bytes a row. A narrower vector takes a row in
/// several columns. Lane l is bit l % 64 of word l / 64.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "orbitmill/kernel/plane_program.hpp"
#include "orbitmill/kernel/row_program.hpp"

namespace orbitmill {

inline constexpr unsigned row_lanes = 512;
inline constexpr unsigned row_words = row_lanes / 64;

struct alignas(64) LaneRow {
  std::array<std::uint64_t, row_words> word{};

  bool test(unsigned lane) const { return (word[lane / 64] >> (lane % 64) & 1) != 0; }
  void set(unsigned lane) { word[lane / 64] |= std::uint64_t{1} << (lane % 64); }
  void reset(unsigned lane) { word[lane / 64] &= ~(std::uint64_t{1} << (lane % 64)); }
  bool any() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t w : word) sum |= w;
    return sum != 0;
  }
};

/// Where the zero-run pattern of a state lies, seen from the state's newest row. With a row index u
/// that moves along with the newest row, the run is rows u .. u+zeros-1.
struct RunWindow {
  int run_offset = 0;   ///< u = newest row + run_offset
  int lead_offset = 0;  ///< row of the digit in front of the run = newest row + lead_offset
};

/// A state whose most significant digits are 1 0^zeros (a milestone), in either direction.
constexpr RunWindow milestone_window(unsigned length, bool forward, unsigned zeros) {
  const int n = static_cast<int>(length);
  // Forward the newest symbol is the most significant digit; backward the oldest is.
  return forward ? RunWindow{-static_cast<int>(zeros), 0} : RunWindow{2 - n, 1 - n};
}

/// How a walk is compared with its start by the sweep: least states begin with `zeros` zeros.
struct SweepWindow {
  int first_offset = 0;  ///< row of the most significant digit = newest row + first_offset
  int stride = 1;        ///< row of the next digit = that row + stride (1 or -1)
  unsigned zeros = 0;    ///< j: leading zeros of the starts
  unsigned depth = 0;    ///< further digits behind the 1 that are compared
};

/// Most rows of one search.
inline constexpr unsigned max_chunk_rows = 64;

/// Where find_runs found something: hits are rare.
struct RunHits {
  /// Bit 8 r + w of words[t]: word w of row 8 t + r has a hit.
  std::array<std::uint64_t, max_chunk_rows / 8> words{};
  /// The t with words[t] != 0, in order.
  std::array<std::uint8_t, max_chunk_rows / 8 + 1> tiles{};
};

/// The functions of one instruction set. Rows before `rows` are read as far as the program's and
/// the window's distances reach. The searches compute the new rows first, as generate() does,
/// unless `program` is null: tile by tile, so that computing one (bound by loads) overlaps with
/// searching the last (bound by arithmetic).
struct RowKernel {
  const char* target;

  /// Computes rows[0, count) from the rows before. count is a multiple of RowProgram::tile_rows.
  void (*generate)(const RowProgram& program, LaneRow* rows, unsigned count);

  /// The same over GF(3), GF(4) and GF(8): the new symbols, in all planes. `rows` lies in column 0;
  /// count is a multiple of PlaneProgram::tile_rows. What searches for zero runs below takes the
  /// rows of the nonzero plane, which for this are those of a register over GF(2).
  void (*generate_planes)(const PlaneProgram& program, LaneRow* rows, unsigned count);

  /// For i in [0, count): hits[i] = lanes of `lanes` whose state with newest row rows[i] has digit
  /// 1 in front of `zeros` zeros where `window` says. Fills `found` and returns the number of its
  /// tiles. 1 <= zeros <= 62; count is a multiple of 8, at most max_chunk_rows.
  unsigned (*find_runs)(const RowProgram* program, LaneRow* rows, unsigned count, unsigned zeros,
                        RunWindow window, const LaneRow& lanes, LaneRow* hits, RunHits& found);

  /// For each new state (newest row rows[i], i in [0, count)) and lane: adds the lane to `dead` if
  /// the state is smaller than the lane's start for certain: its `zeros` leading digits are 0 and
  /// the following 1 + depth ones are smaller than those of the start, 1 and start_digits[0,
  /// depth). Undecided states, where all these digits agree, leave the lane alive; it is added to
  /// `met` unless that is null. count as above; depth <= max_depth.
  void (*find_smaller)(const RowProgram* program, LaneRow* rows, unsigned count,
                       const SweepWindow& window, const LaneRow* start_digits, LaneRow& dead,
                       LaneRow* met);

  /// Number of lanes that are set.
  unsigned (*count_lanes)(const LaneRow& lanes);

  /// Transposes the 64 x 512 bits in place, each 64 x 64 tile by itself: bit i of word w of row b
  /// becomes bit b of word w of row i. So words[row i].word[w] = state of lane 64 w + i turns into
  /// rows b of digits, and back.
  void (*transpose)(LaneRow* block);

  /// Packs a column of row_lanes words: those whose word in `keep` has its top bit set, in their
  /// order, as (word & mask) + add. Returns their number. `packed` may be the column itself or lie
  /// before it in the same array; up to row_words words behind the last packed one are overwritten.
  unsigned (*pack)(const std::uint64_t* keep, const std::uint64_t* column, std::uint64_t mask,
                   std::uint64_t add, std::uint64_t* packed);

  /// Packs row_lanes words themselves, those with their top bit set, as word & mask, and beside
  /// each its lane's number + first; word i belongs to lane 64 (i % 8) + i / 8. Both arrays as
  /// above.
  unsigned (*pack_block)(const std::uint64_t* words, std::uint64_t mask, std::uint64_t first,
                         std::uint64_t* packed, std::uint64_t* lanes);

  /// row[i] takes fresh[i] in the lanes of `lanes`. Precondition: fresh is 0 in the others.
  void (*merge)(LaneRow* rows, const LaneRow* fresh, unsigned count, const LaneRow& lanes);
};

/// Digits behind the leading 1 that find_smaller compares at most.
inline constexpr unsigned max_depth = 6;

/// The kernel in use: the best instruction set of this machine, or the one that the environment
/// variable ORBITMILL_SIMD names. Throws UsageError for a name that is unknown or that this machine
/// lacks. The choice is made once.
const RowKernel& row_kernel();
/// The kernel of one instruction set by name, in upper or lower case. Throws as above.
const RowKernel& row_kernel_named(const std::string& name);
/// Names that can be used here, best first; "scalar" is always there.
std::vector<std::string> row_kernel_names();

/// The textbook version, also the oracle of the others in the tests.
extern const RowKernel scalar_row_kernel;

}  // namespace orbitmill
