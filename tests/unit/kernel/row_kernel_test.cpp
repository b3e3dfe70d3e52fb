/// Every instruction set against the plain version, and the plain version against the definition:
/// states as integers, one lane at a time.
#include "orbitmill/kernel/row_kernel.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <map>
#include <random>

#include "orbitmill/error.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

constexpr unsigned max_length = 62;
/// The kernels may read whole tiles too much at both ends.
constexpr unsigned margin = 16;

/// The rows of some walks: a past as long as any distance, then the new ones.
class Rows {
 public:
  /// Digits are 1 with probability 2^-sparseness: 1 for even odds, more to get long zero runs.
  template <class Generator>
  Rows(Generator& random, unsigned sparseness)
      : rows_(margin + max_length + max_chunk_rows + margin) {
    for (LaneRow& row : rows_) {
      row.word.fill(~std::uint64_t{0});
      for (unsigned i = 0; i < sparseness; ++i) {
        for (std::uint64_t& word : row.word) word &= random();
      }
    }
  }
  LaneRow* fresh() { return rows_.data() + margin + max_length; }

  /// The state of a lane whose newest row is fresh()[row].
  State state(int row, unsigned lane, unsigned length, bool forward) {
    State state = 0;
    for (unsigned i = 0; i < length; ++i) {
      const bool digit = (fresh() + row - static_cast<int>(i))->test(lane);
      if (digit) state |= State{1} << (forward ? length - 1 - i : i);
    }
    return state;
  }
  friend bool operator==(const Rows& a, const Rows& b) {
    return std::ranges::equal(a.rows_, b.rows_, {}, &LaneRow::word, &LaneRow::word);
  }

 private:
  std::vector<LaneRow> rows_;
};

template <class Generator>
LaneRow random_lanes(Generator& random) {
  LaneRow lanes;
  const std::uint64_t kind = random() % 4;  // none, all, or any twice as often
  for (std::uint64_t& word : lanes.word)
    word = kind == 0 ? 0 : kind == 1 ? ~std::uint64_t{0} : random();
  return lanes;
}

/// Digits sparse enough that runs of `zeros` are neither everywhere nor nowhere.
unsigned sparseness_for(unsigned zeros) {
  return std::max(1U, static_cast<unsigned>(std::bit_width(zeros)));
}

class EveryTarget : public testing::TestWithParam<std::string> {
 protected:
  const RowKernel& kernel_ = row_kernel_named(GetParam());
};

TEST_P(EveryTarget, GeneratesWhatTheStepDoes) {
  std::mt19937_64 random(1);
  std::map<std::pair<bool, unsigned>, int> kinds;  // direction, rows of the near terms
  for (int round = 0; round < 600; ++round) {
    const unsigned length = 8 + static_cast<unsigned>(random() % (max_length - 7));
    const Register reg(test::random_binary_register(random, length).spec);
    const RowProgram program = make_row_program(reg);
    const unsigned count = 8 * (1 + static_cast<unsigned>(random() % 8));
    SCOPED_TRACE(testing::Message() << "round " << round << ", n = " << length << ", " << count
                                    << " rows, near_rows = " << program.near_rows);
    ++kinds[{program.forward, program.has_near_terms() ? program.near_rows : 8}];
    Rows rows(random, round % 2 == 0 ? 1 : 2);
    Rows by_scalar = rows;
    scalar_row_kernel.generate(program, by_scalar.fresh(), count);
    kernel_.generate(program, rows.fresh(), count);
    ASSERT_TRUE(rows == by_scalar);
    for (int sample = 0; sample < 16; ++sample) {
      const unsigned lane = static_cast<unsigned>(random() % row_lanes);
      State expected = rows.state(-1, lane, length, program.forward);
      for (int row = 0; row < static_cast<int>(count); ++row) {
        expected = program.forward ? reg.next(expected) : reg.prev(expected);
        ASSERT_EQ(rows.state(row, lane, length, program.forward), expected)
            << "lane " << lane << ", row " << row;
      }
    }
  }
  // Ties go forward, so a backward program never has the least distance 1.
  for (const unsigned near_rows : {1U, 2U, 4U, 8U}) {
    EXPECT_GT((kinds[{true, near_rows}]), 10) << near_rows;
    if (near_rows > 1) {
      EXPECT_GT((kinds[{false, near_rows}]), 10) << near_rows;
    }
  }
}

