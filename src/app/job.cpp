#include "orbitmill/app/job.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <utility>

#include "orbitmill/error.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {
namespace {

template <class T>
void fall_back(std::optional<T>& value, const std::optional<T>& other) {
  if (!value) value = other;
}

CyclePolicy resolve_cycles(const std::optional<std::string>& text) {
  CyclePolicy policy;
  if (!text) return policy;
  if (*text == "none") {
    policy.keep_rows = false;
  } else if (*text == "all") {
    policy.row_limit = CyclePolicy::no_limit;
  } else {
    const char* end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, policy.row_limit);
    if (error != std::errc() || stop != end ||
        policy.row_limit > std::numeric_limits<std::int64_t>::max()) {
      throw UsageError(
          fmt::format("--cycles \"{}\": expected none, all or the greatest number of rows", *text));
    }
  }
  return policy;
}

std::string resolve_choice(const char* option, const std::optional<std::string>& value,
                           std::initializer_list<const char*> choices) {
  if (!value) return "auto";
  for (const char* choice : choices) {
    if (*value == choice) return *value;
  }
  throw UsageError(fmt::format("{} \"{}\": expected {}", option, *value, fmt::join(choices, ", ")));
}

/// k for `engine` and a register of length n; 0 where nothing was asked.
std::uint32_t resolve_zeros(const std::optional<std::int64_t>& zeros, const std::string& engine,
                            std::uint32_t length) {
  if (engine == "milestone" && length < 2) {
    throw UsageError(
        "--engine milestone: it needs a register of length 2 or more; use --engine leader");
  }
  if (!zeros) return 0;
  if (engine == "leader" || engine == "closed-form") {
    throw UsageError(fmt::format(
        "--milestone-zeros {}: {} has no milestones; leave it out, or use --engine milestone",
        *zeros, engine == "leader" ? "the leader sweep" : "the closed form"));
  }
  if (*zeros < 1 || *zeros >= length) {
    throw UsageError(
        fmt::format("--milestone-zeros {}: expected {} for a register of length {}", *zeros,
                    length < 2 ? "nothing" : fmt::format("1 to {}", length - 1), length));
  }
  return static_cast<std::uint32_t>(*zeros);
}

/// Where the table of the milestone engine shall lie.
std::string resolve_table(const RunOptions& run, const std::string& engine) {
  const std::string table = resolve_choice("--table", run.table, {"auto", "node", "spread"});
  if (table == "auto") return table;
  if (engine == "leader" || engine == "closed-form") {
    throw UsageError(
        fmt::format("--table {}: {} has no table; leave it out, or use --engine milestone", table,
                    engine == "leader" ? "the leader sweep" : "the closed form"));
  }
  if (table == "spread" && run.index.value_or(false)) {
    throw UsageError(
        "--table spread: the index of --index is made of a table on one node; use --table node, or "
        "leave --index out");
  }
  return table;
}

/// Why theory answers instead of a walk (decompose/closed_form.hpp); empty where it does not.
/// Throws UsageError where the closed form is asked for what it does not have.
std::string resolve_closed_form(const RunOptions& run, const Register& reg) {
  const bool asked = run.engine == "closed-form";
  if (!asked && run.engine.value_or("auto") != "auto") return {};
  const bool theory = reg.feedback().is_affine();
  const bool wants_table = (run.cycles && run.cycles != "none") || run.sequences.value_or(false) ||
                           run.index.value_or(false);
  if (asked && !theory) {
    throw UsageError(
        "--engine closed-form: the feedback has products, and theory knows linear and affine "
        "registers alone; use --engine auto");
  }
  if (asked && wants_table) {
    throw UsageError(fmt::format(
        "--engine closed-form gives the histogram, and no cycle table for {}; leave it out, or use "
        "--engine milestone",
        run.index.value_or(false)       ? "--index"
        : run.sequences.value_or(false) ? "--sequences"
                                        : fmt::format("--cycles {}", *run.cycles)));
  }
  if (asked) return "asked for";
  if (!theory || wants_table || run.milestone_zeros) return {};
  if (run.cycles == "none") return "the register is linear, and only its histogram is wanted";
  if (!reg.is_exhaustible()) return "the states are too many to walk; no cycle table";
  if (!reg.is_nonsingular()) return "the register is singular; no cycle table";
  return {};
}

}  // namespace

JobOptions prefer(const JobOptions& first, const JobOptions& second) {
  JobOptions both = first;
  fall_back(both.reg.field, second.reg.field);
  fall_back(both.reg.modulus, second.reg.modulus);
  if (!first.reg.has_notation()) {
    both.reg.feedback = second.reg.feedback;
    both.reg.coefficients = second.reg.coefficients;
    both.reg.polynomial = second.reg.polynomial;
  }
  // The length belongs to a feedback; coefficients and polynomials bring their own, and a job
  // file's length must not contradict the ones given by flag.
  if (!first.reg.coefficients && !first.reg.polynomial) {
    fall_back(both.reg.length, second.reg.length);
  }
  fall_back(both.run.title, second.run.title);
  fall_back(both.run.engine, second.run.engine);
  fall_back(both.run.milestone_zeros, second.run.milestone_zeros);
  fall_back(both.run.table, second.run.table);
  fall_back(both.run.schedule, second.run.schedule);
  fall_back(both.run.steal_transport, second.run.steal_transport);
  fall_back(both.run.threads, second.run.threads);
  fall_back(both.run.batch_size, second.run.batch_size);
  fall_back(both.run.oversubscribe, second.run.oversubscribe);
  fall_back(both.run.checkpoint_every, second.run.checkpoint_every);
  fall_back(both.run.max_minutes, second.run.max_minutes);
  fall_back(both.run.restart, second.run.restart);
  fall_back(both.run.trace, second.run.trace);
  fall_back(both.run.cycles, second.run.cycles);
  fall_back(both.run.sequences, second.run.sequences);
  fall_back(both.run.index, second.run.index);
  fall_back(both.run.overwrite, second.run.overwrite);
  fall_back(both.run.quiet, second.run.quiet);
  fall_back(both.run.verbose, second.run.verbose);
  return both;
}

