/// Recipe for a new option: include/orbitmill/app/options.hpp.
#include "orbitmill/app/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "orbitmill/app/application.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

constexpr const char* program_footer =
    R"(Examples:
  orbitmill decompose --length 24 --feedback '0,2,3,(5,9)' -o r.h5
  mpirun -n 4 orbitmill decompose job.toml -o result.h5
  mpirun -n 4 orbitmill campaign jobs/max-period.toml -o found.h5
  mpirun -n 4 orbitmill plan --length 40 --feedback '0,2,3,(5,9)'
  orbitmill show result.h5
  orbitmill where result.h5 0x2a
  orbitmill verify result.h5
  mpirun -n 2 orbitmill bench
`orbitmill COMMAND --help` explains the options of a command.)";

constexpr const char* decompose_footer =
    R"(Every run and output option may also be set in the environment, such as
ORBITMILL_THREADS=2. A flag wins over the environment, the environment over the
job file, the job file over the default.

Exit codes: 0 done; 2 usage; 65 bad job or register; 70 internal error (a
certificate that does not close included); 73 cannot create the output, or too
little memory for a table; 74 I/O; 75 stopped with all finished work saved.

FILE.h5.checkpoint/ keeps finished work until the result is written; the same
command goes on there, with any number of ranks. Signal USR1 saves and stops,
TERM does so at once, a second one ends without saving.

Examples:
  orbitmill decompose --length 24 --feedback '0,2,3,(5,9)' -o r.h5
  orbitmill decompose --polynomial 'x^16 + x^12 + x^3 + x + 1' -o r.h5
  mpirun -n 4 orbitmill decompose --field 3 --coefficients 2,0,1,0,0,1 -o r.h5
  mpirun -n 4 orbitmill decompose job.toml -o r.h5 --overwrite)";

constexpr const char* campaign_footer =
    R"(Registers come from lists and from forms with free taps; each is answered once,
up to reciprocal and complement. With the file of an earlier run as FILE.h5 only
what is missing is done; what an interrupted run finished is in
FILE.h5.checkpoint/ and not done again, as with decompose.
jobs/campaign-example.toml explains every key.

Exit codes and signals: as decompose; 65 also where some registers failed: the
others are in the file, and the reasons too.

Examples:
  mpirun -n 4 orbitmill campaign jobs/max-period.toml -o found.h5
  orbitmill campaign --rows rows.csv --field 4 -o rows.h5
  orbitmill campaign --rows nlfsr.txt --length 16 --task period -o p.h5)";

constexpr const char* plan_footer =
    R"(Starts no phase and writes nothing: measures the kernels for some ten
milliseconds and prints engine, memory, time and size of the file. All of them
are estimates, for a register that behaves like a random permutation; a linear
one often needs no sweep. Give it the options and the launch of the run itself:
write plan in place of decompose.

Examples:
  orbitmill plan --length 36 --feedback '0,2,3,(5,9)'
  mpirun -n 4 orbitmill plan job.toml --engine milestone
  mpirun -n 4 orbitmill plan job.toml --milestone-zeros 14)";

constexpr const char* bench_footer =
    R"(Every configuration computes in this job, on some or all of its ranks; nothing
else is started. The runs are interleaved, and every result is compared with the
first one. jobs/SCHEDULING.md explains the schedules and the figures.

Examples:
  mpirun -n 2 orbitmill bench
  mpirun -n 8 orbitmill bench -n 28 --scaling --repeat 3 --json b.json
  mpirun -n 2 orbitmill bench --lengths 16,20,24 --modes stealing \
    --batch-sizes decades --csv b.csv
  python3 jobs/analysis/orbitmill_analysis.py bench b.json -o b.png)";

constexpr const char* poly_footer =
    R"(Factors with their orders, whether it is primitive, the cycle lengths that
theory predicts, and the register of the reversed sequences.

Examples:
  orbitmill poly 'x^16 + x^12 + x^3 + x + 1'
  orbitmill poly --field 4 --coefficients 3,0,0,0,0,0 --format json)";

constexpr const char* show_footer =
    R"(Examples:
  orbitmill show result.h5
  orbitmill show result.h5 --format json
  orbitmill show result.h5 --format csv)";

constexpr const char* verify_footer =
    R"(Works out again what follows from the register: the sums of the certificate, the
