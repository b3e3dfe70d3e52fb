/// The contraction of one random table, on one node and spread over all ranks, in turn.
///
///   mpirun -n 2 build/release/bin/contraction_bench --bits 24 --repeat 3
///
/// Spread, each rank counts as a node: every hop to the other's share is a message, which goes
/// through shared memory here and through a network on a cluster. So the time is that of the
/// computing; bytes and rounds are those of the cluster.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/mpi/environment.hpp>
#include <chrono>
#include <numeric>
#include <random>
#include <vector>

#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/decompose/spread_contraction.hpp"

namespace {

using namespace orbitmill;
using Clock = std::chrono::steady_clock;

struct Options {
  unsigned bits = 24;  ///< of the number of entries
  unsigned threads = 1;
  unsigned repeat = 3;
  std::uint64_t distance = 0;
  std::uint64_t in_flight = 0;
};

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

int measure(const boost::mpi::communicator& comm, const Options& options) {
  const std::uint64_t count = std::uint64_t{1} << options.bits;
  const Register reg({2, "", options.bits + 2, {{{1, {0}}}}});
  const MilestoneMap map(reg, 1);
  const SegmentFormat format(count);
  std::vector<std::uint64_t> successor(count);
  std::iota(successor.begin(), successor.end(), 0);
  std::ranges::shuffle(successor, std::mt19937_64(1));
  const std::vector<LongSegment> none;

  WorkerPool pool(options.threads);
  Scheduler scheduler(comm, pool, {});
  const boost::mpi::communicator alone = comm.split(comm.rank());
  const TableSplit split = TableSplit::over_nodes(comm, alone, count, 1);
  const Interval part = split.part_of(alone, comm.rank());
  const NodeMemory whole(scheduler.node(), count * sizeof(std::uint64_t));
  const NodeMemory own(alone, part.size() * sizeof(std::uint64_t));
  SpreadOptions spread;
  spread.station_distance =
      options.distance > 0 ? options.distance
                           : spread_station_distance(count, static_cast<unsigned>(comm.size()));
  spread.in_flight = options.in_flight;

  std::vector<double> one_node_s, spread_s;
  std::uint64_t one_node_states = 0, spread_states = 0;
  SpreadContraction last;
  for (unsigned i = 0; i < options.repeat; ++i) {
    for (std::uint64_t index = part.first; index < part.last; ++index) {
      const std::uint64_t entry = format.pack(successor[index], 1 + index % 7);
      own.as<std::uint64_t>()[index - part.first] = entry;
      whole.as<std::uint64_t>()[index] = entry;
    }
    RowBudget budget({false, 0});
    CycleTally one_node(budget), over_nodes(budget);
    whole.sync();
    auto begin = Clock::now();
    contract({map, format, none, whole.as<std::uint64_t>()}, scheduler, one_node);
    comm.barrier();
    one_node_s.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    begin = Clock::now();
    last =
        contract_over_nodes({map, format, none, split, part, own}, scheduler, over_nodes, spread);
    comm.barrier();
    spread_s.push_back(std::chrono::duration<double>(Clock::now() - begin).count());
    one_node_states = one_node.states();
    spread_states = over_nodes.states();
  }
  for (std::uint64_t* states : {&one_node_states, &spread_states}) {
    MPI_Allreduce(MPI_IN_PLACE, states, 1, MPI_UINT64_T, MPI_SUM, comm);
  }
  if (comm.rank() == 0) {
    const auto entries = static_cast<double>(count);
    fmt::print("2^{} entries, {} ranks of {} threads, a station every {} (spread)\n", options.bits,
               comm.size(), options.threads, spread.station_distance);
    fmt::print("one node {:8.3f} s {:7.1f} ns an entry\n", median(one_node_s),
               1e9 * median(one_node_s) / entries);
    fmt::print("spread   {:8.3f} s {:7.1f} ns an entry, {:.1f} bytes an entry, {} rounds\n",
               median(spread_s), 1e9 * median(spread_s) / entries,
               static_cast<double>(last.bytes_sent) / entries, last.rounds);
  }
  return one_node_states == spread_states ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Measures the contraction on one node and over all.");
  app.add_option("--bits", options.bits, "entries of the table, as a power of two [24]");
  app.add_option("--threads", options.threads, "computing threads per rank [1]");
  app.add_option("--repeat", options.repeat, "runs of each; medians are shown [3]");
  app.add_option("--distance", options.distance, "milestones between two stations [by the plan]");
  app.add_option("--in-flight", options.in_flight, "chains in flight per rank [by the plan]");
  CLI11_PARSE(app, argc, argv);
  const boost::mpi::environment environment(argc, argv, boost::mpi::threading::funneled);
  return measure({}, options);
}
