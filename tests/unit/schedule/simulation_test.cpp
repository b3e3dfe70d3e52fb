#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <queue>
#include <random>
#include <sstream>

#include "bench/simulation/cluster_simulation.hpp"
#include "bench/simulation/cost_curve.hpp"
#include "bench/simulation/event_wheel.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill::simulation {
namespace {

CostCurve recorded_cost() {
  std::ifstream file(ORBITMILL_TEST_DATA "/../bench/simulation/data/leader_sweep_n28.tsv");
  return read_cost_curve(file);
}

/// One of all distributions over `count` indices (or few more), `seconds` in total.
CostCurve random_curve(std::mt19937_64& random, std::uint64_t count, double seconds) {
  switch (random() % 4) {
    case 0:
      return flat_cost(count).scaled_to(seconds);
    case 1:
      return late_cost(count, random() % 2 == 0 ? 0.9 : 1.0).scaled_to(seconds);
    case 2:
      return log_normal_cost(count, 1 + static_cast<unsigned>(random() % 100), 2.0, random())
          .scaled_to(seconds);
    default:
      // Every piece of the recorded curve gets at least one index.
      return recorded_cost().scaled_to(seconds).cut(seconds / 100, count + 500);
  }
}

SimulationOptions random_options(std::mt19937_64& random) {
  SimulationOptions options;
  options.nodes = 1 + static_cast<unsigned>(random() % 9);
  options.ranks_per_node = 1 + static_cast<unsigned>(random() % 3);
  options.workers_per_node = options.ranks_per_node * (1 + static_cast<unsigned>(random() % 4));
  options.latency_s = 1e-6 * static_cast<double>(1 + random() % 3000);
  options.progress = random() % 2 == 0 ? TargetProgress::at_once : TargetProgress::at_next_round;
  options.ahead = random() % 2 == 0;
  options.batch_size = random() % 3 == 0 ? 1 + random() % 50 : 0;
  options.wake_up_s = random() % 2 == 0 ? 0 : 55e-6;
  options.seed = random();
  return options;
}

void expect_tiling(std::vector<Interval> batches, std::uint64_t count) {
  std::sort(batches.begin(), batches.end(),
            [](const Interval& a, const Interval& b) { return a.first < b.first; });
  std::uint64_t end = 0;
  for (const Interval& batch : batches) {
    ASSERT_EQ(batch.first, end);
    end = batch.last;
  }
  EXPECT_EQ(end, count);
}

TEST(Simulation, DoesEveryIndexOnceAndAccountsForEverySecond) {
  std::mt19937_64 random(20240607);
  std::uint64_t steals = 0;
  for (int i = 0; i < 400; ++i) {
    SCOPED_TRACE(i);
    const double seconds = 0.001 * static_cast<double>(1 + random() % 500);
    const std::uint64_t count = random() % 4 == 0 ? 1 + random() % 5 : 1 + random() % 5000;
    const CostCurve curve = random_curve(random, count, seconds);
    SimulationOptions options = random_options(random);
    std::vector<Interval> batches;
    options.on_batch = [&](Interval batch) { batches.push_back(batch); };
    const SimulationReport report = simulate(curve, options);
    expect_tiling(batches, curve.index_count());
    EXPECT_EQ(report.batches, batches.size());
    EXPECT_EQ(report.indices, curve.index_count());
    EXPECT_NEAR(report.busy_s, curve.total(), 1e-6 * seconds);
    const double workers = 1.0 * options.nodes * options.workers_per_node;
    EXPECT_GE(report.wall_s, std::max(curve.total() / workers, curve.dearest_index()) * 0.999999);
    // A second of a worker is busy or idle, but for some 50 ns a batch.
    const double idle = std::accumulate(report.idle_s.begin(), report.idle_s.end(), 0.0);
    const double takes = 60e-9 * static_cast<double>(report.batches);
    EXPECT_LE(report.busy_s + idle, workers * report.wall_s * 1.000001);
    EXPECT_GE(report.busy_s + idle + takes, workers * report.wall_s * 0.999999);
    steals += report.steals_won;
  }
  EXPECT_GT(steals, 1000u);
}

TEST(Simulation, DependsOnItsSeedOnly) {
  const CostCurve curve = log_normal_cost(100'000, 50, 2.0, 3).scaled_to(5);
  SimulationOptions options;
  options.nodes = 7;
  const SimulationReport one = simulate(curve, options);
  const SimulationReport two = simulate(curve, options);
  EXPECT_EQ(one.wall_s, two.wall_s);
  EXPECT_EQ(one.steals_tried, two.steals_tried);
  options.seed = 2;
  EXPECT_NE(simulate(curve, options).steals_tried, one.steals_tried);
}

TEST(Simulation, StealingLevelsAFrontLoadedCost) {
  // Static chunks: half of the work lies on the first of 8 nodes, efficiency 1/4.
  const CostCurve curve({{1u << 20, 0.5}, {8u << 20, 1.0}});
  SimulationOptions options;
  options.nodes = 8;
  for (const auto progress : {TargetProgress::at_once, TargetProgress::at_next_round}) {
    options.progress = progress;
    const SimulationReport report = simulate(curve.scaled_to(160), options);
    EXPECT_GT(report.efficiency, 0.97);
    EXPECT_LE(report.efficiency, 1.0);
  }
}

class FaultySimulation : public testing::TestWithParam<std::uint64_t> {
 protected:
  SimulationReport run(Fault fault) const {
    SimulationOptions options;
    options.nodes = 5;
    options.watchdog_s = 0.2;
    options.limit_s = 100;
    options.fault = fault;
    options.fault_at = GetParam();
    return simulate(CostCurve({{1000, 1.5}, {50'000, 2.0}}), options);
  }
  std::string message(Fault fault) const {
    try {
      run(fault);
    } catch (const InternalError& error) {
      return error.what();
    }
    return "ended as if nothing had happened";
  }
};

TEST_P(FaultySimulation, LostAndRepeatedWorkIsDetected) {
  ASSERT_GE(run(Fault::none).steals_won, GetParam());
  EXPECT_NE(message(Fault::lose_loot).find("work was lost"), std::string::npos);
  EXPECT_NE(message(Fault::repeat_loot).find("work was done twice"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(AtSteal, FaultySimulation, testing::Values(1, 2, 5, 10));

TEST(Simulation, RefusesWhatItCannotSimulate) {
  SimulationOptions options;
  options.nodes = 0;
  EXPECT_THROW(simulate(flat_cost(10), options), std::invalid_argument);
  options.nodes = 2;
  options.ranks_per_node = 3;
  EXPECT_THROW(simulate(flat_cost(10), options), std::invalid_argument);
  options.ranks_per_node = 1;
  options.latency_s = 10;  // beyond the event wheel
  EXPECT_THROW(simulate(flat_cost(10), options), std::invalid_argument);
  options.latency_s = 1e-5;
  EXPECT_THROW(simulate(flat_cost(0x1'0000'0000), options), std::invalid_argument);
}

TEST(CostCurve, AgreesWithALinearSearch) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 50; ++i) {
    std::vector<CostCurve::Knot> knots{{0, 0}};
    while (knots.size() < 40) {
      const unsigned bits = static_cast<unsigned>(random() % 31);
      knots.push_back({knots.back().end + 1 + (random() & ((1U << bits) - 1)),
                       knots.back().cost + static_cast<double>(random() % 3)});
    }
    knots.push_back({knots.back().end + 1, knots.back().cost + 1});
    const CostCurve curve(knots);
    for (int j = 0; j < 200; ++j) {
      const CostCurve::Knot& near = knots[random() % knots.size()];
      const std::uint64_t end = j % 2 == 0 ? std::min(near.end + random() % 3, knots.back().end)
                                           : random() % (knots.back().end + 1);
      std::size_t right = 0;
      while (knots[right].end < end) ++right;
      double expected = knots[right].cost;
      if (knots[right].end != end) {
        const double part = static_cast<double>(end - knots[right - 1].end) /
                            static_cast<double>(knots[right].end - knots[right - 1].end);
        expected = std::lerp(knots[right - 1].cost, knots[right].cost, part);
      }
      ASSERT_NEAR(curve.up_to(end), expected, 1e-9) << end;
    }
  }
}

TEST(CostCurve, CutKeepsTheTotalAndTheLimit) {
  const CostCurve recorded = recorded_cost();
  EXPECT_EQ(recorded.index_count(), std::uint64_t{1} << 28);
  const CostCurve scaled = recorded.scaled_to(4096 * 60.0);
  EXPECT_GT(scaled.dearest_index(), 1000.0);
  const CostCurve cut = scaled.cut(0.3, 0xffff'ffff);
  EXPECT_NEAR(cut.total(), 4096 * 60.0, 1e-6);
  EXPECT_LE(cut.dearest_index(), 0.3 * 1.000001);
  EXPECT_LE(cut.index_count(), 0xffff'ffffu);
  EXPECT_GE(cut.index_count(), 0xffff'0000u);
  EXPECT_THROW(scaled.cut(0.3, 100'000), std::invalid_argument);
}

TEST(CostCurve, TheShapesAreWhatTheySay) {
  EXPECT_DOUBLE_EQ(flat_cost(1000).cost({100, 350}), 0.25);
  EXPECT_NEAR(late_cost(1000, 0.9).cost({900, 1000}), 0.9, 1e-12);
  EXPECT_DOUBLE_EQ(late_cost(1, 0.9).total(), 1.0);
  const CostCurve random = log_normal_cost(100'000, 100, 2.0, 1);
  EXPECT_DOUBLE_EQ(random.total(), 1.0);
  EXPECT_GT(random.dearest_index(), 5e-5);  // five times the mean at least
}

TEST(CostCurve, RefusesTablesThatAreNone) {
  for (const char* text : {"", "# nothing\n", "1 2\n1 3\n", "1 2\n2 1\n", "1 x\n", "1\n", "5 0\n",
                           "1 nan\n", "0 1\n5 2\n"}) {
    std::istringstream in(text);
    EXPECT_THROW(read_cost_curve(in), std::invalid_argument) << text;
  }
}

TEST(EventWheel, GivesEventsInOrder) {
  std::mt19937_64 random(9);
  EventWheel wheel;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> oracle;
  Nanoseconds now = 0;
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    if (oracle.empty() || random() % 2 == 0) {
      const auto span = static_cast<std::uint64_t>(random() % 3 == 0 ? EventWheel::horizon
                                                                     : 2 * EventWheel::slot_ns);
      const Event event{now + static_cast<Nanoseconds>(random() % span), i};
      wheel.push(event);
      oracle.push(event);
    } else {
      const Event event = wheel.pop();
      ASSERT_EQ(event.time, oracle.top().time);
      ASSERT_EQ(event.node, oracle.top().node);
      oracle.pop();
      now = event.time;
    }
    ASSERT_EQ(wheel.empty(), oracle.empty());
  }
}

}  // namespace
}  // namespace orbitmill::simulation