TEST_P(EveryTarget, FindsRunsWhereTheStatesAreMilestones) {
  std::mt19937_64 random(2);
  std::uint64_t found = 0;
  for (int round = 0; round < 800; ++round) {
    const unsigned length = 8 + static_cast<unsigned>(random() % (max_length - 7));
    // Every number up to 40 in turn, as far as the length allows.
    const unsigned zeros = std::min(1 + static_cast<unsigned>(round) % 40, length - 1);
    const bool forward = random() % 2 == 0;
    const RunWindow window = milestone_window(length, forward, zeros);
    const unsigned count = 8 * (1 + static_cast<unsigned>(random() % 8));
    SCOPED_TRACE(testing::Message() << "round " << round << ", n = " << length << ", k = " << zeros
                                    << (forward ? ", forward" : ", backward"));
    Rows rows(random, sparseness_for(zeros));
    const LaneRow lanes = random_lanes(random);
    std::array<LaneRow, max_chunk_rows> hits{}, hits_by_scalar{};
    RunHits found_by_scalar, found_here;
    found_here.words.fill(~std::uint64_t{0});
    const unsigned expected_tiles = scalar_row_kernel.find_runs(
        nullptr, rows.fresh(), count, zeros, window, lanes, hits_by_scalar.data(), found_by_scalar);
    ASSERT_EQ(kernel_.find_runs(nullptr, rows.fresh(), count, zeros, window, lanes, hits.data(),
                                found_here),
              expected_tiles);
    unsigned listed = 0;
    for (unsigned tile = 0; tile < count / 8; ++tile) {
      ASSERT_EQ(found_here.words[tile], found_by_scalar.words[tile]) << "tile " << tile;
      for (unsigned i = 0; i < 64; ++i) {
        const unsigned row = 8 * tile + i / 8;
        ASSERT_EQ(hits[row].word[i % 8], hits_by_scalar[row].word[i % 8]) << "row " << row;
        ASSERT_EQ((found_here.words[tile] >> i & 1) != 0, hits[row].word[i % 8] != 0);
      }
      if (found_here.words[tile] == 0) continue;
      ASSERT_LT(listed, expected_tiles);
      ASSERT_EQ(found_by_scalar.tiles[listed], tile);
      ASSERT_EQ(found_here.tiles[listed++], tile);
    }
    ASSERT_EQ(listed, expected_tiles);
    for (int sample = 0; sample < 100; ++sample) {
      const auto row = static_cast<unsigned>(random() % count);
      const auto lane = static_cast<unsigned>(random() % row_lanes);
      const State state = rows.state(static_cast<int>(row), lane, length, forward);
      const bool milestone = state >> (length - 1 - zeros) == State{1} << zeros;
      ASSERT_EQ(hits[row].test(lane), milestone && lanes.test(lane))
          << "state " << state << ", row " << row << ", lane " << lane;
      found += hits[row].test(lane) ? 1U : 0U;
    }
  }
  EXPECT_GT(found, 300u);
}

/// What find_smaller may say about one state: its first zeros + 1 + depth digits decide.
struct Verdict {
  bool smaller = false;
  bool equal = false;
};

