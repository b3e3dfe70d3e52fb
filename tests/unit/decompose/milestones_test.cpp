/// Milestones by their definition; the fast segment walkers against the plain one, and the plain
/// one against the slow step.
#include "orbitmill/decompose/milestones.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "orbitmill/error.hpp"
#include "orbitmill/kernel/plane_program.hpp"
#include "orbitmill/kernel/row_program.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

/// A nonzero digit, then `zeros` zeros.
bool is_milestone(State state, std::uint64_t order, unsigned length, unsigned zeros) {
  for (unsigned place = 0; place < length; ++place, state /= order) {
    const bool zero = state % order == 0;
    if (place == length - 1 ? zero : place >= length - 1 - zeros && !zero) return false;
  }
  return true;
}

TEST(MilestoneMap, NumbersTheStatesThatFitTheDefinition) {
  std::mt19937_64 random(1);
  for (const test::TestField& field : test::test_fields()) {
    for (int round = 0; round < 8; ++round) {
      const auto [spec, slow] = test::random_register(random, field, 2500);
      const Register reg(spec);
      EXPECT_THROW(MilestoneMap(reg, 0), InternalError);
      EXPECT_THROW(MilestoneMap(reg, reg.length()), InternalError);
      for (unsigned zeros = 1; zeros < reg.length(); ++zeros) {
        SCOPED_TRACE(testing::Message()
                     << "q = " << field.order << ", n = " << reg.length() << ", k = " << zeros);
        const MilestoneMap map(reg, zeros);
        std::uint64_t milestones = 0;
        for (State state = 0; state < reg.state_count(); ++state) {
          const bool expected = is_milestone(state, field.order, reg.length(), zeros);
          ASSERT_EQ(map.is_milestone(state), expected) << state;
          if (!expected) continue;
          ++milestones;
          ASSERT_LT(map.index_of(state), map.count());
          ASSERT_EQ(map.state_of(map.index_of(state)), state);
        }
        EXPECT_EQ(map.count(), milestones);
        // The state after a milestone begins with its zeros; its order is that of index / (q-1).
        for (std::uint64_t index = 0; index < map.count(); ++index) {
          ASSERT_EQ(map.index_of(map.state_of(index)), index);
          const State after = map.leader_after(index);
          ASSERT_EQ(slow.step(after), map.state_of(index));
          const std::uint64_t group = index / (field.order - 1) * (field.order - 1);
          if (group > 0) {
            ASSERT_GT(after, map.leader_after(group - 1)) << index;
          }
        }
      }
    }
  }
}

TEST(SegmentFormat, KeepsSuccessorAndLengthOrSaysThatTheLengthIsElsewhere) {
  std::mt19937_64 random(2);
  for (unsigned bits = 0; bits <= 60; ++bits) {
    const std::uint64_t milestones = (std::uint64_t{1} << bits) - (bits > 1 ? random() % 2 : 0);
    const SegmentFormat format(milestones);
    const std::uint64_t escape = format.escape_length();
    EXPECT_EQ(escape, (std::uint64_t{1} << (63 - bits)) - 1);
    for (int round = 0; round < 200; ++round) {
      const std::uint64_t successor = round == 0 ? milestones - 1 : random() % milestones;
      const std::uint64_t length = round % 4 == 0   ? escape - 1 + random() % 3
                                   : round % 4 == 1 ? random() >> (random() % 62)
                                                    : random() % escape;
      const std::uint64_t entry = format.pack(successor, length);
      EXPECT_EQ(entry & SegmentFormat::visited, 0u);
      for (const std::uint64_t mark : {std::uint64_t{0}, SegmentFormat::visited}) {
        EXPECT_EQ(format.successor(entry | mark), successor);
        EXPECT_EQ(format.length(entry | mark), std::min(length, escape));
      }
    }
  }
}

struct Segments {
  std::vector<std::uint64_t> successor, length;
  friend bool operator==(const Segments&, const Segments&) = default;
};

/// All segments by one walker, the milestones cut anyhow.
template <class Generator>
Segments segments_by(SegmentWalker& walker, const MilestoneMap& map, const SegmentFormat& format,
                     unsigned cuts, Generator& random) {
  std::vector<std::uint64_t> ends = {map.count()};
  for (unsigned i = 0; i < cuts; ++i) ends.push_back(random() % (map.count() + 1));
  std::ranges::sort(ends);
  std::vector<std::uint64_t> entries(map.count());
  std::vector<LongSegment> long_segments;
  std::uint64_t states = 0;
  std::uint64_t first = 0;
  for (const std::uint64_t last : ends) {
    SegmentSink sink(format, first, entries.data() + first, long_segments);
    walker.walk(first, last, sink);
    states += sink.states();
    first = last;
  }
  Segments segments;
  for (const std::uint64_t entry : entries) {
    segments.successor.push_back(format.successor(entry));
    segments.length.push_back(format.length(entry));
  }
  std::uint64_t escaped = 0;
  for (const std::uint64_t length : segments.length) escaped += length == format.escape_length();
  EXPECT_EQ(long_segments.size(), escaped);
  for (const auto& [index, length] : long_segments) {
    EXPECT_EQ(segments.length[index], format.escape_length());
    EXPECT_GE(length, format.escape_length());
    segments.length[index] = length;
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t length : segments.length) sum += length;
  EXPECT_EQ(states, sum);
  return segments;
}

