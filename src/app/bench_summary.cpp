/// From single runs to the figures of a row: medians, and what follows from them.
#include <algorithm>
#include <array>

#include "orbitmill/app/bench.hpp"

namespace orbitmill {
namespace {

/// The middle value; of an even number the mean of the two in the middle.
template <class Get>
double median(const std::vector<BenchSample>& samples, Get get) {
  std::vector<double> values;
  for (const BenchSample& sample : samples) values.push_back(static_cast<double>(get(sample)));
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

/// Counts stay whole numbers.
template <class Get>
std::uint64_t median_count(const std::vector<BenchSample>& samples, Get get) {
  return static_cast<std::uint64_t>(median(samples, get));
}

void find_usual_mode(const std::vector<BenchSample>& samples, BenchFigures& figures) {
  for (const ModeName& entry : mode_names) {
    std::uint64_t runs = 0;
    const BenchSample* last = nullptr;
    for (const BenchSample& sample : samples) {
      if (sample.mode != entry.mode) continue;
      ++runs;
      last = &sample;
    }
    if (runs <= figures.mode_runs) continue;
    figures.mode = entry.mode;
    figures.mode_runs = runs;
    figures.reason = last->reason;
    figures.workers = last->workers;
  }
}

}  // namespace

BenchFigures summarise(const BenchRow& row, std::uint64_t states, double sequential_s) {
  BenchFigures figures;
  figures.failures = row.failures.size();
  const std::vector<BenchSample>& samples = row.samples;
  if (samples.empty()) return figures;
  find_usual_mode(samples, figures);

  figures.median_s = median(samples, [](const BenchSample& s) { return s.time_s; });
  figures.min_s = std::ranges::min(samples, {}, &BenchSample::time_s).time_s;
  figures.max_s = std::ranges::max(samples, {}, &BenchSample::time_s).time_s;
  figures.speed_up = figures.median_s > 0 ? sequential_s / figures.median_s : 0;
  figures.efficiency = figures.speed_up / figures.workers;
  figures.states_per_s = figures.median_s > 0 ? static_cast<double>(states) / figures.median_s : 0;
  figures.busy_share = median(samples, [](const BenchSample& s) {
    return s.phases_s > 0 ? s.busy_s / (s.workers * s.phases_s) : 0;
  });
  figures.start_up_s = median(samples, [](const BenchSample& s) { return s.start_up_s; });
  figures.broadcast_s = median(samples, [](const BenchSample& s) { return s.broadcast_s; });
  figures.job_bytes = samples.front().job_bytes;
  figures.batches = median_count(samples, [](const BenchSample& s) { return s.batches; });
  figures.node_tried = median_count(samples, [](const BenchSample& s) { return s.node_tried; });
  figures.node_won = median_count(samples, [](const BenchSample& s) { return s.node_won; });
  figures.cluster_tried =
      median_count(samples, [](const BenchSample& s) { return s.cluster_tried; });
  figures.cluster_won = median_count(samples, [](const BenchSample& s) { return s.cluster_won; });
  figures.fallbacks = std::ranges::max(samples, {}, &BenchSample::fallbacks).fallbacks;
  figures.peak_memory_bytes =
      std::ranges::max(samples, {}, &BenchSample::peak_memory_bytes).peak_memory_bytes;
  return figures;
}

std::vector<BenchFigures> summarise(const BenchResult& result) {
  std::vector<BenchFigures> all;
  // The plan puts the sequential row first.
  const double sequential_s = summarise(result.rows.front(), result.states, 0).median_s;
  for (const BenchRow& row : result.rows) {
    all.push_back(summarise(row, result.states, sequential_s));
  }
  return all;
}

AutoVerdict judge_auto(const BenchResult& result, const std::vector<BenchFigures>& figures) {
  AutoVerdict verdict;
  const BenchFigures* of_auto = nullptr;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const BenchConfiguration& one = result.rows[i].configuration;
    if (one.table == BenchTable::modes && one.mode == ScheduleMode::automatic) {
      of_auto = &figures[i];
    }
  }
  if (of_auto == nullptr || of_auto->median_s <= 0) return {};
  verdict.auto_s = of_auto->median_s;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    const BenchConfiguration& one = result.rows[i].configuration;
    const double median_s = figures[i].median_s;
    // "threads" is no choice: auto decides for the ranks it was started with.
    if (one.table != BenchTable::modes || one.mode == ScheduleMode::automatic ||
        one.name == "threads" || median_s <= 0) {
      continue;
    }
    if (verdict.best.empty() || median_s < verdict.best_s) {
      verdict.best = one.name;
      verdict.best_s = median_s;
    }
    if (one.mode == of_auto->mode) verdict.chosen_s = median_s;
  }
  return verdict.best.empty() ? AutoVerdict{} : verdict;
}

}  // namespace orbitmill