TEST_P(EveryTarget, FindsSmallerStates) {
  std::mt19937_64 random(3);
  std::uint64_t smaller_lanes = 0;
  std::uint64_t equal_lanes = 0;
  for (int round = 0; round < 900; ++round) {
    const unsigned length = 8 + static_cast<unsigned>(random() % (max_length - 7));
    const bool forward = round % 2 == 0;
    const unsigned depth = static_cast<unsigned>(random() % (max_depth + 1));
    const unsigned zeros = std::min(static_cast<unsigned>(random() % 41), length - 1 - depth);
    SweepWindow window;
    window.first_offset = forward ? 0 : 1 - static_cast<int>(length);
    window.stride = forward ? -1 : 1;
    window.zeros = zeros;
    window.depth = depth;
    const unsigned count = 8 * (1 + static_cast<unsigned>(random() % 8));
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ", n = " << length << ", j = " << zeros << ", depth "
                 << depth << (forward ? ", forward" : ", backward"));
    Rows rows(random, sparseness_for(zeros * max_chunk_rows / 8));
    std::array<LaneRow, max_depth> start{};
    for (LaneRow& digits : start) {
      for (std::uint64_t& word : digits.word) word = random() & random();
    }
    LaneRow before;
    for (std::uint64_t& word : before.word) word = random() & random() & random();
    LaneRow dead = before, dead_by_scalar = before, dead_alone = before;
    LaneRow met = before, met_by_scalar = before;
    scalar_row_kernel.find_smaller(nullptr, rows.fresh(), count, window, start.data(),
                                   dead_by_scalar, &met_by_scalar);
    kernel_.find_smaller(nullptr, rows.fresh(), count, window, start.data(), dead, &met);
    kernel_.find_smaller(nullptr, rows.fresh(), count, window, start.data(), dead_alone, nullptr);
    ASSERT_EQ(dead.word, dead_by_scalar.word);
    ASSERT_EQ(met.word, met_by_scalar.word);
    ASSERT_EQ(dead_alone.word, dead.word);
    for (int sample = 0; sample < 8; ++sample) {
      const auto lane = static_cast<unsigned>(random() % row_lanes);
      // The compared digits of the start, 0^j 1 and then `depth` more, as an integer.
      State wanted = 1;
      for (unsigned i = 0; i < depth; ++i) wanted = wanted << 1 | (start[i].test(lane) ? 1U : 0U);
      Verdict verdict{before.test(lane), before.test(lane)};
      for (unsigned row = 0; row < count; ++row) {
        const State shown = rows.state(static_cast<int>(row), lane, length, forward) >>
                            (length - zeros - 1 - depth);
        verdict.smaller |= shown < wanted;
        verdict.equal |= shown == wanted;
      }
      ASSERT_EQ(dead.test(lane), verdict.smaller) << "lane " << lane;
      ASSERT_EQ(met.test(lane), verdict.equal) << "lane " << lane;
      smaller_lanes += verdict.smaller && !before.test(lane) ? 1U : 0U;
      equal_lanes += verdict.equal && !before.test(lane) ? 1U : 0U;
    }
  }
  EXPECT_GT(smaller_lanes, 500u);
  EXPECT_GT(equal_lanes, 200u);
}