checksum, the order of the cycle table, and the histogram of a linear or affine
register. Then it walks states and rows of the table drawn with a fixed seed, by
a plain step, and compares index and sequences on the way.
Exit codes: 0 everything checked is right; 74 something is not, or the file
cannot be read.

Examples:
  orbitmill verify result.h5
  orbitmill verify result.h5 --sample 10
  orbitmill verify result.h5 --all --format json)";

constexpr const char* where_footer =
    R"(A state is the sum of x_i q^i, x_0 the output stage: 42, or 0x2a, or 0b101010.
Phases and distances count steps of the register. The answer takes about
2^(k+1) steps, k being the zeros of the index that `orbitmill show` prints.

Examples:
  orbitmill decompose --length 24 --feedback '0,2,3,(5,9)' --index -o r.h5
  orbitmill where r.h5 1
  orbitmill where r.h5 1 0xabcdef --format json)";

/// CLI11 options that fill std::optional members, described in one line each.
class OptionTable {
 public:
  explicit OptionTable(CLI::App& app) : app_(app) {}

  void group(const char* name) { group_ = name; }

  template <class T>
  CLI::Option* value(const char* flags, std::optional<T>& target, const char* placeholder,
                     const char* description, const char* environment = nullptr) {
    CLI::Option* option = app_.add_option(flags, target, description);
    option->option_text(placeholder)->group(group_);
    if (environment != nullptr) option->envname(environment);
    return option;
  }

  void flag(const char* flags, std::optional<bool>& target, const char* description,
            const char* environment = nullptr) {
    app_.add_flag_callback(
            flags, [&target] { target = true; }, description)
        ->group(group_)
        ->option_text(" ");
    // CLI11 lists a flag's variable as a value; read it ourselves so that 0 and 1 both mean
    // something.
    if (environment != nullptr) environment_flags_.push_back({environment, &target});
  }

  /// Call after parsing: the environment for flags that were not given.
  void apply_environment_flags() const {
    for (const auto& [name, target] : environment_flags_) {
      const char* value = std::getenv(name);
      if (value == nullptr || target->has_value()) continue;
      const std::string text = value;
      if (text == "1" || text == "true") {
        *target = true;
      } else if (text == "0" || text == "false") {
        *target = false;
      } else {
        throw UsageError(fmt::format("{}=\"{}\": expected 1, 0, true or false", name, text));
      }
    }
  }

 private:
  CLI::App& app_;
  std::string group_ = "Options";
  std::vector<std::pair<const char*, std::optional<bool>*>> environment_flags_;
};

void add_register_options(OptionTable& table, RegisterOptions& reg) {
  table.group("Register");
  table.value("-n,--length", reg.length, "N", "number of stages");
  table.value("--feedback", reg.feedback, "F", "stages '0,1,2,(1,2)' or ANF text 'x0 + x1*x2 + 1'");
  table.value("--coefficients", reg.coefficients, "C",
              "linear: c_0,c_1,...,c_{n-1}, f = sum of c_i x_i");
  table.value("--polynomial", reg.polynomial, "P", "linear: characteristic polynomial in x");
  table.value("-q,--field", reg.field, "Q", "order of the field, a prime power [2]");
  table.value("--modulus", reg.modulus, "M",
              "irreducible polynomial that defines GF(p^m)\n[the Conway polynomial]");
}

void add_engine_options(OptionTable& table, RunOptions& run) {
  table.value("--engine", run.engine, "NAME",
              "auto, leader, milestone or closed-form (linear\nregisters, histogram alone) [auto]",
              "ORBITMILL_ENGINE");
  table.value("--milestone-zeros", run.milestone_zeros, "K",
              "zeros of a milestone, 1 to n-1: more need less\nmemory and a longer sweep [the "
              "plan chooses]",
              "ORBITMILL_MILESTONE_ZEROS");
  table.value("--table", run.table, "NAME",
              "where the milestone engine's table lies: node\n(root's), spread (over all nodes) or "
              "auto [auto]",
              "ORBITMILL_TABLE");
}

void add_checkpoint_options(OptionTable& table, RunOptions& run) {
  table.value("--checkpoint-every", run.checkpoint_every, "TIME",
              "save finished work so often: 90, 90s, 5min or 1h;\n0 never [5min]",
              "ORBITMILL_CHECKPOINT_EVERY");
  table.value("--max-minutes", run.max_minutes, "M", "save and stop before M minutes are over",
              "ORBITMILL_MAX_MINUTES");
  table.flag("--restart", run.restart, "discard the checkpoint of an earlier run",
             "ORBITMILL_RESTART");
}

