/// Where this job runs: nodes, ranks on a node, and the cores that each rank may use.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <string>
#include <vector>

namespace orbitmill {

/// The same on every rank except for the members about "this rank".
struct Topology {
  int nodes = 1;                   ///< number of nodes (sets of ranks that share memory)
  int node = 0;                    ///< node of this rank, numbered by their lowest rank
  int ranks_on_node = 1;           ///< ranks on the node of this rank
  int rank_on_node = 0;            ///< 0 is the leader of the node
  std::string host;                ///< host name of this rank's node
  std::vector<std::string> hosts;  ///< host names by node
  unsigned cores = 1;              ///< cores in the affinity mask of this rank
  unsigned own_cores = 1;     ///< this rank's share of them, at least 1: its default of threads
  bool cores_shared = false;  ///< there are more ranks than cores in this rank's mask
};

/// Collective. Nodes come from the shared-memory split of `comm`; cores (not hardware threads) from
/// the affinity mask, through hwloc, bounded by a cgroup CPU quota. A core that several ranks of
/// the node may use is divided among them, so that bound and unbound launches both come out right.
Topology discover_topology(const boost::mpi::communicator& comm);

}  // namespace orbitmill