/// Computing and searching in one call is the one and then the other.
TEST_P(EveryTarget, SearchesTheRowsThatItComputes) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 400; ++round) {
    const unsigned length = 8 + static_cast<unsigned>(random() % (max_length - 7));
    const Register reg(test::random_binary_register(random, length).spec);
    const RowProgram program = make_row_program(reg);
    const unsigned count = 8 * (1 + static_cast<unsigned>(random() % 8));
    const unsigned zeros = 1 + static_cast<unsigned>(random() % std::min(length - 1, 12U));
    SCOPED_TRACE(testing::Message() << "round " << round << ", n = " << length << ", " << zeros
                                    << " zeros, near_rows = " << program.near_rows);
    const Rows past(random, sparseness_for(zeros));
    Rows computed = past;
    scalar_row_kernel.generate(program, computed.fresh(), count);
    const LaneRow lanes = random_lanes(random);

    const RunWindow window = milestone_window(length, program.forward, zeros);
    std::array<LaneRow, max_chunk_rows> hits{}, expected_hits{};
    RunHits found, expected_found;
    Rows rows = past;
    const unsigned expected_tiles =
        scalar_row_kernel.find_runs(nullptr, computed.fresh(), count, zeros, window, lanes,
                                    expected_hits.data(), expected_found);
    ASSERT_EQ(
        kernel_.find_runs(&program, rows.fresh(), count, zeros, window, lanes, hits.data(), found),
        expected_tiles);
    ASSERT_TRUE(rows == computed);
    for (unsigned row = 0; row < count; ++row) ASSERT_EQ(hits[row].word, expected_hits[row].word);
    ASSERT_EQ(found.words, expected_found.words);

    SweepWindow sweep;
    sweep.first_offset = program.forward ? 0 : 1 - static_cast<int>(length);
    sweep.stride = program.forward ? -1 : 1;
    sweep.depth = static_cast<unsigned>(random() % std::min(length - zeros, max_depth + 1));
    sweep.zeros = zeros;
    std::array<LaneRow, max_depth> start{};
    for (LaneRow& digits : start) digits = random_lanes(random);
    LaneRow dead, expected_dead, met, expected_met;
    rows = past;
    scalar_row_kernel.find_smaller(nullptr, computed.fresh(), count, sweep, start.data(),
                                   expected_dead, &expected_met);
    kernel_.find_smaller(&program, rows.fresh(), count, sweep, start.data(), dead, &met);
    ASSERT_TRUE(rows == computed);
    ASSERT_EQ(dead.word, expected_dead.word);
    ASSERT_EQ(met.word, expected_met.word);
  }
}

TEST_P(EveryTarget, TransposesEachTile) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 50; ++round) {
    std::array<LaneRow, 64> before{};
    for (LaneRow& row : before) {
      for (std::uint64_t& word : row.word) word = random();
    }
    std::array<LaneRow, 64> block = before;
    kernel_.transpose(block.data());
    for (unsigned b = 0; b < 64; ++b) {
      for (unsigned lane = 0; lane < row_lanes; ++lane) {
        ASSERT_EQ(block[lane % 64].test(lane - lane % 64 + b), before[b].test(lane));
      }
    }
    kernel_.transpose(block.data());
    for (unsigned b = 0; b < 64; ++b) ASSERT_EQ(block[b].word, before[b].word);
  }
}

TEST_P(EveryTarget, MergesAndCountsLanes) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 200; ++round) {
    const LaneRow lanes = random_lanes(random);
    unsigned set = 0;
    for (unsigned lane = 0; lane < row_lanes; ++lane) set += lanes.test(lane) ? 1U : 0U;
    EXPECT_EQ(kernel_.count_lanes(lanes), set);

    const unsigned count = 1 + static_cast<unsigned>(random() % max_length);
    Rows rows(random, 1);
    Rows before = rows;
    std::array<LaneRow, max_length> fresh{};
    for (LaneRow& row : fresh) {
      for (unsigned w = 0; w < row_words; ++w) row.word[w] = random() & lanes.word[w];
    }
    kernel_.merge(rows.fresh(), fresh.data(), count, lanes);
    for (unsigned row = 0; row < max_chunk_rows; ++row) {
      for (unsigned lane = 0; lane < row_lanes; ++lane) {
        const LaneRow& source = row < count && lanes.test(lane) ? fresh[row] : before.fresh()[row];
        ASSERT_EQ(rows.fresh()[row].test(lane), source.test(lane)) << row << ' ' << lane;
      }
    }
  }
}