void add_run_options(OptionTable& table, RunOptions& run) {
  table.group("Run");
  add_engine_options(table, run);
  table.value("--schedule", run.schedule, "NAME",
              "auto, sequential, static, shared, stealing or\nhybrid [auto]", "ORBITMILL_SCHEDULE");
  table.value("--steal-transport", run.steal_transport, "NAME",
              "between nodes: auto, windows or messages [auto]", "ORBITMILL_STEAL_TRANSPORT");
  table.value("-t,--threads", run.threads, "T", "computing threads per rank [cores of the rank]",
              "ORBITMILL_THREADS");
  table.value("--batch-size", run.batch_size, "B", "indices per batch [adaptive, about 2 ms]",
              "ORBITMILL_BATCH_SIZE");
  table.value("--trace", run.trace, "FILE.json", "write every batch as a trace for ui.perfetto.dev",
              "ORBITMILL_TRACE");
  add_checkpoint_options(table, run);
  table.flag("--oversubscribe", run.oversubscribe, "allow more workers than cores or than work",
             "ORBITMILL_OVERSUBSCRIBE");
  table.flag("--quiet", run.quiet, "print errors only", "ORBITMILL_QUIET");
  table.flag("--verbose", run.verbose, "explain every decision", "ORBITMILL_VERBOSE");
}

void add_campaign_options(OptionTable& table, CommandLine& line, JobOptions& options) {
  table.group("Registers");
  table.value(
      "--rows", line.rows_file, "FILE.csv",
      "a register a line: coefficients c_0,c_1,...; or\na feedback, where --length is given");
  table.value("-q,--field", options.reg.field, "Q", "order of their field, a prime power [2]");
  table.value("--modulus", options.reg.modulus, "M",
              "irreducible polynomial that defines GF(p^m)\n[the Conway polynomial]");
  table.value("-n,--length", options.reg.length, "N", "number of stages of each");
  table.value("--task", line.task, "NAME", "decompose, period or search [decompose]",
              "ORBITMILL_TASK");
  RunOptions& run = options.run;
  table.group("Run");
  table.value("--schedule", run.schedule, "NAME",
              "auto, sequential, static, shared, stealing or\nhybrid [auto]", "ORBITMILL_SCHEDULE");
  table.value("--steal-transport", run.steal_transport, "NAME",
              "between nodes: auto, windows or messages [auto]", "ORBITMILL_STEAL_TRANSPORT");
  table.value("-t,--threads", run.threads, "T", "computing threads per rank [cores of the rank]",
              "ORBITMILL_THREADS");
  table.value("--batch-size", run.batch_size, "B", "registers per batch [adaptive, about 2 ms]",
              "ORBITMILL_BATCH_SIZE");
  add_checkpoint_options(table, run);
  table.flag("--oversubscribe", run.oversubscribe, "allow more workers than cores",
             "ORBITMILL_OVERSUBSCRIBE");
  table.flag("--quiet", run.quiet, "print errors only", "ORBITMILL_QUIET");
  table.flag("--verbose", run.verbose, "explain every decision", "ORBITMILL_VERBOSE");
  table.group("Output");
  table.flag("--overwrite", run.overwrite, "begin anew, and replace an existing file",
             "ORBITMILL_OVERWRITE");
  table.value("--title", run.title, "TEXT", "title stored in the file", "ORBITMILL_TITLE");
}

void add_output_options(OptionTable& table, RunOptions& run) {
  table.group("Output");
  table.value("--cycles", run.cycles, "none|all|N",
              "rows of the cycle table; more cycles than N is\nan error [10000000]",
              "ORBITMILL_CYCLES");
  table.flag("--sequences", run.sequences, "store the output sequence of every cycle",
             "ORBITMILL_SEQUENCES");
  table.flag("--index", run.index, "store the index that `orbitmill where` needs",
             "ORBITMILL_INDEX");
  table.flag("--overwrite", run.overwrite, "replace an existing file", "ORBITMILL_OVERWRITE");
  table.value("--title", run.title, "TEXT", "title stored in the file", "ORBITMILL_TITLE");
}

