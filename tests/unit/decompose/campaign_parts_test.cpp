/// What is kept of a campaign: packed and unpacked it is the same, damaged it is refused, and
/// campaigns that are interrupted again and again end with the table of an undisturbed one.
#include "decompose/campaign_parts.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <limits>
#include <random>

#include "campaign_fixture.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/register/notation.hpp"
#include "support/memory_keeper.hpp"

namespace orbitmill {
namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

/// Small numbers, and the ends of the range.
std::uint64_t corner(std::mt19937_64& random) {
  switch (random() % 4) {
    case 0:
      return random() % 3;
    case 1:
      return most - random() % 3;
    case 2:
      return std::uint64_t{1} << random() % 64;
    default:
      return random();
  }
}

std::string bytes_of(std::mt19937_64& random, std::size_t limit) {
  std::string text(random() % 3 == 0 ? 0 : random() % limit, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

/// A row with what it points to.
struct OwnedRow {
  explicit OwnedRow(std::mt19937_64& random)
      : canonical(bytes_of(random, 40)), asked(bytes_of(random, 40)), reason(bytes_of(random, 90)) {
    histogram.resize(random() % 3 == 0 ? 0 : random() % 20);
    for (HistogramEntry& entry : histogram) entry = {corner(random), corner(random)};
    row.canonical = canonical;
    row.asked = asked;
    row.reason = reason;
    row.histogram = histogram;
    row.verdict = static_cast<Verdict>(random() % 5);
    row.certified = random() % 2 == 0;
    row.longest_cycle = corner(random);
    row.cycles = corner(random);
    row.checksum = corner(random);
    row.witness = corner(random);
    constexpr std::array seconds = {0.0, 1e-300, 1.5, std::numeric_limits<double>::infinity()};
    row.seconds = seconds[random() % seconds.size()];
  }
  OwnedRow(const OwnedRow&) = delete;
  OwnedRow& operator=(const OwnedRow&) = delete;

  std::string canonical, asked, reason;
  Histogram histogram;
  CampaignRow row;
};

void expect_equal(const CampaignRow& a, const CampaignRow& b) {
  EXPECT_EQ(a.canonical, b.canonical);
  EXPECT_EQ(a.asked, b.asked);
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_TRUE(std::ranges::equal(a.histogram, b.histogram));
  EXPECT_EQ(a.verdict, b.verdict);
  EXPECT_EQ(a.certified, b.certified);
  EXPECT_EQ(a.longest_cycle, b.longest_cycle);
  EXPECT_EQ(a.cycles, b.cycles);
  EXPECT_EQ(a.checksum, b.checksum);
  EXPECT_EQ(a.witness, b.witness);
  EXPECT_EQ(a.seconds, b.seconds);
}

void expect_equal(const CampaignRows& a, const CampaignRows& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) expect_equal(a[i], b[i]);
}

TEST(KeptRows, AreTheSameAfterwards) {
  std::mt19937_64 random(41);
  for (int round = 0; round < 300; ++round) {
    CampaignRows expected, found;
    for (int part = 0; part < 3; ++part) {
      CampaignRows rows;
      for (std::uint64_t i = random() % 5; i > 0; --i) rows.add(OwnedRow(random).row);
      std::vector<std::byte> bytes(random() % 20, std::byte{7});
      const std::size_t before = bytes.size();
      rows.pack(bytes);
      const std::size_t packed = bytes.size() - before;
      bytes.resize(bytes.size() + random() % 9, std::byte{9});
      const auto behind = found.unpack(std::span(bytes).subspan(before));
      ASSERT_TRUE(behind);
      EXPECT_EQ(behind->size(), bytes.size() - before - packed);
      expected.append(std::move(rows));
    }
    expect_equal(found, expected);
  }
}

TEST(KeptRows, AreRefusedWhereTheyMakeNoSense) {
  std::mt19937_64 random(42);
  for (int round = 0; round < 300; ++round) {
    CampaignRows rows;
    for (std::uint64_t i = 1 + random() % 4; i > 0; --i) rows.add(OwnedRow(random).row);
    std::vector<std::byte> whole;
    rows.pack(whole);
    const auto refused = [&](std::span<const std::byte> bytes) {
      CampaignRows found;
      found.add(OwnedRow(random).row);
      const bool taken = found.unpack(bytes).has_value();
      return !taken && found.size() == 1;
    };
    EXPECT_TRUE(refused(std::span(whole).first(random() % whole.size()))) << "cut off";
    // Sizes of the whole, sizes in a row, the verdict: each with a bit that is not its own.
    const std::size_t row = 24 + 80 * (random() % rows.size());
    const std::array places = {std::size_t{0}, std::size_t{8}, std::size_t{16}, row,
                               row + 8,        row + 16,       row + 24,        row + 72};
    for (const std::size_t place : places) {
      std::vector<std::byte> damaged = whole;
      std::uint64_t word = 0;
      std::memcpy(&word, &damaged[place], sizeof(word));
      // Fewer rows leave texts without an owner; in the verdict bit 8 is the certificate's.
      word ^= place == row + 72
                  ? std::uint64_t{1} << (9 + random() % 55)
                  : std::uint64_t{1} << (place < 24 ? 20 + random() % 44 : random() % 64);
      std::memcpy(&damaged[place], &word, sizeof(word));
      EXPECT_TRUE(refused(damaged)) << "word at " << place << " of " << damaged.size();
    }
  }
}

Campaign small_campaign(CampaignTask task) {
  Campaign campaign;
  campaign.task = task;
  campaign.fields.emplace_back(2);
  campaign.fields.emplace_back(3);
  std::mt19937_64 random(43);
  const Field two(2), three(3);
  const auto add = [&](const Field& field, std::uint32_t length, const char* text) {
    const Feedback feedback = parse_feedback(text, field, length);
    campaign.list.add(
        register_key(field.order(), length, canonical_feedback(feedback, length, field)),
        register_key(field.order(), length, feedback));
  };
  for (const std::uint32_t length : {4U, 5U, 8U, 9U}) {
    add(two, length, "0,1");
    add(two, length, "0,2,(1,3)");
    add(two, length, "0,3,(1,2)");
    add(two, length, "1,(2,3)");  // a failure
    add(three, length - 1, "0,1");
  }
  campaign.list.finish();
  for (const std::uint32_t length : {3U, 5U, 6U, 8U}) {
    campaign.families.emplace_back(Form("x0+xa+xb*xc"), length, std::vector<StageRange>{});
    campaign.families.emplace_back(Form("x0+xa+xb+xc"), length, std::vector<StageRange>{});
  }
  return campaign;
}

TEST(KeptParts, OfTheListMustFitIt) {
  const Campaign campaign = small_campaign(CampaignTask::search);
  const std::vector<bool> done(campaign.families.size());
  std::vector<ListOutcome> outcomes(campaign.list.size(), ListOutcome::open);
  const CampaignParts parts(campaign, outcomes, done);
  CampaignTally tally;
  const auto row_of = [&](std::uint64_t entry) {
    CampaignRow row;
    row.verdict = Verdict::maximum;
    row.canonical = campaign.list.canonical(entry);
    row.asked = campaign.list.asked(entry);
    return row;
  };
  outcomes[2] = outcomes[7] = ListOutcome::row;
  outcomes[3] = ListOutcome::rejected;
  outcomes[6] = ListOutcome::filtered;
  tally.rows.add(row_of(7));
  tally.rows.add(row_of(2));
  tally.family = {0, 4, 1, 2};
  tally.terms.entered = 4;
  tally.stages[1] = {3, 1, 0.25};
  const std::vector<Interval> ranges = {{2, 4}, {6, 8}};
  const auto restores = [&](const std::vector<Interval>& where, std::span<const std::byte> bytes) {
    std::vector<ListOutcome> found(campaign.list.size(), ListOutcome::open);
    CampaignParts other(campaign, found, done);
    const bool taken = other.restore(where, bytes);
    EXPECT_EQ(found, taken ? outcomes : std::vector<ListOutcome>(found.size()));
    EXPECT_EQ(other.restored().rows.size(), taken ? 2U : 0U);
    EXPECT_EQ(other.restored().terms.entered, taken ? 4U : 0U);
    EXPECT_EQ(other.restored().stages[1].entered, taken ? 3U : 0U);
    EXPECT_EQ(other.restored().stages[1].seconds, taken ? 0.25 : 0);
    return taken;
  };
  const FinishedPart good = parts.pack(CampaignParts::list, ranges, tally);
  EXPECT_EQ(good.ranges, ranges);
  EXPECT_TRUE(restores(good.ranges, good.bytes));
  // Other entries, more of them, fewer; entries and combinations in one.
  EXPECT_FALSE(restores({{1, 3}, {6, 8}}, good.bytes));
  EXPECT_FALSE(restores({{2, 5}, {6, 8}}, good.bytes));
  EXPECT_FALSE(restores({{2, 4}}, good.bytes));
  EXPECT_FALSE(restores({}, good.bytes));
  EXPECT_FALSE(restores({{campaign.list.size() - 2, campaign.list.size() + 2}}, good.bytes));
  const auto refused_with = [&](auto change) {
    FinishedPart bad = good;
    change(bad.bytes);
    return !restores(bad.ranges, bad.bytes);
  };
  EXPECT_TRUE(refused_with([](auto& bytes) { bytes.pop_back(); }));
  EXPECT_TRUE(refused_with([](auto& bytes) { bytes.push_back({}); }));
  for (const int outcome : {0, 1, 4, 5, 255}) {  // the entry 3 was rejected
    EXPECT_TRUE(refused_with([&](auto& bytes) { bytes[bytes.size() - 3] = std::byte(outcome); }));
  }
  // Of 4 registers 2 have rows.
  EXPECT_TRUE(refused_with([](auto& bytes) { bytes[16] = std::byte{1}; }));
  EXPECT_TRUE(refused_with([](auto& bytes) { bytes[0] = std::byte{2}; }));
  tally.rows = CampaignRows();
  tally.rows.add(row_of(7));
  tally.rows.add(row_of(7));
  EXPECT_FALSE(restores(ranges, parts.pack(CampaignParts::list, ranges, tally).bytes));
  tally.rows = CampaignRows();
  CampaignRow strange = row_of(2);
  strange.asked = campaign.list.asked(3);
  tally.rows.add(strange);
  tally.rows.add(row_of(7));
  EXPECT_FALSE(restores(ranges, parts.pack(CampaignParts::list, ranges, tally).bytes));
}

TEST(KeptParts, OfAFamilyAddUp) {
  const Campaign campaign = small_campaign(CampaignTask::period);
  const std::vector<bool> done(campaign.families.size());
  std::vector<ListOutcome> outcomes(campaign.list.size(), ListOutcome::open);
  CampaignParts parts(campaign, outcomes, done);
  const std::size_t number = CampaignParts::family(2);
  const std::uint32_t n = campaign.families[2].length();
  const std::string key = register_key(2, n, parse_feedback("0,1,(2,3)", Field(2), n));
  CampaignTally tally;
  CampaignRow row;
  row.canonical = row.asked = key;
  tally.rows.add(row);
  tally.family = {0, 3, 1, 1};
  for (const std::uint64_t first : {0U, 10U}) {
    const FinishedPart part = parts.pack(number, {{first, first + 5}}, tally);
    EXPECT_EQ(part.ranges.front().first, parts.part(number).first + first);
    EXPECT_TRUE(parts.restore(part.ranges, part.bytes));
  }
  EXPECT_EQ(parts.restored_family(2).registers, 6U);
  EXPECT_EQ(parts.restored_family(2).filtered, 2U);
  EXPECT_EQ(parts.restored_family(2).kept, 2U);
  EXPECT_EQ(parts.restored_family(1).registers, 0U);
  EXPECT_EQ(parts.restored().rows.size(), 2U);
  // More registers than combinations; another family; the list.
  const FinishedPart part = parts.pack(number, {{20, 22}}, tally);
  EXPECT_FALSE(parts.restore(part.ranges, part.bytes));
  for (const std::size_t other : {CampaignParts::list, CampaignParts::family(4)}) {
    const std::uint64_t first = parts.part(other).first;
    EXPECT_FALSE(parts.restore({{first, first + 5}}, part.bytes));
  }
  EXPECT_EQ(parts.restored().rows.size(), 2U);
}

/// Indices of families beyond 2^32 combinations stand for several, and none is left out.
TEST(KeptParts, CombinationsAreCovered) {
  Campaign campaign;
  campaign.fields.emplace_back(2);
  campaign.families.emplace_back(Form("x0+xa+xb*xc"), 7, std::vector<StageRange>{});
  campaign.families.emplace_back(Form("x0+xa*xb+xc*xd+xe*xf*xg+xh"), 60, std::vector<StageRange>{});
  campaign.families.emplace_back(Form("x0+xa+xb"), 2, std::vector<StageRange>{});  // none
  std::vector<ListOutcome> outcomes;
  const CampaignParts parts(campaign, outcomes, {false, false, false});
  ASSERT_GT(campaign.families[1].combinations(), std::uint64_t{1} << 33);
  for (std::size_t i = 0; i < campaign.families.size(); ++i) {
    const std::size_t number = CampaignParts::family(i);
    const std::uint64_t size = parts.part(number).size();
    EXPECT_LE(size, Phase::max_indices);
    if (size == 0) continue;
    EXPECT_EQ(parts.combinations(number, {0, size}).size(), campaign.families[i].combinations());
    const std::uint64_t middle = size / 3;
    EXPECT_EQ(parts.combinations(number, {0, middle}).last,
              parts.combinations(number, {middle, size}).first);
    EXPECT_FALSE(parts.combinations(number, {size - 1, size}).empty());
    EXPECT_GT(parts.cost(number, size), parts.cost(number, middle));
  }
  EXPECT_EQ(parts.part(CampaignParts::family(2)).size(), 0U);
}

using InterruptedCampaign = CampaignTest;

TEST_F(InterruptedCampaign, EndsAsAnUndisturbedOne) {
  std::mt19937_64 random(44);  // the same on every rank
  int stops = 0;
  for (int round = 0; round < 12 || (stops <= 30 && round < 200); ++round) {
    const auto task = static_cast<CampaignTask>(round % 3);
    // Always the same unit, or another one in every run: who finds a row does not matter.
    const int unit = round / 3 % 3;
    Campaign whole = small_campaign(task);
    whole.filter.max_terms = 3;
    const CampaignResult expected = run(whole, unit == 1);
    const auto expected_table = table(expected);
    test::MemoryKeeper::Store kept;
    for (bool over = false; !over;) {
      const int ranks = 1 + static_cast<int>(random() % static_cast<unsigned>(comm_.size()));
      const auto stopper = static_cast<int>(random() % static_cast<unsigned>(ranks));
      const auto after = static_cast<unsigned>(1 + random() % 25);
      const bool everybody = unit == 2 ? random() % 2 == 0 : unit == 1;
      ScheduleOptions schedule;
      schedule.mode = mode_names[random() % mode_names.size()].mode;
      schedule.batch_size = 1 + random() % 4;
      test::MemoryKeeper keeper(kept, comm_.rank() == stopper ? after : ~0U);
      schedule.keeper = &keeper;
      const bool takes_part = comm_.rank() < ranks;
      const boost::mpi::communicator some = comm_.split(takes_part ? 0 : 1);
      int finished = 0;
      if (takes_part) {
        Campaign campaign = small_campaign(task);
        campaign.filter.max_terms = 3;
        try {
          const CampaignResult result = run(campaign, everybody, some, schedule);
          EXPECT_EQ(table(result, some), expected_table);
          EXPECT_EQ(result.outcomes, expected.outcomes);
          EXPECT_EQ(result.failed, expected.failed);
          for (std::size_t i = 0; i < result.counts.size(); ++i) {
            EXPECT_EQ(result.counts[i].combinations, expected.counts[i].combinations);
            EXPECT_EQ(result.counts[i].registers, expected.counts[i].registers);
            EXPECT_EQ(result.counts[i].filtered, expected.counts[i].filtered);
            EXPECT_EQ(result.counts[i].kept, expected.counts[i].kept);
          }
          for (std::size_t i = 0; unit != 2 && i < result.filters.size(); ++i) {
            EXPECT_EQ(result.filters[i].entered, expected.filters[i].entered);
            EXPECT_EQ(result.filters[i].settled, expected.filters[i].settled);
          }
          finished = 1;
        } catch (const AgreedError& error) {
          EXPECT_EQ(error.exit_code(), ExitCode::stopped);
        }
      } else {
        kept.clear();
      }
      test::share(comm_, kept);
      over = boost::mpi::all_reduce(comm_, finished, std::plus<>()) == ranks;
      stops += over ? 0 : 1;
    }
  }
  EXPECT_GT(stops, 30);
}

/// A rest that is done is not done again.
TEST_F(InterruptedCampaign, GoesOnWhereItWas) {
  test::MemoryKeeper::Store kept;
  std::uint64_t all = 0;
  for (const bool again : {false, true}) {
    Campaign campaign = small_campaign(CampaignTask::period);
    test::MemoryKeeper keeper(kept, ~0U);
    ScheduleOptions schedule;
    schedule.keeper = &keeper;
    const CampaignResult result = run(campaign, again, comm_, schedule);
    if (!again) all = result.registers;
    EXPECT_EQ(result.registers, again ? 0 : all);
    EXPECT_GT(result.rows.total_rows, 0U);
    test::share(comm_, kept);
  }
  EXPECT_GT(all, 0U);
}

}  // namespace
}  // namespace orbitmill
