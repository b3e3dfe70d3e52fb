#include "orbitmill/cluster/topology.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <boost/mpi/collectives.hpp>

namespace orbitmill {
namespace {

TEST(Topology, OneMachineIsOneNodeAndItsCoresAreShared) {
  const boost::mpi::communicator comm;
  const Topology topology = discover_topology(comm);
  EXPECT_EQ(topology.nodes, 1);
  EXPECT_EQ(topology.node, 0);
  EXPECT_EQ(topology.ranks_on_node, comm.size());
  EXPECT_EQ(topology.rank_on_node, comm.rank());
  ASSERT_EQ(topology.hosts.size(), 1u);
  EXPECT_EQ(topology.hosts[0], topology.host);
  EXPECT_FALSE(topology.host.empty());

  // The kernel's own view of the mask, in hardware threads: at least as many as cores.
  cpu_set_t mask;
  ASSERT_EQ(sched_getaffinity(0, sizeof mask, &mask), 0);
  EXPECT_GE(topology.cores, 1u);
  EXPECT_LE(topology.cores, static_cast<unsigned>(CPU_COUNT(&mask)));
  EXPECT_GE(topology.own_cores, 1u);
  EXPECT_LE(topology.own_cores, topology.cores);
}

TEST(Topology, BoundRanksKeepTheirCoreAndUnboundRanksDivideThem) {
  const boost::mpi::communicator comm;
  cpu_set_t original;
  ASSERT_EQ(sched_getaffinity(0, sizeof original, &original), 0);
  const Topology unbound = discover_topology(comm);
  const auto ranks = static_cast<unsigned>(comm.size());
  EXPECT_EQ(unbound.own_cores, std::max(1u, unbound.cores / ranks));
  EXPECT_EQ(unbound.cores_shared, ranks > unbound.cores);

  // All ranks on the first processor of the mask: one core for all of them.
  int first = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(first), &original)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<std::size_t>(first), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const Topology bound = discover_topology(comm);
  EXPECT_EQ(bound.cores, 1u);
  EXPECT_EQ(bound.own_cores, 1u);
  EXPECT_EQ(bound.cores_shared, ranks > 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof original, &original), 0);
}

}  // namespace
}  // namespace orbitmill