void add_bench_options(OptionTable& table, BenchOptions& bench) {
  add_register_options(table, bench.job.reg);
  table.group("Measure");
  table.value("--lengths", bench.lengths, "LIST", "several lengths of register, such as 16,20,24");
  table.value("--modes", bench.modes, "LIST",
              "some of sequential, threads (rank 0 alone),\nstatic, shared, stealing, hybrid, "
              "auto [all]");
  table.flag("--scaling", bench.scaling, "also stealing and static with 1, 2, 4 ... workers");
  table.value("--batch-sizes", bench.batch_sizes, "LIST",
              "also these batch sizes, such as 10,100,1000, or\ndecades; with stealing, or the "
              "--modes given");
  table.value("--repeat", bench.repeat, "N", "counted runs of each configuration [5]");
  table.group("Run");
  add_engine_options(table, bench.job.run);
  table.value("--steal-transport", bench.job.run.steal_transport, "NAME",
              "between nodes: auto, windows or messages [auto]", "ORBITMILL_STEAL_TRANSPORT");
  table.value("-t,--threads", bench.job.run.threads, "T",
              "computing threads per rank [cores of the rank]", "ORBITMILL_THREADS");
  table.value("--cycles", bench.job.run.cycles, "none|all|N",
              "rows of the cycle table to keep [10000000]", "ORBITMILL_CYCLES");
  table.flag("--oversubscribe", bench.job.run.oversubscribe, "allow more workers than cores",
             "ORBITMILL_OVERSUBSCRIBE");
  table.flag("--quiet", bench.job.run.quiet, "print the tables and errors only", "ORBITMILL_QUIET");
  table.group("Output");
  table.flag("--overwrite", bench.job.run.overwrite, "replace existing files",
             "ORBITMILL_OVERWRITE");
}

std::string join_arguments(int argc, char** argv) {
  std::string line = "orbitmill";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool plain = !argument.empty() &&
                       argument.find_first_of(" \t\n'\"\\$`()<>|&;*?[]#~!{}") == std::string::npos;
    line += ' ';
    if (plain) {
      line += argument;
      continue;
    }
    line += '\'';
    for (const char c : argument) line += c == '\'' ? std::string("'\\''") : std::string(1, c);
    line += '\'';
  }
  return line;
}

}  // namespace

