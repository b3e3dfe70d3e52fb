/// Job files and options: precedence, checks, and the printed job that repeats a run.
#include "orbitmill/app/job.hpp"

#include <gtest/gtest.h>

#include "orbitmill/app/log.hpp"
#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

constexpr const char* full_job = R"job(
title = "a test"
[register]
field = 2
length = 10
feedback = "0,1,4,(3,7)"
[run]
engine = "milestone"
milestone_zeros = 3
table = "spread"
schedule = "static"
threads = 3
batch_size = 7
checkpoint_every = "90s"
max_minutes = 2.5
oversubscribe = true
quiet = true
verbose = false
[output]
cycles = 100
sequences = true
index = false
overwrite = true
)job";

std::string error_of(const std::string& text) {
  try {
    resolve_job(parse_job(text, "job.toml"));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(JobFile, EveryKeyArrives) {
  const Job job = resolve_job(parse_job(full_job, "job.toml"));
  EXPECT_EQ(job.title, "a test");
  EXPECT_EQ(job.register_spec.length, 10u);
  EXPECT_EQ(print_index_list(job.register_spec.feedback), "0,1,4,(3,7)");
  EXPECT_EQ(job.engine, "milestone");
  EXPECT_EQ(job.milestone_zeros, 3u);
  EXPECT_EQ(job.table, "spread");
  EXPECT_EQ(job.schedule, "static");
  EXPECT_EQ(job.threads, 3u);
  EXPECT_EQ(job.batch_size, 7u);
  EXPECT_EQ(job.checkpoints.every_s, 90);
  EXPECT_EQ(job.checkpoints.max_minutes, 2.5);
  EXPECT_TRUE(job.oversubscribe);
  EXPECT_TRUE(job.quiet);
  EXPECT_FALSE(job.verbose);
  EXPECT_TRUE(job.cycles.keep_rows);
  EXPECT_EQ(job.cycles.row_limit, 100u);
  EXPECT_TRUE(job.sequences);
  EXPECT_FALSE(job.index);
  EXPECT_TRUE(job.overwrite);
}

TEST(JobFile, TheEffectiveJobRepeatsTheRun) {
  for (const std::string& text :
       {std::string(full_job), std::string("[register]\ncoefficients = [2, 0, 1]\nfield = 3\n"),
        std::string(
            "[register]\npolynomial = 'x^3 + 2*x + 1'\nfield = 9\n[output]\ncycles = 'none'\n"),
        std::string(
            "[register]\nlength = 5\nfeedback = 'x0 + x2*x3 + 1'\n[output]\ncycles = 'all'"),
        std::string("[register]\ncoefficients = [1, 1]\n[output]\nindex = true")}) {
    const Job job = resolve_job(parse_job(text, "job.toml"));
    const Job again = resolve_job(parse_job(job.effective_job, "effective.toml"));
    EXPECT_EQ(again.effective_job, job.effective_job);
    EXPECT_EQ(again.register_spec, job.register_spec);
    EXPECT_EQ(again.milestone_zeros, job.milestone_zeros);
    EXPECT_EQ(again.table, job.table);
    EXPECT_EQ(again.checkpoints.every_s, job.checkpoints.every_s);
    EXPECT_EQ(again.checkpoints.max_minutes, job.checkpoints.max_minutes);
    EXPECT_EQ(again.cycles.row_limit, job.cycles.row_limit);
    EXPECT_EQ(again.cycles.keep_rows, job.cycles.keep_rows);
    EXPECT_EQ(again.index, text.find("index = true") != std::string::npos);
  }
}

TEST(JobFile, ErrorsNameLineAndColumn) {
  EXPECT_EQ(error_of("[register]\nlength = 4\nfedback = '0,1'\n")
                .find("job.toml:3:1: unknown key "
                      "\"fedback\" in [register]"),
            0u);
  EXPECT_EQ(error_of("[register]\nlength = 'four'\n")
                .find("job.toml:2:10: \"length\" must be an integer"),
            0u);
  EXPECT_EQ(error_of("[registr]\n").find("job.toml:1:"), 0u);
  EXPECT_EQ(error_of("[register\n").find("job.toml:1:"), 0u);
  EXPECT_NE(error_of("[register\n").find("not valid TOML"), std::string::npos);
  EXPECT_NE(error_of("register = 3\n").find("must be a table"), std::string::npos);
  EXPECT_NE(error_of("[register]\ncoefficients = [1, 'x']\n").find("a list of integers"),
            std::string::npos);
  EXPECT_NE(error_of("[output]\ncycles = 1.5\n").find("a string or an integer"), std::string::npos);
}

TEST(Job, WrongValuesAreRefusedWithTheDocumentedExitCode) {
  const std::string reg = "[register]\nlength = 6\nfeedback = '0,1'\n";
  const auto code_of = [](const std::string& text) {
    try {
      resolve_job(parse_job(text, "job.toml"));
    } catch (const Error& error) {
      return static_cast<int>(error.exit_code());
    }
    return 0;
  };
  EXPECT_EQ(code_of(reg), 0);
  EXPECT_EQ(code_of(""), 2);                                    // no register
  EXPECT_EQ(code_of(reg + "polynomial = 'x^6 + x + 1'\n"), 2);  // two notations
  EXPECT_EQ(code_of("[register]\nfeedback = '0,1'\n"), 2);      // no length
  EXPECT_EQ(code_of("[register]\nlength = 0\nfeedback = '0'\n"), 65);
  EXPECT_EQ(code_of("[register]\nlength = -3\nfeedback = '0'\n"), 65);
  EXPECT_EQ(code_of("[register]\nlength = 6\nfeedback = '0,6'\n"), 65);      // no such stage
  EXPECT_EQ(code_of("[register]\nlength = 6\nfeedback = '1,(2,3)'\n"), 65);  // singular
  EXPECT_EQ(code_of("[register]\nlength = 6\nfeedback = '1,2'\n[run]\nengine = 'leader'\n"), 65);
  EXPECT_EQ(code_of("[register]\nlength = 6\nfeedback = '1,2'\n"), 0);        // theory knows it
  EXPECT_EQ(code_of("[register]\nlength = 80\nfeedback = '0,(1,2)'\n"), 65);  // 2^80 states
  EXPECT_EQ(code_of("[register]\nfield = 6\nlength = 3\nfeedback = '0'\n"), 65);
  EXPECT_EQ(code_of("[register]\nfield = 3\ncoefficients = '1,3'\n"), 65);
  EXPECT_EQ(code_of("[register]\nlength = 7\npolynomial = 'x^6 + x + 1'\n"), 65);
  EXPECT_EQ(code_of("[register]\nlength = 7\ncoefficients = '1,0,1'\n"), 65);
  EXPECT_EQ(code_of(reg + "[run]\nengine = 'magic'\n"), 2);
  EXPECT_EQ(code_of(reg + "[run]\nthreads = 0\n"), 2);
  EXPECT_EQ(code_of(reg + "[run]\nbatch_size = 0\n"), 2);
  EXPECT_EQ(code_of(reg + "[run]\nquiet = true\nverbose = true\n"), 2);
  EXPECT_EQ(code_of(reg + "[output]\ncycles = 'many'\n"), 2);
  EXPECT_EQ(code_of(reg + "[output]\ncycles = -1\n"), 2);
  EXPECT_EQ(code_of(reg + "[output]\ncycles = 'none'\nsequences = true\n"), 2);
  EXPECT_EQ(code_of("[register]\nlength = 25\nfeedback = '0'\n[output]\nsequences = true\n"), 2);
}

TEST(Job, IntervalsHaveUnits) {
  const auto interval_of = [](const std::string& value) {
    try {
      return resolve_job(parse_job("[register]\nlength = 6\nfeedback = '0,1'\n[run]\n"
                                   "checkpoint_every = " +
                                       value,
                                   "job.toml"))
          .checkpoints.every_s;
    } catch (const UsageError&) {
      return -1.0;
    }
  };
  EXPECT_EQ(interval_of("'90'"), 90);
  EXPECT_EQ(interval_of("90"), 90);
  EXPECT_EQ(interval_of("0.5"), 0.5);
  EXPECT_EQ(interval_of("'0.05s'"), 0.05);
  EXPECT_EQ(interval_of("'5min'"), 300);
  EXPECT_EQ(interval_of("'1.5h'"), 5400);
  EXPECT_EQ(interval_of("0"), 0);
  for (const char* wrong : {"''", "'-1'", "-1", "'5 min'", "'5m'", "'inf'", "'nan'", "'1e400'",
                            "'often'", "'90s '", "'99999999h'"}) {
    EXPECT_EQ(interval_of(wrong), -1) << wrong;
  }
}

TEST(Job, FlagsWinOverTheJobFile) {
  JobOptions flags;
  flags.run.threads = 5;
  flags.reg.polynomial = "x^4 + x + 1";
  const Job job = resolve_job(prefer(flags, parse_job(full_job, "job.toml")));
  EXPECT_EQ(job.threads, 5u);
  EXPECT_EQ(job.batch_size, 7u);
  EXPECT_EQ(job.register_spec.length,
            4u);  // the flag's notation replaces the file's, length included
  JobOptions only_length;
  only_length.reg.length = 12;
  EXPECT_EQ(resolve_job(prefer(only_length, parse_job(full_job, "job.toml"))).register_spec.length,
            12u);
}

TEST(Log, DurationsAreReadable) {
  EXPECT_EQ(human_duration(0.0123), "12 ms");
  EXPECT_EQ(human_duration(1.26), "1.3 s");
  EXPECT_EQ(human_duration(59.7), "1 min 0 s");
  EXPECT_EQ(human_duration(200), "3 min 20 s");
  EXPECT_EQ(human_duration(7500), "2 h 5 min");
  EXPECT_EQ(human_duration(90000), "1 d 1 h");
}

}  // namespace
}  // namespace orbitmill
