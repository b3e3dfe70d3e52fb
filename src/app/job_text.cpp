#include <fmt/format.h>
#include <toml++/toml.h>

#include <sstream>

#include "orbitmill/app/job.hpp"
#include "orbitmill/register/notation.hpp"

namespace orbitmill {

std::string print_job(const Job& job) {
  const RegisterSpec& spec = job.register_spec;
  toml::table reg;
  reg.insert("field", static_cast<std::int64_t>(spec.field_order));
  if (!spec.modulus.empty()) reg.insert("modulus", spec.modulus);
  reg.insert("length", static_cast<std::int64_t>(spec.length));
  reg.insert("feedback", print_anf(spec.feedback));

  toml::table run;
  run.insert("engine", job.engine);
  if (job.milestone_zeros > 0) {
    run.insert("milestone_zeros", static_cast<std::int64_t>(job.milestone_zeros));
  }
  run.insert("table", job.table);
  run.insert("schedule", job.schedule);
  run.insert("steal_transport", job.steal_transport);
  if (job.threads > 0) run.insert("threads", static_cast<std::int64_t>(job.threads));
  if (job.batch_size > 0) run.insert("batch_size", static_cast<std::int64_t>(job.batch_size));
  run.insert("checkpoint_every", job.checkpoints.every_s);
  if (job.checkpoints.max_minutes > 0) {
    run.insert("max_minutes", job.checkpoints.max_minutes);
  }
  run.insert("oversubscribe", job.oversubscribe);
  run.insert("quiet", job.quiet);
  run.insert("verbose", job.verbose);

  toml::table output;
  if (!job.cycles.keep_rows) {
    output.insert("cycles", "none");
  } else if (job.cycles.row_limit == CyclePolicy::no_limit) {
    output.insert("cycles", "all");
  } else {
    output.insert("cycles", static_cast<std::int64_t>(job.cycles.row_limit));
  }
  output.insert("sequences", job.sequences);
  output.insert("index", job.index);
  output.insert("overwrite", job.overwrite);

  toml::table root;
  root.insert("title", job.title);
  root.insert("register", std::move(reg));
  root.insert("run", std::move(run));
  root.insert("output", std::move(output));
  std::ostringstream text;
  text << root << '\n';
  return text.str();
}

}  // namespace orbitmill