TEST_P(EveryTarget, PacksWhatIsKept) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 300; ++round) {
    // Top bits of all, of none, of few, of most.
    std::array<std::uint64_t, row_lanes> keep{};
    const std::uint64_t kept_of_8 = random() % 9;
    for (std::uint64_t& word : keep) {
      word = random() >> 1 | (random() % 8 < kept_of_8 ? std::uint64_t{1} << 63 : 0);
    }
    const std::uint64_t mask = random() | random();
    const std::uint64_t add = round % 2 == 0 ? 0 : random();
    // The column somewhere in an array, packed onto itself or to a place before.
    const std::size_t column = random() % 3 == 0 ? 0 : random() % 600;
    const std::size_t target = round % 3 == 0 ? column : random() % (column + 1);
    std::vector<std::uint64_t> words(column + row_lanes + row_words);
    for (std::uint64_t& word : words) word = random();
    std::vector<std::uint64_t> expected = words;
    std::size_t count = 0;
    for (unsigned lane = 0; lane < row_lanes; ++lane) {
      if (keep[lane] >> 63 == 0) continue;
      expected[target + count++] = (words[column + lane] & mask) + add;
    }
    ASSERT_EQ(kernel_.pack(keep.data(), words.data() + column, mask, add, words.data() + target),
              count);
    for (std::size_t i = 0; i < words.size(); ++i) {
      const bool scratch = i >= target + count && i < target + count + row_words;
      if (!scratch) {
        ASSERT_EQ(words[i], expected[i]) << "round " << round << ", word " << i;
      }
    }
  }
}

TEST_P(EveryTarget, PacksABlockWithItsLanes) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 100; ++round) {
    const std::uint64_t kept_of_8 = random() % 9;
    std::array<std::uint64_t, row_lanes> words{};
    for (std::uint64_t& word : words) {
      word = random() >> 1 | (random() % 8 < kept_of_8 ? std::uint64_t{1} << 63 : 0);
    }
    const std::uint64_t mask = random() | random();
    const std::uint64_t first = random() >> 2;
    std::vector<std::uint64_t> packed(row_lanes + row_words);
    std::vector<std::uint64_t> lanes(row_lanes + row_words);
    const unsigned count =
        kernel_.pack_block(words.data(), mask, first, packed.data(), lanes.data());
    unsigned at = 0;
    for (unsigned i = 0; i < 64; ++i) {
      for (unsigned w = 0; w < row_words; ++w) {
        const std::uint64_t word = words[row_words * i + w];
        if (word >> 63 == 0) continue;
        ASSERT_EQ(packed[at], word & mask);
        ASSERT_EQ(lanes[at], first + 64 * w + i);
        ++at;
      }
    }
    ASSERT_EQ(count, at);
  }
}

INSTANTIATE_TEST_SUITE_P(RowKernel, EveryTarget, testing::ValuesIn(row_kernel_names()),
                         [](const auto& target) {
                           std::string name = target.param;
                           std::erase_if(name, [](char c) { return c == '-' || c == '+'; });
                           return name;
                         });

TEST(RowKernel, IsChosenByName) {
  const std::vector<std::string> names = row_kernel_names();
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(names.back(), "scalar");
  for (const std::string& name : names) EXPECT_EQ(row_kernel_named(name).target, name);
  try {
    row_kernel_named("abacus");
    FAIL() << "an unknown name was taken";
  } catch (const UsageError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("ORBITMILL_SIMD=\"abacus\""), std::string::npos) << message;
    for (const std::string& name : names) {
      EXPECT_NE(message.find(name), std::string::npos) << message;
    }
  }
  EXPECT_THROW(row_kernel_named(""), UsageError);
  for (std::string name : names) {
    std::ranges::transform(name, name.begin(), [](char c) { return std::tolower(c); });
    std::string found = row_kernel_named(name).target;
    std::ranges::transform(found, found.begin(), [](char c) { return std::tolower(c); });
    EXPECT_EQ(found, name);
  }
  const char* wanted = std::getenv("ORBITMILL_SIMD");
  EXPECT_EQ(row_kernel().target, wanted == nullptr ? names.front() : std::string(wanted));
}

}  // namespace
}  // namespace orbitmill
