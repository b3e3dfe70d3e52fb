/// The bench without MPI: what it plans to run, its arithmetic, and what it shows of wrong results.
#include "orbitmill/app/bench.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <sstream>

#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

std::vector<std::string> names_of(const std::vector<BenchConfiguration>& all) {
  std::vector<std::string> names;
  for (const BenchConfiguration& one : all) names.push_back(one.name);
  return names;
}

/// A result with the rows "sequential" and "auto" and these times; 1024 states.
BenchResult result_with(const std::vector<double>& sequential, const std::vector<double>& chosen) {
  BenchResult result;
  BenchOptions options;
  options.job.reg.length = 10;
  options.modes = "sequential,auto";
  const BenchPlan plan = plan_bench(options);
  result.register_spec = plan.jobs.front().register_spec;
  result.states = 1024;
  for (BenchConfiguration& one : bench_configurations(plan, {{1, 1}, 1}, 1024)) {
    BenchRow row{std::move(one), {}, {}};
    for (const double time_s : row.configuration.name == "auto" ? chosen : sequential) {
      BenchSample sample;
      sample.time_s = time_s;
      sample.phases_s = time_s;
      sample.busy_s = time_s;
      sample.workers = row.configuration.name == "auto" ? 2 : 1;
      sample.mode =
          row.configuration.name == "auto" ? ScheduleMode::stealing : ScheduleMode::sequential;
      sample.reason = "a reason, \"quoted\"";
      row.samples.push_back(sample);
    }
    result.rows.push_back(std::move(row));
  }
  return result;
}

BenchReport report_of(const BenchResult& result) {
  BenchReport report;
  report.hosts = {"host"};
  report.workers = {{1, 1}, 1};
  report.repeat = 5;
  report.results = {result};
  return report;
}