/// The same segments seen from their other ends.
Segments inverse(const Segments& segments) {
  Segments other = {std::vector<std::uint64_t>(segments.successor.size(), ~std::uint64_t{0}),
                    std::vector<std::uint64_t>(segments.successor.size())};
  for (std::size_t index = 0; index < segments.successor.size(); ++index) {
    const std::uint64_t end = segments.successor[index];
    EXPECT_LT(end, segments.successor.size());
    if (end >= segments.successor.size()) continue;
    EXPECT_EQ(other.successor[end], ~std::uint64_t{0}) << "two segments end at " << end;
    other.successor[end] = index;
    other.length[end] = segments.length[index];
  }
  return other;
}

/// Few bits for the length, so that short segments already have to escape.
SegmentFormat narrow_format() {
  return SegmentFormat(std::uint64_t{1} << 59);
}

TEST(SegmentWalker, PlainOneFollowsTheDefinition) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 70; ++round) {
    const test::TestField& field = test::test_fields()[static_cast<std::size_t>(round) % 7];
    const auto [spec, slow] = test::random_register(random, field, 1500);
    if (spec.length < 2) continue;
    const Register reg(spec);
    const unsigned zeros = 1 + static_cast<unsigned>(random() % (reg.length() - 1));
    SCOPED_TRACE(testing::Message()
                 << "q = " << field.order << ", n = " << reg.length() << ", k = " << zeros);
    const MilestoneMap map(reg, zeros);
    Segments expected;
    for (std::uint64_t index = 0; index < map.count(); ++index) {
      State state = map.state_of(index);
      std::uint64_t length = 0;
      do {
        state = slow.step(state);
        ++length;
      } while (!is_milestone(state, field.order, reg.length(), zeros));
      expected.successor.push_back(map.index_of(state));
      expected.length.push_back(length);
    }
    const SegmentFormat format = round % 2 == 0 ? SegmentFormat(map.count()) : narrow_format();
    const auto walker = make_plain_segment_walker(map);
    EXPECT_EQ(inverse(segments_by(*walker, map, format, 3, random)), expected);
  }
}

TEST(SegmentWalker, DigitsAgreeWithThePlainOne) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 160; ++round) {
    const test::TestField& field = test::test_fields()[static_cast<std::size_t>(round) % 7];
    test::RegisterPair pair = test::random_register(random, field, 20'000);
    std::erase_if(pair.spec.feedback.terms, [](const Term& t) { return t.stages.size() > 1; });
    if (pair.spec.length < 2) continue;
    const Register reg(pair.spec);
    const unsigned zeros = 1 + static_cast<unsigned>(random() % (reg.length() - 1));
    SCOPED_TRACE(testing::Message()
                 << "q = " << field.order << ", n = " << reg.length() << ", k = " << zeros);
    const MilestoneMap map(reg, zeros);
    const SegmentFormat format = round % 2 == 0 ? SegmentFormat(map.count()) : narrow_format();
    const auto plain = make_plain_segment_walker(map);
    const auto digits = make_digit_segment_walker(map);
    const Segments expected = segments_by(*plain, map, format, 0, random);
    EXPECT_EQ(segments_by(*digits, map, format, 0, random), expected);
    // The same walker again: nothing may leak from one range into the next.
    EXPECT_EQ(segments_by(*digits, map, format, 5, random), expected);
  }
}