CommandLine parse_command_line(int argc, char** argv) {
  CommandLine result;
  result.joined = join_arguments(argc, argv);

  CLI::App app("Finds the certified cycle decomposition of a feedback shift register.",
               "orbitmill");
  app.get_formatter()->column_width(26);
  app.footer(program_footer);
  app.set_help_flag("-h,--help", "print this help");
  app.require_subcommand(1);
  app.fallthrough(false);
  // Not set_version_flag: its text would be built on every start.
  bool version = false;
  app.add_flag_callback(
      "--version",
      [&] {
        version = true;
        throw CLI::Success();
      },
      "print the version and how it was built");

  CLI::App* decompose = app.add_subcommand("decompose", "decompose one register into an HDF5 file");
  decompose->footer(decompose_footer);
  decompose->add_option("JOB.toml", result.job_file, "job file; flags override its values")
      ->option_text(" ");
  decompose->add_option("-o,--output", result.output, "the HDF5 file to write")
      ->option_text("FILE.h5")
      ->required();
  OptionTable table(*decompose);
  add_register_options(table, result.options.reg);
  add_run_options(table, result.options.run);
  add_output_options(table, result.options.run);

  // Options of its own: the environment reaches every command, parsed or not.
  JobOptions plan_options;
  std::optional<std::string> plan_job_file;
  CLI::App* plan =
      app.add_subcommand("plan", "print what decompose would do: engine, memory, time");
  plan->footer(plan_footer);
  plan->add_option("JOB.toml", plan_job_file, "job file; flags override its values")
      ->option_text(" ");
  plan->add_option("-o,--output", result.file, "accepted and not written")->option_text("FILE.h5");
  OptionTable plan_table(*plan);
  add_register_options(plan_table, plan_options.reg);
  add_run_options(plan_table, plan_options.run);
  add_output_options(plan_table, plan_options.run);

  JobOptions campaign_options;
  std::optional<std::string> campaign_job_file;
  CLI::App* campaign =
      app.add_subcommand("campaign", "decompose or search many registers in one run");
  campaign->footer(campaign_footer);
  campaign->add_option("JOB.toml", campaign_job_file, "job file; flags override its values")
      ->option_text(" ");
  campaign->add_option("-o,--output", result.output, "the HDF5 file to write, or to go on with")
      ->option_text("FILE.h5")
      ->required();
  OptionTable campaign_table(*campaign);
  add_campaign_options(campaign_table, result, campaign_options);

  CLI::App* bench = app.add_subcommand("bench", "measure the schedules side by side");
  bench->footer(bench_footer);
  OptionTable bench_table(*bench);
  add_bench_options(bench_table, result.bench);
  bench->add_option("--json", result.bench.json, "write all figures and single times")
      ->option_text("FILE")
      ->group("Output");
  bench->add_option("--csv", result.bench.csv, "write a line for each row of the tables")
      ->option_text("FILE")
      ->group("Output");

  RegisterOptions poly_register;
  CLI::App* poly = app.add_subcommand("poly", "print what algebra knows of a linear register");
  poly->footer(poly_footer);
  OptionTable poly_table(*poly);
  CLI::Option* positional = poly_table.value("POLYNOMIAL", poly_register.polynomial, " ",
                                             "characteristic polynomial, as --polynomial");
  add_register_options(poly_table, poly_register);
  positional->excludes(poly->get_option("--polynomial"));
  poly->add_option("--format", result.format, "text or json [text]")
      ->option_text("NAME")
      ->check(CLI::IsMember({"text", "json"}));

  CLI::App* show = app.add_subcommand("show", "print a result file");
  show->footer(show_footer);
  show->add_option("FILE.h5", result.file, "a file made by decompose or campaign")
      ->option_text(" ")
      ->required();
  show->add_option("--format", result.format, "text, json or csv [text]")
      ->option_text("NAME")
      ->check(CLI::IsMember({"text", "json", "csv"}));
  show->add_option("--rows", result.rows, "lines of histogram, or registers, in the text [20]")
      ->option_text("N");

  CLI::App* verify = app.add_subcommand("verify", "check a result file against its register");
  verify->footer(verify_footer);
  verify->add_option("FILE.h5", result.file, "a file made by decompose")
      ->option_text(" ")
      ->required();
  verify
      ->add_option("--sample", result.sample,
                   "rows of the cycle table to walk at most, within\n2^26 steps (2^22 for q > 2) "
                   "[as many as fit]")
      ->option_text("N");
  verify->add_flag("--all", result.verify_all, "walk every row, however long")->option_text(" ");
  verify->add_option("--format", result.format, "text or json [text]")
      ->option_text("NAME")
      ->check(CLI::IsMember({"text", "json"}));

  CLI::App* where = app.add_subcommand("where", "find the cycle of a state, and its place on it");
  where->footer(where_footer);
  where->add_option("FILE.h5", result.file, "a file made by decompose --index")
      ->option_text(" ")
      ->required();
  where->add_option("STATE", result.state, "a state")->option_text(" ")->required();
  where->add_option("STATE2", result.second_state, "another: how many steps is it from STATE?")
      ->option_text(" ");
  where->add_option("--format", result.format, "text or json [text]")
      ->option_text("NAME")
      ->check(CLI::IsMember({"text", "json"}));

  try {
    app.parse(argc, argv);
    (campaign->parsed() ? campaign_table
     : bench->parsed()  ? bench_table
     : plan->parsed()   ? plan_table
                        : table)
        .apply_environment_flags();
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    result.text = chosen.empty() ? app.help() : chosen.front()->help("orbitmill");
    return result;
  } catch (const CLI::Success&) {
    if (version) result.text = version_text();
    return result;
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    throw UsageError(fmt::format("{} (see `orbitmill{} --help`)", error.what(),
                                 chosen.empty() ? "" : " " + chosen.front()->get_name()));
  }
  result.command = show->parsed()       ? Command::show
                   : where->parsed()    ? Command::where
                   : verify->parsed()   ? Command::verify
                   : bench->parsed()    ? Command::bench
                   : plan->parsed()     ? Command::plan
                   : poly->parsed()     ? Command::poly
                   : campaign->parsed() ? Command::campaign
                                        : Command::decompose;
  if (poly->parsed()) result.options.reg = poly_register;
  if (plan->parsed()) {
    result.options = plan_options;
    result.job_file = plan_job_file;
  }
  if (campaign->parsed()) {
    result.options = campaign_options;
    result.job_file = campaign_job_file;
  }
  return result;
}

}  // namespace orbitmill
