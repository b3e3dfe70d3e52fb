#include "planning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <cmath>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "orbitmill/app/log.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/memory_limits.hpp"
#include "orbitmill/register/notation.hpp"
#include "orbitmill/schedule/modes.hpp"

namespace orbitmill {
namespace {

/// What a rank takes after planning, beside the tables: the buffers of HDF5 and MPI (measured).
constexpr std::uint64_t later_bytes = std::uint64_t{3} << 19;
/// Rows of 512 walks, a stack, and the allocator's pool of one computing thread (measured).
constexpr std::uint64_t worker_bytes = std::uint64_t{256} << 10;

/// Writing the index takes from each rank of root's node: its chunks of one call, copied to be
/// compressed, and what reading them back keeps (measured: 94 MiB for 64 MiB, 278 for 256 and 512).
constexpr std::uint64_t most_call_bytes = std::uint64_t{256} << 20;
constexpr std::uint64_t read_back_bytes = std::uint64_t{24} << 20;

/// Memory of this process now.
struct ProcessMemory {
  std::uint64_t resident = 0;
  std::uint64_t proportional = 0;  ///< a page shared by n processes counts 1/n (proc(5), Pss)
};

ProcessMemory process_memory() {
  ProcessMemory memory;
  std::ifstream rollup("/proc/self/smaps_rollup");
  for (std::string word; rollup >> word;) {
    std::uint64_t kib = 0;
    if (word == "Rss:" && rollup >> kib) memory.resident = kib * 1024;
    if (word == "Pss:" && rollup >> kib) memory.proportional = kib * 1024;
  }
  return memory;
}

/// k for an index when none is asked for. The index is part of the result, so it must not depend on
/// what was measured: a third of the length, more where the table would pass 2^24 entries.
unsigned index_zeros(const Register& reg) {
  const unsigned n = reg.length();
  const double bits = std::log2(reg.field().order());
  unsigned zeros = std::max(1U, n / 3);
  while (zeros + 1 < n && (n - zeros) * bits > 25) ++zeros;
  return zeros;
}

/// Memory that the other nodes than root's have for each of their workers, the least. Collective.
std::uint64_t away_bytes(const boost::mpi::communicator& comm, const Topology& topology,
                         unsigned own_workers) {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  if (topology.nodes < 2) return least;
  const boost::mpi::communicator node = comm.split(topology.node);
  const unsigned workers = boost::mpi::all_reduce(node, own_workers, std::plus<>());
  if (topology.node > 0 && workers > 0) least = available_node_memory() / workers;
  return boost::mpi::all_reduce(comm, least, boost::mpi::minimum<std::uint64_t>());
}

/// Are the ranks numbered node by node? Then the chunk that a rank begins with is its share of a
/// spread table. Collective.
bool nodes_are_in_order(const boost::mpi::communicator& comm, const Topology& topology) {
  std::vector<int> nodes;
  boost::mpi::all_gather(comm, topology.node, nodes);
  return std::ranges::is_sorted(nodes);
}

/// Work that a worker may do away from its place in a spread table, in equal shares: stolen work,
/// where every rank begins with its own share, otherwise as much as on a fast node of any table.
double stray_share(ScheduleMode mode, bool in_order) {
  if (mode == ScheduleMode::sequential) return 1;  // one worker does all
  if (mode == ScheduleMode::shared || !in_order) return 1.5;
  return mode == ScheduleMode::static_chunks ? 0 : 0.5;
}

}  // namespace

Plan plan_run(const boost::mpi::communicator& comm, const Job& job, const Register& reg,
              const Topology& topology, unsigned threads) {
  const bool alone = job.schedule == "sequential";
  const bool with_root = topology.node == 0;
  const unsigned own_workers = alone ? (comm.rank() == 0 ? 1U : 0U) : threads;
  const ProcessMemory memory = process_memory();
  const std::uint64_t own_later = later_bytes + threads * worker_bytes;

  PlanInputs inputs;
  inputs.engine = job.index ? Engine::milestone : *engine_named(job.engine);
  inputs.index = job.index;
  inputs.zeros = job.index && job.milestone_zeros == 0 ? index_zeros(reg) : job.milestone_zeros;
  inputs.nodes = static_cast<unsigned>(topology.nodes);
  inputs.workers = boost::mpi::all_reduce(comm, own_workers, std::plus<>());
  inputs.root_node_workers =
      boost::mpi::all_reduce(comm, with_root ? own_workers : 0U, std::plus<>());
  inputs.root_node_ranks = boost::mpi::all_reduce(comm, with_root ? 1U : 0U, std::plus<>());
  inputs.rank_bytes = boost::mpi::all_reduce(comm, memory.resident + own_later,
                                             boost::mpi::maximum<std::uint64_t>());
  inputs.root_node_bytes = boost::mpi::all_reduce(
      comm, with_root ? memory.proportional + own_later : std::uint64_t{0}, std::plus<>());
  inputs.away_bytes = away_bytes(comm, topology, own_workers);
  const auto least = [&](std::uint64_t own) {
    return boost::mpi::all_reduce(comm, own, boost::mpi::minimum<std::uint64_t>());
  };
  const auto most = [&](unsigned own) {
    return boost::mpi::all_reduce(comm, own, boost::mpi::maximum<unsigned>());
  };
  const auto node_ranks = static_cast<unsigned>(topology.ranks_on_node);
  inputs.table = *table_place_named(job.table);
  inputs.ranks = static_cast<unsigned>(comm.size());
  inputs.rank_workers = most(own_workers);
  inputs.other_node_ranks = most(with_root ? 0U : node_ranks);
  inputs.stray_share = stray_share(*mode_named(job.schedule), nodes_are_in_order(comm, topology));
  inputs.node_rank_bytes = least(available_node_memory() / node_ranks);
  inputs.node_rank_table_bytes = least(available_table_memory(topology.ranks_on_node) / node_ranks);
  return decide_on_root(comm, [&] {
    inputs.available_bytes = available_table_memory(static_cast<int>(inputs.root_node_ranks));
    // A small register is done before its costs are known.
    if (reg.state_count() > small_state_count && reg.length() > 1) {
      inputs.costs = measure_costs(reg);
    }
    Plan plan = make_plan(reg, inputs);
    if (job.index) {
      const std::uint64_t part =
          plan.milestones * sizeof(std::uint64_t) / std::max(1U, inputs.root_node_ranks);
      const std::uint64_t writing =
          std::min(most_call_bytes, part) + std::min(read_back_bytes, part);
      plan.root_rank_bytes += writing;
      plan.root_node_bytes += writing * inputs.root_node_ranks;
    }
    if (job.index && job.engine == "auto" && job.milestone_zeros == 0) {
      plan.reason = "--index needs it";
    }
    return plan;
  });
}

std::string register_line(const Register& reg) {
  return fmt::format("length {} over GF({}): f = {}", reg.length(), reg.field().order(),
                     print_anf_shortly(reg.feedback()));
}

void describe_job(RunInfo& run, const Job& job, const Plan& plan) {
  run.job_text = job.job_text;
  run.effective_job = job.effective_job;
  run.engine_asked = job.engine;
  run.engine = name_of(plan.engine);
  run.engine_reason = plan.reason;
  run.milestone_zeros = plan.zeros;
  if (plan.engine == Engine::milestone) run.table = name_of(plan.table);
  run.table_reason = plan.table_reason;
  run.predicted_s = plan.total_s;
  run.schedule_asked = job.schedule;
}

std::string plan_line(const Plan& plan) {
  if (plan.engine == Engine::leader) return fmt::format("engine leader: {}", plan.reason);
  return fmt::format("engine milestone: {}; {} zeros, tables of {}{}", plan.reason, plan.zeros,
                     human_bytes(plan.table_bytes),
                     plan.nodes > 1 || plan.table == TablePlace::spread
                         ? fmt::format(" on root's node; the table {}", table_line(plan))
                         : "");
}

std::string table_line(const Plan& plan) {
  if (plan.table != TablePlace::spread) {
    return fmt::format("on root's node: {}", plan.table_reason);
  }
  return fmt::format("spread over {} node{}: {}", plan.nodes, plan.nodes == 1 ? "" : "s",
                     plan.table_reason);
}

std::string human_bytes(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1024) return fmt::format("{} B", bytes);
  for (const auto& [unit, size] :
       {std::pair{"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}}) {
    // Three digits, and never 1024 of a unit.
    if (value < 999.5 * size) {
      return fmt::format("{:.{}f} {}", value / size, value < 9.95 * size ? 1 : 0, unit);
    }
  }
  return fmt::format("{:.1f} TiB", value / 1099511627776.0);
}

std::string estimated_duration(double seconds) {
  return seconds < 0.00995 ? fmt::format("{:.2g} ms", seconds * 1e3) : human_duration(seconds);
}

}  // namespace orbitmill