TEST(SegmentWalker, RowsAgreeWithThePlainOneInTheirDirection) {
  std::mt19937_64 random(5);
  int forward = 0;
  for (int round = 0; round < 160; ++round) {
    const unsigned length = 8 + static_cast<unsigned>(random() % 8);
    const Register reg(test::random_binary_register(random, length).spec);
    // All numbers of zeros: 1 has 512 walks end in every chunk, n-1 a single milestone.
    const unsigned zeros = 1 + static_cast<unsigned>(round) % (length - 1);
    SCOPED_TRACE(testing::Message()
                 << "round " << round << ", n = " << length << ", k = " << zeros);
    const MilestoneMap map(reg, zeros);
    const SegmentFormat format = round % 2 == 0 ? SegmentFormat(map.count()) : narrow_format();
    const auto plain = make_plain_segment_walker(map);
    const auto rows = make_row_segment_walker(map);
    const Segments backward = segments_by(*plain, map, format, 0, random);
    const bool is_forward = make_row_program(reg).forward;
    const Segments expected = is_forward ? inverse(backward) : backward;
    EXPECT_EQ(segments_by(*rows, map, format, 0, random), expected);
    EXPECT_EQ(segments_by(*rows, map, format, 7, random), expected);
    forward += is_forward ? 1 : 0;
  }
  EXPECT_GT(forward, 30);
  EXPECT_LT(forward, 130);
}

TEST(SegmentWalker, PlanesAgreeWithThePlainOneInTheirDirection) {
  std::mt19937_64 random(6);
  int forward = 0;
  int registers = 0;
  for (int round = 0; round < 60; ++round) {
    constexpr std::array<std::pair<unsigned, unsigned>, 3> longest = {{{3, 10}, {4, 7}, {8, 5}}};
    const auto [order, most] = longest[static_cast<std::size_t>(round) % 3];
    const unsigned length = PlaneProgram::min_length +
                            static_cast<unsigned>(random() % (most + 1 - PlaneProgram::min_length));
    const Register reg(test::random_affine_register(random, order, length));
    ASSERT_TRUE(walks_in_lanes(reg));
    for (unsigned zeros = 1; zeros < length; ++zeros) {
      SCOPED_TRACE(testing::Message() << "round " << round << ", q = " << order
                                      << ", n = " << length << ", k = " << zeros);
      const MilestoneMap map(reg, zeros);
      const SegmentFormat format = round % 2 == 0 ? SegmentFormat(map.count()) : narrow_format();
      const auto plain = make_plain_segment_walker(map);
      const auto planes = make_segment_walker(map);
      const Segments backward = segments_by(*plain, map, format, 0, random);
      const Segments expected = planes->is_forward() ? inverse(backward) : backward;
      ASSERT_EQ(segments_by(*planes, map, format, 0, random), expected);
      ASSERT_EQ(segments_by(*planes, map, format, 5, random), expected);
      forward += planes->is_forward() && zeros == 1 ? 1 : 0;
    }
    ++registers;
  }
  EXPECT_GT(forward, registers / 5);
  EXPECT_LT(forward, registers * 4 / 5);
}

/// Registers up to the greatest length of their field: states of every size cross the bridge.
TEST(SegmentWalker, PlanesFollowTheDefinitionOnLongRegisters) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 90; ++round) {
    constexpr std::array<std::pair<unsigned, unsigned>, 3> longest = {{{3, 39}, {4, 31}, {8, 20}}};
    const auto [order, most] = longest[static_cast<std::size_t>(round) % 3];
    const unsigned length = round < 9 ? most : 11 + static_cast<unsigned>(random() % (most - 10));
    const Register reg(test::random_affine_register(random, order, length));
    const unsigned zeros = 1 + static_cast<unsigned>(random() % (order == 3 ? 3 : 2));
    SCOPED_TRACE(testing::Message() << "round " << round << ", q = " << order << ", n = " << length
                                    << ", k = " << zeros);
    const MilestoneMap map(reg, zeros);
    const SegmentFormat format(map.count());
    const auto walker = make_plane_segment_walker(map);
    constexpr std::uint64_t count = 600;
    const std::uint64_t first = random() % (map.count() - count);
    std::vector<std::uint64_t> entries(count);
    std::vector<LongSegment> long_segments;
    SegmentSink sink(format, first, entries.data(), long_segments);
    walker->walk(first, first + count, sink);
    std::ranges::sort(long_segments);
    auto escaped = long_segments.begin();
    for (std::uint64_t i = 0; i < count; ++i) {
      State state = map.state_of(first + i);
      std::uint64_t expected_length = 0;
      do {
        state = walker->is_forward() ? reg.next(state) : reg.prev(state);
        ++expected_length;
      } while (!map.is_milestone(state));
      ASSERT_EQ(format.successor(entries[i]), map.index_of(state)) << "milestone " << first + i;
      std::uint64_t found_length = format.length(entries[i]);
      if (found_length == format.escape_length()) {
        ASSERT_NE(escaped, long_segments.end());
        ASSERT_EQ(escaped->index, first + i);
        found_length = (escaped++)->length;
      }
      ASSERT_EQ(found_length, expected_length) << "milestone " << first + i;
    }
  }
}

}  // namespace
}  // namespace orbitmill