void expect_fits_screen(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

/// All words, with one blank between them.
std::string words_of(const std::string& text) {
  std::istringstream stream(text);
  std::string words;
  for (std::string word; stream >> word;) words += word + ' ';
  return words;
}

TEST(BenchPlan, DefaultIsTheDocumentedRegisterInAllModes) {
  const BenchPlan plan = plan_bench({});
  ASSERT_EQ(plan.jobs.size(), 1U);
  EXPECT_EQ(plan.jobs[0].register_spec.length, 24U);
  BenchOptions written;
  written.job.reg.length = 24;
  written.job.reg.feedback = "0,2,3,(5,9)";
  EXPECT_EQ(plan.jobs[0].title, plan_bench(written).jobs[0].title);
  EXPECT_EQ(plan.repeat, 5U);
  EXPECT_EQ(names_of(bench_configurations(plan, {{2, 1}, 2}, 1 << 24)),
            (std::vector<std::string>{"sequential", "threads", "static", "shared", "stealing",
                                      "hybrid", "auto"}));
}

TEST(BenchPlan, SequentialIsAlwaysFirstAndNothingTwice) {
  BenchOptions options;
  options.modes = "hybrid, sequential,hybrid";
  EXPECT_EQ(plan_bench(options).modes, (std::vector<std::string>{"sequential", "hybrid"}));
}

TEST(BenchPlan, EveryLengthDownToSixHasADefaultRegister) {
  BenchOptions options;
  options.lengths = "6,9,10,28";
  const BenchPlan plan = plan_bench(options);
  ASSERT_EQ(plan.jobs.size(), 4U);
  for (const std::size_t i : {0U, 1U, 2U, 3U}) {
    EXPECT_EQ(plan.jobs[i].register_spec.length, std::vector({6U, 9U, 10U, 28U})[i]);
  }
}

TEST(BenchPlan, BatchSizesGoToStealingOrToTheModesGiven) {
  BenchOptions options;
  options.batch_sizes = "3,7";
  EXPECT_EQ(plan_bench(options).swept, std::vector<std::string>{"stealing"});
  options.modes = "threads,shared,auto,static";
  EXPECT_EQ(plan_bench(options).swept, (std::vector<std::string>{"shared", "static"}));
  options.modes = "threads";
  EXPECT_THROW(plan_bench(options), UsageError);
}

TEST(BenchPlan, FirstWorkersFillRankAfterRank) {
  std::mt19937 random(20261121);
  for (int round = 0; round < 500; ++round) {
    BenchWorkers workers;
    workers.of_rank.resize(1 + random() % 6);
    for (unsigned& threads : workers.of_rank) threads = static_cast<unsigned>(1 + random() % 5);
    const unsigned all = std::accumulate(workers.of_rank.begin(), workers.of_rank.end(), 0U);
    ASSERT_EQ(workers.total(), all);
    // One worker after the other, each on the first rank with a free thread.
    std::vector<unsigned> expected;
    for (unsigned count = 1; count <= all; ++count) {
      if (expected.empty() || expected.back() == workers.of_rank[expected.size() - 1]) {
        expected.push_back(0);
      }
      ++expected.back();
      ASSERT_EQ(first_workers(workers, count), expected);
    }
    EXPECT_EQ(expected, workers.of_rank);
  }
}

TEST(BenchPlan, ScalingCountsDoubleAndEndWithAll) {
  EXPECT_EQ(scaling_counts(1), std::vector<unsigned>{1});
  EXPECT_EQ(scaling_counts(2), (std::vector<unsigned>{1, 2}));
  EXPECT_EQ(scaling_counts(12), (std::vector<unsigned>{1, 2, 4, 8, 12}));
}

TEST(BenchPlan, DecadesSpanThreeAndLeaveTenBatchesAWorker) {
  for (std::uint64_t states = 1; states < std::uint64_t{1} << 40; states = states * 3 + 1) {
    for (const unsigned workers : {1U, 2U, 7U, 64U}) {
      const auto sizes = decades(states, workers);
      ASSERT_EQ(sizes.size(), 4U);
      EXPECT_EQ(sizes.back(), 1000 * sizes.front());
      const std::uint64_t indices = std::min<std::uint64_t>(states, 0xffff'ffff);
      if (sizes.front() > 1) {
        EXPECT_GE(indices / sizes.back(), 10 * workers);
      }
      EXPECT_LT(indices / sizes.back(), 100 * workers + 100) << states;
    }
  }
}

TEST(BenchSummary, MediansAndWhatFollowsFromThem) {
  const BenchResult result = result_with({4, 9, 5, 1, 6}, {2.5, 1.5, 9, 2});
  const auto figures = summarise(result);
  ASSERT_EQ(figures.size(), 2U);
  EXPECT_DOUBLE_EQ(figures[0].median_s, 5);
  EXPECT_DOUBLE_EQ(figures[0].min_s, 1);
  EXPECT_DOUBLE_EQ(figures[0].max_s, 9);
  EXPECT_DOUBLE_EQ(figures[0].speed_up, 1);
  EXPECT_DOUBLE_EQ(figures[1].median_s, 2.25);  // an even number: the two in the middle
  EXPECT_DOUBLE_EQ(figures[1].speed_up, 5 / 2.25);
  EXPECT_DOUBLE_EQ(figures[1].efficiency, 5 / 2.25 / 2);
  EXPECT_DOUBLE_EQ(figures[1].busy_share, 0.5);
  EXPECT_DOUBLE_EQ(figures[1].states_per_s, 1024 / 2.25);
  const AutoVerdict verdict = judge_auto(result, figures);
  EXPECT_EQ(verdict.best, "sequential");
  EXPECT_DOUBLE_EQ(verdict.best_s, 5);
  EXPECT_DOUBLE_EQ(verdict.auto_s, 2.25);
  EXPECT_DOUBLE_EQ(verdict.chosen_s, 0);  // stealing was not measured
}

TEST(BenchSummary, TheUsualModeIsTheOneThatRanMostOften) {
  BenchResult result = result_with({1}, {1, 1, 1});
  BenchRow& row = result.rows[1];
  row.samples[1].mode = ScheduleMode::sequential;
  row.samples[1].workers = 1;
  row.samples[2].reason = "the last";
  const BenchFigures figures = summarise(row, 1024, 1);
  EXPECT_EQ(figures.mode, ScheduleMode::stealing);
  EXPECT_EQ(figures.mode_runs, 2U);
  EXPECT_EQ(figures.workers, 2U);
  EXPECT_EQ(figures.reason, "the last");
  row.samples[0] = row.samples[1];
  EXPECT_EQ(summarise(row, 1024, 1).mode, ScheduleMode::sequential);
  EXPECT_EQ(summarise(row, 1024, 1).workers, 1U);
}

TEST(BenchSummary, AnyDifferenceOfCertificatesIsSeen) {
  Certificate first;
  first.states = 16;
  first.states_accounted = 16;
  first.cycles = 3;
  first.complete = true;
  first.checksum = 0xabc;
  first.checksum_of = ChecksumOf::cycles;
  EXPECT_EQ(compare_certificates(first, first), "");
  Certificate checksum = first, accounted = first, cycles = first;
  checksum.checksum = 0xabd;
  accounted.states_accounted = 15;
  accounted.complete = false;
  cycles.cycles = 4;
  for (const Certificate& other : {checksum, accounted, cycles}) {
    EXPECT_NE(compare_certificates(first, other), "");
  }
  EXPECT_NE(compare_certificates(first, checksum).find("0000000000000abd"), std::string::npos);
}

TEST(BenchReport, WrongResultsAreShownAndCounted) {
  BenchResult result = result_with({3e-3}, {2e-3});
  EXPECT_NE(bench_text(report_of(result), result).find("every run gave checksum"),
            std::string::npos);
  result.rows[1].failures = {"lost a cycle", "lost a cycle"};
  std::string text = bench_text(report_of(result), result);
  EXPECT_NE(text.find("FAILED: 2 runs"), std::string::npos) << text;
  EXPECT_EQ(text.find("every run gave"), std::string::npos) << text;
  const auto json = nlohmann::json::parse(bench_json(report_of(result)));
  EXPECT_EQ(json["registers"][0]["rows"][1]["failures"], 2);
  EXPECT_EQ(json["registers"][0]["rows"][1]["failure_messages"][0], "lost a cycle");

  // Not one right run is left: no time is invented.
  result.rows[1].samples.clear();
  text = bench_text(report_of(result), result);
  EXPECT_NE(text.find("no run gave the right result"), std::string::npos) << text;
  EXPECT_EQ(summarise(result)[1].median_s, 0);
  EXPECT_EQ(judge_auto(result, summarise(result)).best, "");
}

TEST(BenchReport, FitsTheScreenWhateverTheFigures) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    const double scale = std::pow(10.0, static_cast<double>(random() % 13) - 7);  // 100 ns to a day
    BenchResult result = result_with({scale, 2 * scale}, {scale / 3, scale * 0.999});
    for (BenchRow& row : result.rows) {
      for (BenchSample& sample : row.samples) {
        for (auto member : {&BenchSample::batches, &BenchSample::node_tried, &BenchSample::node_won,
                            &BenchSample::cluster_tried, &BenchSample::cluster_won}) {
          sample.*member = random() >> (random() % 64);
        }
        sample.peak_memory_bytes = random() % (std::uint64_t{1} << 42);
        sample.reason = std::string(1 + random() % 12, 'w');
        for (int i = 0; i < 20; ++i) sample.reason += ' ' + std::string(random() % 12, 'x');
      }
    }
    const std::string text = bench_text(report_of(result), result);
    expect_fits_screen(text);
    // Wrapping loses no word.
    EXPECT_NE(words_of(text).find(words_of(result.rows[1].samples.back().reason)),
              std::string::npos)
        << text;
  }
}

TEST(BenchReport, CsvQuotesWhatSeparates) {
  const std::string csv = bench_csv(report_of(result_with({1}, {2})));
  EXPECT_NE(csv.find(",\"a reason, \"\"quoted\"\"\"\n"), std::string::npos) << csv;
  EXPECT_EQ(std::ranges::count(csv, '\n'), 3);
}

}  // namespace
}  // namespace orbitmill