Register resolve_register(const RegisterOptions& options) {
  const int notations =
      (options.feedback ? 1 : 0) + (options.coefficients ? 1 : 0) + (options.polynomial ? 1 : 0);
  if (notations == 0) {
    throw UsageError(
        "no register given; write --length N --feedback F, --coefficients C or --polynomial P, or "
        "name a job file with a [register] section");
  }
  if (notations > 1) {
    throw UsageError(
        "the register is given twice; use only one of --feedback, --coefficients, --polynomial");
  }
  if (options.field && *options.field < 2) {
    throw JobError(fmt::format("field order {}: expected a prime power q, 2 to {}", *options.field,
                               Field::max_order));
  }
  if (options.length && (*options.length < 1 || *options.length > max_register_length)) {
    throw JobError(fmt::format("length {}: a register has 1 to {} stages", *options.length,
                               max_register_length));
  }
  RegisterSpec spec;
  spec.field_order = static_cast<std::uint64_t>(options.field.value_or(2));
  spec.modulus = options.modulus.value_or("");
  const Field field(spec.field_order, spec.modulus);
  if (options.feedback) {
    if (!options.length) {
      throw UsageError("--feedback needs the length of the register; add --length N");
    }
    spec.length = static_cast<std::uint32_t>(*options.length);
    spec.feedback = parse_feedback(*options.feedback, field, spec.length);
  } else {
    const ParsedRegister parsed = options.coefficients
                                      ? parse_coefficients(*options.coefficients, field)
                                      : parse_polynomial(*options.polynomial, field);
    if (options.length && *options.length != parsed.length) {
      throw JobError(
          options.coefficients
              ? fmt::format(
                    "coefficients \"{}\": there are {}, and a register of length {} has {}; "
                    "drop --length or correct one of them",
                    *options.coefficients, parsed.length, *options.length, *options.length)
              : fmt::format("polynomial \"{}\": its degree is {}, and --length says {}; drop "
                            "--length or correct one of them",
                            *options.polynomial, parsed.length, *options.length));
    }
    spec.length = parsed.length;
    spec.feedback = parsed.feedback;
  }
  return Register(spec);
}

Job resolve_job(const JobOptions& options) {
  Job job;
  const Register reg = resolve_register(options.reg);
  job.register_spec = reg.spec();

  const RunOptions& run = options.run;
  job.engine =
      resolve_choice("--engine", run.engine, {"auto", "leader", "milestone", "closed-form"});
  job.closed_form_reason = resolve_closed_form(run, reg);
  if (job.closed_form_reason.empty()) reg.require_exhaustible();
  job.milestone_zeros = resolve_zeros(run.milestone_zeros, job.engine, reg.length());
  job.table = resolve_table(run, job.engine);
  job.schedule = resolve_choice("--schedule", run.schedule,
                                {"auto", "sequential", "static", "shared", "stealing", "hybrid"});
  job.steal_transport =
      resolve_choice("--steal-transport", run.steal_transport, {"auto", "windows", "messages"});
  if (run.threads) {
    if (*run.threads < 1 || *run.threads > 4096) {
      throw UsageError(fmt::format("--threads {}: expected 1 to 4096", *run.threads));
    }
    job.threads = static_cast<std::uint32_t>(*run.threads);
  }
  if (run.batch_size) {
    if (*run.batch_size < 1) {
      throw UsageError(fmt::format("--batch-size {}: expected 1 or more", *run.batch_size));
    }
    job.batch_size = static_cast<std::uint64_t>(*run.batch_size);
  }
  job.checkpoints = resolve_checkpoints(run);
  job.oversubscribe = run.oversubscribe.value_or(false);
  job.trace = run.trace.value_or("");
  job.cycles = resolve_cycles(run.cycles);
  if (!job.closed_form_reason.empty()) job.cycles.keep_rows = false;
  job.sequences = run.sequences.value_or(false);
  job.index = run.index.value_or(false);
  job.overwrite = run.overwrite.value_or(false);
  job.quiet = run.quiet.value_or(false);
  job.verbose = run.verbose.value_or(false);
  if (job.quiet && job.verbose) throw UsageError("--quiet and --verbose contradict each other");
  if (job.sequences) {
    if (!job.cycles.keep_rows) {
      throw UsageError("--sequences needs the cycle table; use it without --cycles none");
    }
    if (reg.field().order() > 256 || reg.state_count() > max_sequence_states) {
      throw UsageError(fmt::format(
          "--sequences: this register has {} states over GF({}); sequences are written for at most "
          "2^24 states and q <= 256; leave --sequences out",
          reg.state_count_text(), reg.field().order()));
    }
  }
  if (job.index) {
    if (!job.cycles.keep_rows) {
      throw UsageError("--index needs the cycle table; use it without --cycles none");
    }
    if (job.engine == "leader") {
      throw UsageError("--index is made by the milestone engine; use it without --engine leader");
    }
    if (reg.length() < 2) {
      throw UsageError(
          "--index: a register of length 1 is too short for a milestone, which is a nonzero stage "
          "followed by zeros; leave --index out");
    }
  }
  job.title = run.title.value_or(fmt::format("GF({}), n = {}: {}", reg.field().order(),
                                             reg.length(), print_anf_shortly(reg.feedback())));
  job.effective_job = print_job(job);
  return job;
}

}  // namespace orbitmill
