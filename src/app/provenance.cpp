#include "provenance.hpp"

#include "launch.hpp"
#include "orbitmill/app/application.hpp"

namespace orbitmill {

RunInfo provenance(const CommandLine& command_line, const Topology& topology) {
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
  return run;
}

RankProfile profile_of(const boost::mpi::communicator& comm, const Topology& topology,
                       const Scheduler& scheduler, const std::vector<PhaseReport>& phases) {
  RankProfile profile;
  profile.rank = static_cast<std::uint32_t>(comm.rank());
  profile.host = topology.host;
  profile.fallbacks = scheduler.fallbacks();
  for (const PhaseReport& phase : phases) {
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

}  // namespace orbitmill
