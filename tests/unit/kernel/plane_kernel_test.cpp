/// Symbols over GF(3), GF(4) and GF(8): every instruction set against the textbook step, one lane
/// at a time, and against the plain version, bit by bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>

#include "orbitmill/error.hpp"
#include "orbitmill/kernel/plane_program.hpp"
#include "orbitmill/kernel/row_kernel.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

constexpr unsigned greatest_length(unsigned order) {
  return order == 3 ? 39 : order == 4 ? 31 : 20;  // q^n < 2^63
}

/// Element by element, what plane_program.hpp says.
struct Planes {
  bool plane[3];
  Element element(unsigned order) const {
    if (order == 3) return plane[0] ? (plane[1] ? 2 : 1) : 0;
    return (plane[0] ? 1U : 0U) + (plane[1] ? 2U : 0U) + (order == 8 && plane[2] ? 4U : 0U);
  }
};

/// The columns of some walks: a past of n symbols, then room for new ones.
class Columns {
 public:
  template <class Generator>
  Columns(Generator& random, const PlaneProgram& program)
      : program_(program), rows_(program.planes * static_cast<std::size_t>(program.stride)) {
    for (LaneRow& row : rows_) {
      for (std::uint64_t& word : row.word) word = random();
    }
    for (unsigned back = 1; back <= program.length; ++back) {
      for (unsigned lane = 0; lane < row_lanes; ++lane) {
        const auto element = static_cast<Element>(random() % program.order);
        const unsigned planes = program.order == 3 && element == 2 ? 3 : element;
        for (unsigned b = 0; b < program.bits; ++b) {
          put(-static_cast<int>(back), b, lane, (planes >> b & 1) != 0);
        }
        put(-static_cast<int>(back), program.nonzero_plane, lane, element != 0);
      }
    }
  }
  LaneRow* fresh() { return rows_.data() + greatest_length(3); }
  LaneRow& at(int row, unsigned plane) { return fresh()[row + plane * program_.stride]; }

  Element element(int row, unsigned lane) {
    Planes planes{};
    for (unsigned b = 0; b < program_.bits; ++b) planes.plane[b] = at(row, b).test(lane);
    return planes.element(program_.order);
  }
  /// The state of a lane whose newest symbol is in `row`.
  State state(int row, unsigned lane) {
    State state = 0;
    const auto n = static_cast<int>(program_.length);
    for (int i = n; i-- > 0;) {  // from the most significant digit on
      state =
          state * program_.order + element(program_.forward ? row - (n - 1 - i) : row - i, lane);
    }
    return state;
  }
  friend bool operator==(const Columns& a, const Columns& b) {
    return std::ranges::equal(a.rows_, b.rows_, {}, &LaneRow::word, &LaneRow::word);
  }

 private:
  void put(int row, unsigned plane, unsigned lane, bool bit) {
    at(row, plane).reset(lane);
    if (bit) at(row, plane).set(lane);
  }

  const PlaneProgram& program_;
  std::vector<LaneRow> rows_;
};

class EveryPlaneTarget : public testing::TestWithParam<std::string> {
 protected:
  const RowKernel& kernel_ = row_kernel_named(GetParam());
};

TEST_P(EveryPlaneTarget, GeneratesWhatTheStepDoes) {
  std::mt19937_64 random(1);
  std::map<std::pair<bool, unsigned>, int> kinds;  // direction, rows of the near terms
  std::set<std::string> moduli;
  for (int round = 0; round < 240; ++round) {
    const unsigned order = std::array{3U, 4U, 8U}[static_cast<std::size_t>(round) % 3];
    const unsigned length =
        PlaneProgram::min_length +
        static_cast<unsigned>(random() % (greatest_length(order) - PlaneProgram::min_length + 1));
    const Register reg(test::random_affine_register(random, order, length));
    const unsigned stride =
        greatest_length(3) + max_chunk_rows + static_cast<unsigned>(random() % 9);
    const PlaneProgram program = make_plane_program(reg, stride);
    const unsigned count = PlaneProgram::tile_rows * (1 + static_cast<unsigned>(random() % 16));
    SCOPED_TRACE(testing::Message() << "round " << round << ", q = " << order << ", "
                                    << reg.field().modulus() << ", n = " << length << ", " << count
                                    << " rows, near_rows = " << program.near_rows
                                    << (program.forward ? ", forward" : ", backward"));
    ++kinds[{program.forward, program.near.empty() ? 4 : program.near_rows}];
    moduli.insert(reg.field().modulus());
    Columns columns(random, program);
    Columns by_scalar = columns;
    kernel_.generate_planes(program, columns.fresh(), count);
    for (int sample = 0; sample < 16; ++sample) {
      const unsigned lane = static_cast<unsigned>(random() % row_lanes);
      State expected = columns.state(-1, lane);
      for (int row = 0; row < static_cast<int>(count); ++row) {
        expected = program.forward ? reg.next(expected) : reg.prev(expected);
        ASSERT_EQ(columns.state(row, lane), expected) << "lane " << lane << ", row " << row;
        ASSERT_EQ(columns.at(row, program.nonzero_plane).test(lane),
                  columns.element(row, lane) != 0);
      }
    }
    scalar_row_kernel.generate_planes(program, by_scalar.fresh(), count);
    ASSERT_TRUE(columns == by_scalar);
  }
  // Ties go forward, so a backward program never has the least distance 1.
  for (const unsigned near_rows : {1U, 2U, 4U}) {
    EXPECT_GT((kinds[{true, near_rows}]), 5) << near_rows;
    if (near_rows > 1) {
      EXPECT_GT((kinds[{false, near_rows}]), 5) << near_rows;
    }
  }
  EXPECT_TRUE(moduli.contains("x^3 + x + 1"));
  EXPECT_TRUE(moduli.contains("x^3 + x^2 + 1"));
}

INSTANTIATE_TEST_SUITE_P(RowKernel, EveryPlaneTarget, testing::ValuesIn(row_kernel_names()),
                         [](const auto& target) {
                           std::string name = target.param;
                           std::erase_if(name, [](char c) { return c == '-' || c == '+'; });
                           return name;
                         });

TEST(PlaneProgram, TakesWhatItSaysItCovers) {
  const auto covers = [](std::uint64_t order, std::uint32_t length, Feedback feedback) {
    const Register reg({order, "", length, std::move(feedback)});
    if (plane_program_covers(reg)) {
      const PlaneProgram program = make_plane_program(reg, 64);
      EXPECT_EQ(program.order, order);
      EXPECT_EQ(program.length, length);
      return true;
    }
    EXPECT_THROW(make_plane_program(reg, 64), InternalError);
    return false;
  };
  const Feedback all = {{{1, {0}}, {1, {1}}, {1, {}}}};
  for (const std::uint64_t order : {2U, 3U, 4U, 5U, 7U, 8U, 9U, 16U, 27U}) {
    EXPECT_EQ(covers(order, 6, all), order == 3 || order == 4 || order == 8) << order;
  }
  for (const unsigned order : {3U, 4U, 8U}) {
    EXPECT_FALSE(covers(order, 3, all));
    EXPECT_TRUE(covers(order, 4, all));
    EXPECT_TRUE(covers(order, greatest_length(order), all));
    EXPECT_FALSE(covers(order, greatest_length(order) + 1, all));
    EXPECT_FALSE(covers(order, 6, {{{1, {1}}}}));  // singular
  }
}

}  // namespace
}  // namespace orbitmill
