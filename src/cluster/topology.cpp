#include "orbitmill/cluster/topology.hpp"

#include <hwloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <cmath>
#include <fstream>
#include <memory>

namespace orbitmill {
namespace {

struct TopologyDeleter {
  void operator()(hwloc_topology* topology) const { hwloc_topology_destroy(topology); }
};

/// Logical indices of the cores in the affinity mask of the calling thread (the union over all
/// threads of the process would count helper threads that MPI started). Empty if hwloc cannot tell.
std::vector<unsigned> cores_in_mask() {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return {};
  const std::unique_ptr<hwloc_topology, TopologyDeleter> topology(raw);
  if (hwloc_topology_load(raw) != 0) return {};
  hwloc_cpuset_t mask = hwloc_bitmap_alloc();
  std::vector<unsigned> cores;
  if (hwloc_get_cpubind(raw, mask, HWLOC_CPUBIND_THREAD) == 0) {
    const int total = hwloc_get_nbobjs_by_type(raw, HWLOC_OBJ_CORE);
    for (int i = 0; i < total; ++i) {
      const hwloc_obj_t core = hwloc_get_obj_by_type(raw, HWLOC_OBJ_CORE, static_cast<unsigned>(i));
      if (hwloc_bitmap_intersects(core->cpuset, mask)) cores.push_back(core->logical_index);
    }
  }
  hwloc_bitmap_free(mask);
  return cores;
}

/// Cores' worth of CPU time that the control group grants (cpu.max), a large number if unlimited.
/// Containers set it where they leave the affinity mask alone.
double cgroup_cores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 1e9;
  return std::max(1.0, std::stod(quota) / period);
}

std::string host_name() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

}  // namespace

Topology discover_topology(const boost::mpi::communicator& comm) {
  MPI_Comm shared = MPI_COMM_NULL;
  MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, comm.rank(), MPI_INFO_NULL, &shared);
  const boost::mpi::communicator node(shared, boost::mpi::comm_take_ownership);

  Topology topology;
  topology.ranks_on_node = node.size();
  topology.rank_on_node = node.rank();
  topology.host = host_name();

  // A node is named by its leader; numbering follows the leaders' ranks.
  int leader = comm.rank();
  boost::mpi::broadcast(node, leader, 0);
  std::vector<int> leaders;
  boost::mpi::all_gather(comm, leader, leaders);
  std::vector<std::string> hosts;
  boost::mpi::all_gather(comm, topology.host, hosts);
  std::vector<int> distinct = leaders;
  std::ranges::sort(distinct);
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  topology.nodes = static_cast<int>(distinct.size());
  topology.node = static_cast<int>(std::ranges::lower_bound(distinct, leader) - distinct.begin());
  for (const int first : distinct) topology.hosts.push_back(hosts[static_cast<std::size_t>(first)]);

  std::vector<unsigned> mine = cores_in_mask();
  if (mine.empty()) mine.push_back(0);
  std::vector<std::vector<unsigned>> masks;
  boost::mpi::all_gather(node, mine, masks);
  double share = 0;
  for (const unsigned core : mine) {
    const auto users = std::ranges::count_if(
        masks, [core](const auto& mask) { return std::ranges::binary_search(mask, core); });
    share += 1.0 / static_cast<double>(users);
  }
  topology.cores = static_cast<unsigned>(mine.size());
  // The quota is granted to the ranks of the node together.
  share = std::min(share, cgroup_cores() / topology.ranks_on_node);
  // Thirds of a core do not sum to 1 exactly; without the nudge 3 x 1/3 would floor to 0.
  topology.own_cores = static_cast<unsigned>(std::max(1.0, std::floor(share + 1e-6)));
  topology.cores_shared = share + 1e-6 < 1.0;
  return topology;
}

}  // namespace orbitmill
