/// The row kernel in plain C++, one row after the other: for machines without vectors that Highway
/// knows, and the oracle of the vector versions.
#include <bit>

#include "orbitmill/kernel/row_kernel.hpp"

namespace orbitmill {
namespace {

void add_terms(const RowTerms& terms, const LaneRow* row, unsigned w, std::uint64_t& sum) {
  const auto back = [&](unsigned distance) { return (row - distance)->word[w]; };
  for (const unsigned distance : terms.linear) sum ^= back(distance);
  for (std::size_t i = 0; i < terms.pairs.size(); i += 2) {
    sum ^= back(terms.pairs[i]) & back(terms.pairs[i + 1]);
  }
  const unsigned* factor = terms.product_factors.data();
  for (const unsigned degree : terms.product_degrees) {
    std::uint64_t product = ~std::uint64_t{0};
    for (unsigned i = 0; i < degree; ++i) product &= back(factor[i]);
    sum ^= product;
    factor += degree;
  }
}

void generate(const RowProgram& program, LaneRow* rows, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    for (unsigned w = 0; w < row_words; ++w) {
      std::uint64_t sum = program.complemented ? ~std::uint64_t{0} : 0;
      add_terms(program.far, rows + i, w, sum);
      add_terms(program.near, rows + i, w, sum);
      rows[i].word[w] = sum;
    }
  }
}

/// The digits of a sum, one by one, in the encoding of plane_program.hpp.
void generate_planes(const PlaneProgram& program, LaneRow* rows, unsigned count) {
  const std::array<const PlaneTerms*, 2> parts = {&program.far, &program.near};
  for (unsigned i = 0; i < count; ++i) {
    for (unsigned w = 0; w < row_words; ++w) {
      const auto word = [&](std::ptrdiff_t row) -> std::uint64_t& { return rows[i + row].word[w]; };
      const auto plane = [&](unsigned b) -> std::uint64_t& { return word(b * program.stride); };
      std::array<std::uint64_t, 3> sum{};
      for (unsigned b = 0; b < program.bits; ++b) {
        sum[b] = program.constant_planes[b] ? ~std::uint64_t{0} : 0;
        for (const PlaneTerms* terms : parts) {
          for (const std::ptrdiff_t source : terms->sums[b]) sum[b] ^= word(source);
        }
      }
      // Lanes with 1 and with 2, and those of the sum by the table of addition.
      std::uint64_t two = sum[1];
      std::uint64_t one = sum[0] & ~sum[1];
      const auto add = [&](std::uint64_t a, std::uint64_t b) {
        const std::uint64_t none = ~(one | two);
        const std::uint64_t zero = ~(a | b);
        const std::uint64_t next_one = (none & a) | (one & zero) | (two & b);
        two = (none & b) | (two & zero) | (one & a);
        one = next_one;
      };
      for (const PlaneTerms* terms : parts) {
        for (const std::ptrdiff_t source : terms->plus) {
          add(word(source) & ~word(source + program.stride), word(source + program.stride));
        }
        for (const std::ptrdiff_t source : terms->minus) {
          add(word(source + program.stride), word(source) & ~word(source + program.stride));
        }
      }
      if (program.order == 3) sum = {one | two, two, 0};
      for (unsigned b = 0; b < program.bits; ++b) plane(b) = sum[b];
      if (program.order != 3) plane(program.nonzero_plane) = sum[0] | sum[1] | sum[2];
    }
  }
}

unsigned find_runs(const RowProgram* program, LaneRow* rows, unsigned count, unsigned zeros,
                   RunWindow window, const LaneRow& lanes, LaneRow* hits, RunHits& found) {
  if (program != nullptr) generate(*program, rows, count);
  unsigned tiles = 0;
  for (unsigned i = 0; i < count; ++i) {
    const LaneRow* newest = rows + i;
    std::uint64_t& words = found.words[i / 8];
    if (i % 8 == 0) words = 0;
    for (unsigned w = 0; w < row_words; ++w) {
      std::uint64_t hit = newest[window.lead_offset].word[w] & lanes.word[w];
      for (int z = 0; z < static_cast<int>(zeros); ++z) {
        hit &= ~newest[window.run_offset + z].word[w];
      }
      hits[i].word[w] = hit;
      if (hit != 0) words |= std::uint64_t{1} << (i % 8 * 8 + w);
    }
    if (i % 8 == 7 && words != 0) found.tiles[tiles++] = static_cast<std::uint8_t>(i / 8);
  }
  return tiles;
}

void find_smaller(const RowProgram* program, LaneRow* rows, unsigned count,
                  const SweepWindow& window, const LaneRow* start_digits, LaneRow& dead,
                  LaneRow* met) {
  if (program != nullptr) generate(*program, rows, count);
  for (unsigned i = 0; i < count; ++i) {
    for (unsigned w = 0; w < row_words; ++w) {
      const auto digit = [&](unsigned place) {
        return rows[static_cast<int>(i) + window.first_offset +
                    window.stride * static_cast<int>(place)]
            .word[w];
      };
      std::uint64_t equal = ~std::uint64_t{0};
      for (unsigned z = 0; z < window.zeros; ++z) equal &= ~digit(z);
      std::uint64_t smaller = equal & ~digit(window.zeros);
      equal &= digit(window.zeros);
      for (unsigned d = 0; d < window.depth; ++d) {
        const std::uint64_t mine = digit(window.zeros + 1 + d);
        smaller |= equal & ~mine & start_digits[d].word[w];
        equal &= ~(mine ^ start_digits[d].word[w]);
      }
      dead.word[w] |= smaller;
      if (met != nullptr) met->word[w] |= equal;
    }
  }
}

unsigned count_lanes(const LaneRow& lanes) {
  int sum = 0;
  for (const std::uint64_t word : lanes.word) sum += std::popcount(word);
  return static_cast<unsigned>(sum);
}

void transpose(LaneRow* block) {
  for (unsigned w = 0; w < row_words; ++w) {
    std::array<std::uint64_t, 64> column{};
    for (unsigned i = 0; i < 64; ++i) {
      for (std::uint64_t bits = block[i].word[w]; bits != 0; bits &= bits - 1) {
        column[static_cast<unsigned>(std::countr_zero(bits))] |= std::uint64_t{1} << i;
      }
    }
    for (unsigned b = 0; b < 64; ++b) block[b].word[w] = column[b];
  }
}

unsigned pack(const std::uint64_t* keep, const std::uint64_t* column, std::uint64_t mask,
              std::uint64_t add, std::uint64_t* packed) {
  unsigned count = 0;
  for (unsigned seat = 0; seat < row_lanes; ++seat) {
    if (keep[seat] >> 63 != 0) packed[count++] = (column[seat] & mask) + add;
  }
  return count;
}

unsigned pack_block(const std::uint64_t* words, std::uint64_t mask, std::uint64_t first,
                    std::uint64_t* packed, std::uint64_t* lanes) {
  unsigned count = 0;
  for (unsigned seat = 0; seat < row_lanes; ++seat) {
    if (words[seat] >> 63 == 0) continue;
    packed[count] = words[seat] & mask;
    lanes[count++] = first + 64 * (seat % row_words) + seat / row_words;
  }
  return count;
}

void merge(LaneRow* rows, const LaneRow* fresh, unsigned count, const LaneRow& lanes) {
  for (unsigned i = 0; i < count; ++i) {
    for (unsigned w = 0; w < row_words; ++w) {
      rows[i].word[w] = (rows[i].word[w] & ~lanes.word[w]) | fresh[i].word[w];
    }
  }
}

}  // namespace

const RowKernel scalar_row_kernel = {"scalar",     generate,    generate_planes, find_runs,
                                     find_smaller, count_lanes, transpose,       pack,
                                     pack_block,   merge};

}  // namespace orbitmill
