/// What `orbitmill bench` runs: from the options to the list of configurations.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <numeric>
#include <string_view>

#include "orbitmill/app/bench.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {
namespace {

constexpr const char* threads_name = "threads";
constexpr const char* all_modes = "sequential,threads,static,shared,stealing,hybrid,auto";

/// The register where none is given; short registers have no stage 9.
constexpr std::int64_t default_length = 24;
constexpr const char* default_feedback = "0,2,3,(5,9)";
constexpr const char* short_feedback = "0,2,3,(4,5)";
constexpr std::int64_t least_length_of_default = 10;

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = list.find(',');
    std::string_view part = list.substr(0, comma);
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    parts.emplace_back(part);
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

std::vector<std::int64_t> read_numbers(const char* option, const std::string& list,
                                       const char* expected) {
  std::vector<std::int64_t> numbers;
  for (const std::string& part : split(list)) {
    std::int64_t number = 0;
    const char* end = part.data() + part.size();
    const auto [stop, error] = std::from_chars(part.data(), end, number);
    if (error != std::errc() || stop != end || number < 1) {
      throw UsageError(
          fmt::format("{} \"{}\": \"{}\" is none; expected {}", option, list, part, expected));
    }
    numbers.push_back(number);
  }
  return numbers;
}

std::vector<std::string> read_modes(const std::string& list) {
  std::vector<std::string> modes = {"sequential"};
  for (const std::string& name : split(list)) {
    if (name != threads_name && !mode_named(name)) {
      throw UsageError(fmt::format("--modes \"{}\": there is no \"{}\"; expected some of {}", list,
                                   name, all_modes));
    }
    if (std::ranges::find(modes, name) == modes.end()) modes.push_back(name);
  }
  return modes;
}

/// Does every worker take batches, so that their size matters?
bool is_parallel(const std::string& mode) {
  return mode != "sequential" && mode != threads_name && mode != "auto";
}

std::vector<Job> resolve_jobs(const BenchOptions& options) {
  const RegisterOptions& reg = options.job.reg;
  const bool fixed_length = reg.coefficients || reg.polynomial;
  std::vector<std::int64_t> lengths = {reg.length.value_or(default_length)};
  if (options.lengths) {
    if (reg.length || fixed_length) {
      throw UsageError(
          fmt::format("--lengths \"{}\": {} says another length; use one of them, with --feedback",
                      *options.lengths, reg.length ? "--length" : "the notation"));
    }
    lengths = read_numbers("--lengths", *options.lengths, "lengths such as 16,20,24");
  }
  std::vector<Job> jobs;
  for (const std::int64_t length : lengths) {
    JobOptions one = options.job;
    if (!fixed_length) one.reg.length = length;
    if (!reg.has_notation()) {
      one.reg.feedback = length < least_length_of_default ? short_feedback : default_feedback;
    }
    Job job = resolve_job(one);
    if (job.engine == "closed-form") {
      throw UsageError(
          "--engine closed-form: it walks nothing, so there is no schedule to measure; use leader "
          "or milestone");
    }
    if (!std::exchange(job.closed_form_reason, {}).empty()) {
      Register(job.register_spec).require_exhaustible();
    }
    jobs.push_back(std::move(job));
  }
  return jobs;
}

}  // namespace

BenchPlan plan_bench(const BenchOptions& options) {
  BenchPlan plan;
  plan.jobs = resolve_jobs(options);
  plan.modes = read_modes(options.modes.value_or(all_modes));
  plan.scaling = options.scaling.value_or(false);
  if (options.repeat) {
    if (*options.repeat < 1 || *options.repeat > 1'000'000) {
      throw UsageError(fmt::format("--repeat {}: expected 1 to 1000000", *options.repeat));
    }
    plan.repeat = static_cast<std::uint32_t>(*options.repeat);
  }
  if (options.batch_sizes) {
    if (*options.batch_sizes != "decades") {
      for (const std::int64_t size : read_numbers("--batch-sizes", *options.batch_sizes,
                                                  "sizes such as 1,10,100, or decades")) {
        plan.batches.push_back(static_cast<std::uint64_t>(size));
      }
    }
    plan.swept = {"stealing"};
    if (options.modes) {
      plan.swept.clear();
      std::ranges::copy_if(plan.modes, std::back_inserter(plan.swept), is_parallel);
    }
    if (plan.swept.empty()) {
      throw UsageError(
          fmt::format("--batch-sizes with --modes \"{}\": no schedule in it shares batches; add "
                      "static, shared, stealing or hybrid",
                      *options.modes));
    }
  }
  return plan;
}

unsigned BenchWorkers::total() const {
  return std::accumulate(of_rank.begin(), of_rank.end(), 0U);
}

std::vector<unsigned> first_workers(const BenchWorkers& workers, unsigned count) {
  std::vector<unsigned> threads;
  for (const unsigned most : workers.of_rank) {
    if (count == 0) break;
    threads.push_back(std::min(most, count));
    count -= threads.back();
  }
  return threads;
}

std::vector<unsigned> scaling_counts(unsigned all) {
  std::vector<unsigned> counts;
  for (unsigned count = 1; count < all; count *= 2) counts.push_back(count);
  counts.push_back(all);
  return counts;
}

std::vector<std::uint64_t> decades(std::uint64_t states, unsigned workers) {
  const std::uint64_t indices = std::min(states, Phase::max_indices);
  std::uint64_t least = 1;
  while (least * 10'000 * 10 * workers <= indices) least *= 10;
  return {least, least * 10, least * 100, least * 1000};
}

std::vector<BenchConfiguration> bench_configurations(const BenchPlan& plan,
                                                     const BenchWorkers& workers,
                                                     std::uint64_t states) {
  std::vector<BenchConfiguration> all;
  for (const std::string& name : plan.modes) {
    if (name == threads_name) {
      // On one rank the modes are one: its threads share its interval.
      all.push_back({BenchTable::modes, name, ScheduleMode::static_chunks, {workers.alone}, 0});
    } else {
      all.push_back({BenchTable::modes, name, *mode_named(name), workers.of_rank, 0});
    }
  }
  if (plan.scaling) {
    for (const ScheduleMode mode : {ScheduleMode::stealing, ScheduleMode::static_chunks}) {
      for (const unsigned count : scaling_counts(workers.total())) {
        all.push_back({BenchTable::scaling, std::string(name_of(mode)), mode,
                       first_workers(workers, count), 0});
      }
    }
  }
  const auto sizes = plan.batches.empty() ? decades(states, workers.total()) : plan.batches;
  for (const std::string& name : plan.swept) {
    for (const std::uint64_t size : sizes) {
      all.push_back({BenchTable::batches, name, *mode_named(name), workers.of_rank, size});
    }
  }
  return all;
}

}  // namespace orbitmill
