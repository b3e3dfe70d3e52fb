#include "closed_form_run.hpp"

#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>

#include "launch.hpp"
#include "orbitmill/app/application.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/decompose/certificate.hpp"
#include "orbitmill/decompose/closed_form.hpp"
#include "orbitmill/decompose/plan.hpp"
#include "orbitmill/results/result_file.hpp"
#include "planning.hpp"
#include "provenance.hpp"

namespace orbitmill {
namespace {

DecompositionRecord record_of(const Register& reg, const ClosedForm& form, const Job& job,
                              const RunInfo& run) {
  DecompositionRecord record;
  record.title = job.title;
  record.register_spec = reg.spec();
  record.histogram = form.histogram;
  record.certificate = certify_closed_form(reg, form);
  record.run = run;
  return record;
}

}  // namespace

void run_closed_form(const boost::mpi::communicator& comm, const CommandLine& command_line,
                     const Job& job, const Register& reg, const Topology& topology,
                     const std::string& start_utc, const Log& log) {
  const double ready_s = elapsed_seconds();
  Plan plan;
  plan.engine = Engine::closed_form;
  plan.reason = job.closed_form_reason;
  log.info("register of {}", register_line(reg));
  log.info("engine closed-form: {}", plan.reason);
  RunInfo run = provenance(command_line, topology);
  describe_job(run, job, plan);
  run.ranks = static_cast<std::uint32_t>(comm.size());
  run.threads = 1;  // root alone, on its main thread
  run.schedule = "sequential";
  run.schedule_reason = "nothing is walked";
  run.start_utc = start_utc;

  DecompositionRecord record;
  agree(comm, [&] {
    if (comm.rank() != 0) return;
    const ClosedForm form = closed_form(reg);
    run.end_utc = utc_now();
    run.elapsed_s = elapsed_seconds();
    run.phases = {{"start-up", ready_s}, {"closed form", run.elapsed_s - ready_s}};
    record = record_of(reg, form, job, run);
  });
  RankProfile profile;
  profile.rank = static_cast<std::uint32_t>(comm.rank());
  profile.host = topology.host;
  profile.peak_memory_bytes = peak_memory_bytes();
  if (comm.rank() == 0) {
    profile.threads = run.threads;
    profile.busy_s = record.run.phases.back().seconds;
    profile.workers = {{profile.busy_s, 0, 0}};
  }
  boost::mpi::gather(comm, profile, record.profile, 0);
  agree(comm,
        [&] { write_result(comm, job.output, job.overwrite, record, nullptr, nullptr, nullptr); });
  log.info("wrote {}", job.output);
}

}  // namespace orbitmill
