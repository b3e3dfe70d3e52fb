/// Campaigns over ranks and threads against the bitmap walk, in both units of work.
#include "orbitmill/decompose/campaign.hpp"

#include <gtest/gtest.h>

#include <boost/mpi/collectives.hpp>
#include <map>
#include <random>

#include "campaign_fixture.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/register/symmetry.hpp"
#include "support/random_register.hpp"

namespace orbitmill {
namespace {

TEST_F(CampaignTest, EveryHistogramIsTheOracles) {
  std::mt19937_64 random(11);  // the same on every rank
  Campaign campaign;
  for (const test::TestField& field : test::test_fields())
    campaign.fields.emplace_back(field.order);
  std::map<std::string, std::map<std::uint64_t, std::uint64_t>> expected;
  for (int round = 0; round < 210; ++round) {
    const test::TestField& field = test::test_fields()[static_cast<std::size_t>(round) % 7];
    const auto [spec, slow] = test::random_register(random, field, 900);
    const Register reg(spec);
    add(campaign, reg);
    expected[register_key(reg.field().order(), reg.length(),
                          canonical_feedback(reg.feedback(), reg.length(), reg.field()))] =
        oracle::histogram_of(oracle::bitmap_walk(
            slow.states(), [&, &slow = slow](std::uint64_t state) { return slow.step(state); }));
  }
  campaign.list.finish();
  ASSERT_EQ(campaign.list.size(), expected.size());
  std::vector<std::string> reference;
  for (const bool everybody : {false, true}) {
    const CampaignResult result = run(campaign, everybody, everybody ? 0 : 3);
    EXPECT_EQ(result.rows.total_rows, expected.size());
    EXPECT_EQ(result.failed, 0U);
    for (std::size_t i = 0; i < result.rows.rows.size(); ++i) {
      const CampaignRow row = result.rows.rows[i];
      std::map<std::uint64_t, std::uint64_t> found;
      for (const HistogramEntry& entry : row.histogram) found[entry.length] = entry.count;
      EXPECT_EQ(found, expected.at(std::string(row.canonical)));
      EXPECT_EQ(row.longest_cycle, expected.at(std::string(row.canonical)).rbegin()->first);
    }
    const auto rows = table(result);
    if (reference.empty()) reference = rows;
    EXPECT_EQ(rows, reference) << "whole or by everybody, the rows are the same";
  }
}

TEST_F(CampaignTest, PeriodAndSearchAgreeWithTheHistograms) {
  const auto campaign_of = [](CampaignTask task) {
    Campaign campaign;
    campaign.task = task;
    campaign.fields.emplace_back(2);
    for (const std::uint32_t length : {4U, 5U, 6U, 7U, 9U}) {
      campaign.families.emplace_back(Form("x0+xa+xb+xc*xd"), length, std::vector<StageRange>{});
      campaign.families.emplace_back(Form("x0+xa+xb*xc+1"), length, std::vector<StageRange>{});
    }
    campaign.list.finish();
    return campaign;
  };
  Campaign all = campaign_of(CampaignTask::decompose);
  const CampaignResult histograms = run(all, false);
  std::uint64_t best = 0;
  for (std::size_t i = 0; i < histograms.rows.rows.size(); ++i) {
    best += histograms.rows.rows[i].verdict == Verdict::shorter ? 0U : 1U;
  }
  best = boost::mpi::all_reduce(comm_, best, std::plus<>());
  // 3, 4, 8, 7 and 4 of the first form: Dubrova, IACR ePrint 2012/166.
  EXPECT_GE(best, 3U + 4U + 8U + 7U + 4U);
  std::vector<std::string> reference;
  for (const bool everybody : {false, true}) {
    Campaign period = campaign_of(CampaignTask::period);
    const CampaignResult periods = run(period, everybody);
    EXPECT_EQ(periods.rows.total_rows, histograms.rows.total_rows);
    Campaign search = campaign_of(CampaignTask::search);
    const CampaignResult found = run(search, everybody);
    EXPECT_EQ(found.rows.total_rows, best);
    EXPECT_EQ(found.counts[0].kept, 3U);
    EXPECT_EQ(found.counts[2].kept, 4U);
    EXPECT_EQ(found.counts[4].kept, 8U);
    EXPECT_EQ(found.counts[6].kept, 7U);
    EXPECT_EQ(found.counts[8].kept, 4U);
    // What needs no walk is tried without one, whoever would walk (from n = 8 on).
    const auto words =
        std::ranges::find(found.filters, name_of(PeriodStage::short_cycles), &FilterCount::name);
    ASSERT_NE(words, found.filters.end());
    EXPECT_GT(words->settled, 0U);
    auto rows = table(periods);
    const auto found_rows = table(found);
    rows.insert(rows.end(), found_rows.begin(), found_rows.end());
    if (reference.empty()) reference = rows;
    EXPECT_EQ(rows, reference);
  }
}

TEST_F(CampaignTest, FailuresAreRowsAndStopNobody) {
  Campaign campaign;
  campaign.fields.emplace_back(2);
  const auto spec = [](std::uint32_t length, const char* text) {
    return RegisterSpec{2, "", length, parse_feedback(text, Field(2), length)};
  };
  add(campaign, Register(spec(6, "1,(2,3)")));
  add(campaign, Register(spec(80, "0,3")));
  add(campaign, Register(spec(5, "0,2")));
  campaign.list.finish();
  for (const bool everybody : {false, true}) {
    const CampaignResult result = run(campaign, everybody);
    EXPECT_EQ(result.failed, 2U);
    const auto rows = table(result);
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_NE(rows[0].find("maximum 1 31 2"), std::string::npos) << rows[0];
    EXPECT_NE(rows[1].find("failed"), std::string::npos);
    EXPECT_NE(rows[1].find("x1 + x2*x3"), std::string::npos) << rows[1];
    EXPECT_NE(rows[2].find("register length \"80\""), std::string::npos) << rows[2];
  }
}

TEST_F(CampaignTest, FiltersAndWhatIsKnownAreLeftOut) {
  Campaign campaign;
  campaign.task = CampaignTask::search;
  campaign.fields.emplace_back(2);
  campaign.filter.max_degree = 1;
  campaign.families.emplace_back(Form("x0+xa"), 7, std::vector<StageRange>{});
  campaign.families.emplace_back(Form("x0+xa*xb"), 7, std::vector<StageRange>{});
  campaign.list.finish();
  const CampaignResult result = run(campaign, false);
  // x^7 + x + 1 and x^7 + x^3 + 1, their reciprocals left out; x^7 + x^2 + 1 is reducible.
  EXPECT_EQ(result.counts[0].kept, 2U);
  EXPECT_EQ(result.counts[1].filtered, result.counts[1].registers);
  EXPECT_GT(result.counts[1].registers, 0U);
  EXPECT_EQ(result.rows.total_rows, 2U);
  campaign.counts = {result.counts[0], result.counts[1]};
  campaign.taken_over = CampaignRows();
  for (std::size_t i = 0; i < result.rows.rows.size(); ++i) {
    campaign.taken_over.add(result.rows.rows[i]);
  }
  const CampaignResult again = run(campaign, false);
  EXPECT_EQ(again.registers, 0U);
  EXPECT_EQ(table(again), table(result));
}

}  // namespace
}  // namespace orbitmill
