/// The options of a run as they were written, before defaults: from flags, environment or job file.
///
/// HOW TO ADD AN OPTION
///  1. Add the member here and merge it in `prefer` (src/app/job.cpp).
///  2. Give it a flag and an environment name in src/app/command_line.cpp.
///  3. Give it a key in src/app/job_file.cpp and print it in src/app/job_text.cpp.
///  4. Check it and give it its default in `resolve_job` (src/app/job.cpp), member in app/job.hpp.
///  5. Document it: jobs/example.toml (every key is there), README.md, CHANGELOG.md.
///     tests/cli/job_file_test.py compares the keys of the example with the keys of the parser.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace orbitmill {

/// A register as the user wrote it; which members are set decides the notation.
struct RegisterOptions {
  std::optional<std::int64_t> field;
  std::optional<std::string> modulus;
  std::optional<std::int64_t> length;
  std::optional<std::string> feedback;      ///< index list or ANF
  std::optional<std::string> coefficients;  ///< c_0,c_1,...
  std::optional<std::string> polynomial;    ///< characteristic polynomial

  bool has_notation() const { return feedback || coefficients || polynomial; }
};

struct RunOptions {
  std::optional<std::string> title;
  std::optional<std::string> engine;
  std::optional<std::int64_t> milestone_zeros;
  std::optional<std::string> table;  ///< auto, node or spread
  std::optional<std::string> schedule;
  std::optional<std::string> steal_transport;
  std::optional<std::int64_t> threads;
  std::optional<std::int64_t> batch_size;
  std::optional<bool> oversubscribe;
  std::optional<std::string> checkpoint_every;  ///< "90", "90s", "5min", "1h", "0"
  std::optional<std::string> max_minutes;
  std::optional<bool> restart;        ///< flag and environment only: meant once
  std::optional<std::string> trace;   ///< file for the trace of batches
  std::optional<std::string> cycles;  ///< "none", "all" or a number
  std::optional<bool> sequences;
  std::optional<bool> index;
  std::optional<bool> overwrite;
  std::optional<bool> quiet;
  std::optional<bool> verbose;
};

struct JobOptions {
  RegisterOptions reg;
  RunOptions run;
};

/// The options of `bench` as they were written. Lists are texts: src/app/bench_plan.cpp reads them.
struct BenchOptions {
  JobOptions job;
  std::optional<std::string> modes;
  std::optional<std::string> lengths;
  std::optional<std::string> batch_sizes;
  std::optional<std::int64_t> repeat;
  std::optional<bool> scaling;
  std::string json;
  std::string csv;
};

}  // namespace orbitmill
