#include "provenance.hpp"

#include "launch.hpp"
#include "orbitmill/app/application.hpp"

namespace orbitmill {

RankProfile profile_of(const boost::mpi::communicator& comm, const Topology& topology,
                       const Scheduler& scheduler, std::uint64_t job_bytes,
                       const Decomposition& result) {
  RankProfile profile;
  profile.rank = static_cast<std::uint32_t>(comm.rank());
  profile.host = topology.host;
  profile.states_walked = result.lane_steps;
  profile.fallbacks = scheduler.fallbacks();
  profile.bytes_serialized = job_bytes;
  for (const PhaseReport& phase : result.phases) {
    profile.threads = static_cast<std::uint32_t>(phase.workers.size());
    profile.batches += phase.batches;
    profile.busy_s += phase.busy_s;
    profile.idle_s += phase.idle_s;
    profile.communication_s += phase.communication_s;
    profile.stealing_s += phase.stealing_s;
    profile.node_steals_tried += phase.node_steals_tried;
    profile.node_steals_won += phase.node_steals_won;
    profile.cluster_steals_tried += phase.cluster_steals_tried;
    profile.cluster_steals_won += phase.cluster_steals_won;
    profile.workers.resize(phase.workers.size());
    for (std::size_t i = 0; i < phase.workers.size(); ++i) {
      profile.workers[i].busy_s += phase.workers[i].busy_s;
      profile.workers[i].idle_s += phase.workers[i].idle_s;
      profile.workers[i].batches += phase.workers[i].batches;
    }
  }
  profile.peak_memory_bytes = peak_memory_bytes();
  return profile;
}

RunInfo provenance(const Job& job, const CommandLine& command_line, const Topology& topology,
                   const Plan& plan) {
  RunInfo run;
  const BuildProvenance build = build_provenance();
  run.version = build.version;
  run.commit = build.commit;
  run.compiler = build.compiler;
  run.flags = build.flags;
  run.mpi = build.mpi;
  run.hdf5 = build.hdf5;
  run.hosts = topology.hosts;
  run.command_line = command_line.joined;
  run.job_text = job.job_text;
  run.effective_job = job.effective_job;
  run.engine_asked = job.engine;
  run.engine = name_of(plan.engine);
  run.engine_reason = plan.reason;
  run.milestone_zeros = plan.zeros;
  run.predicted_s = plan.total_s;
  run.schedule_asked = job.schedule;
  return run;
}

}  // namespace orbitmill
