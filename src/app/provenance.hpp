/// What a run says about itself in the result file: /run and /profile.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <vector>

#include "orbitmill/app/command_line.hpp"
#include "orbitmill/cluster/topology.hpp"
#include "orbitmill/results/record.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

/// /run as far as build, command line and machine say.
RunInfo provenance(const CommandLine& command_line, const Topology& topology);

/// This rank's row of /profile, from the reports of its phases; without states_walked and
/// bytes_serialized, which only the caller knows.
RankProfile profile_of(const boost::mpi::communicator& comm, const Topology& topology,
                       const Scheduler& scheduler, const std::vector<PhaseReport>& phases);

}  // namespace orbitmill
