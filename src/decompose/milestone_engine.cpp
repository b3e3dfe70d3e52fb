/// The fast engine: milestone pass, contraction, short cycles, sweep of the deficit.
///
/// The deficit is q^n minus the states covered so far. It counts exactly the states of cycles not
/// found yet, so every phase after the milestone pass is left out as soon as it is 0.
#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "conclude.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/node_memory.hpp"
#include "orbitmill/decompose/contraction.hpp"
#include "orbitmill/decompose/leader_sweep.hpp"
#include "orbitmill/decompose/milestone_index.hpp"
#include "orbitmill/decompose/milestone_pass.hpp"
#include "orbitmill/decompose/short_cycles.hpp"
#include "orbitmill/decompose/spread_contraction.hpp"
#include "orbitmill/decompose/table_split.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// One run of the engine on one rank.
class MilestoneEngine {
 public:
  MilestoneEngine(const Register& reg, const CyclePolicy& policy, const MilestoneOptions& options,
                  Scheduler& scheduler)
      : register_(reg),
        options_(options),
        scheduler_(scheduler),
        comm_(scheduler.communicator()),
        budget_(policy),
        tally_(budget_),
        deficit_(reg.state_count()) {}

  void cover_long_cycles() {
    const MilestoneMap map(register_, options_.zeros);
    const SegmentFormat format(map.count());
    if (options_.spread) {
      cover_over_nodes(map, format);
    } else {
      cover_on_root_node(map, format);
    }
  }

  /// The state 0 has no nonzero digit: if it is a cycle by itself, nothing else finds it.
  void cover_zero_cycle() {
    if (deficit_ == 0 || register_.next(0) != 0) return;
    if (comm_.rank() == 0) tally_.add(0, 1);
    --deficit_;
  }

  void cover_short_cycles() {
    if (deficit_ == 0 || options_.short_cycles == 0) return;
    ShortCycles phase(register_, options_.short_cycles, options_.zeros, budget_);
    phases_.push_back(scheduler_.run(phase));
    account(phase.take_tally());
  }

  void sweep_levels() {
    for (unsigned zeros = options_.zeros; zeros-- > 0 && deficit_ > 0;) {
      LeaderSweep sweep(register_, budget_,
                        level_sweep(register_, zeros, options_.short_cycles, deficit_));
      phases_.push_back(scheduler_.run(sweep));
      lane_steps_ += sweep.lane_steps();
      account(sweep.take_tally());
    }
  }

  std::uint64_t deficit() const noexcept { return deficit_; }
  /// With MilestoneOptions::index. Call once.
  ContractedTable&& contracted() { return std::move(*contracted_); }
  CycleTally&& tally() { return std::move(tally_); }
  std::vector<PhaseReport> phases() { return std::move(phases_); }
  std::uint64_t lane_steps() const noexcept { return lane_steps_; }

 private:
  void cover_on_root_node(const MilestoneMap& map, const SegmentFormat& format) {
    std::unique_ptr<NodeMemory> memory;
    agree(comm_, [&] {
      if (!scheduler_.is_on_root_node()) return;
      memory = std::make_unique<NodeMemory>(scheduler_.node(), map.count() * sizeof(std::uint64_t));
    });
    auto* const entries = memory ? memory->as<std::uint64_t>() : nullptr;
    MilestonePass pass(map, format, entries, scheduler_.all_workers(), options_.stride);
    run_pass(pass);
    std::unique_ptr<NodeMemory> chains;
    // The other nodes wait for the verdict here: what fails on root's node ends the job everywhere.
    agree(comm_, [&] {
      if (!memory) return;
      memory->sync();
      if (options_.before_contraction) options_.before_contraction(entries, map.count());
      const SegmentTable table{map, format, pass.long_segments(), entries};
      const auto node_scheduler = scheduler_.for_own_node();
      std::ranges::move(contract(table, *node_scheduler, tally_, options_.station_distance,
                                 options_.index ? &chains : nullptr),
                        std::back_inserter(phases_));
    });
    if (options_.index) {
      contracted_.emplace(ContractedTable{map, format, pass.long_segments(),
                                          options_.station_distance, std::move(memory),
                                          std::move(chains)});
    }
  }

  void cover_over_nodes(const MilestoneMap& map, const SegmentFormat& format) {
    boost::mpi::communicator node = scheduler_.node();
    if (options_.ranks_per_node > 0) node = node.split(comm_.rank() / options_.ranks_per_node);
    const std::uint64_t stride = options_.stride > 0
                                     ? options_.stride
                                     : milestone_stride(map.count(), scheduler_.all_workers());
    const TableSplit split = TableSplit::over_nodes(comm_, node, map.count(), stride);
    const Interval part = split.part_of(node, comm_.rank());
    std::unique_ptr<NodeMemory> memory;
    agree(comm_, [&] {
      memory = std::make_unique<NodeMemory>(node, part.size() * sizeof(std::uint64_t));
    });
    auto* const entries = memory->as<std::uint64_t>();
    MilestonePass pass(map, format, comm_, split, part, entries, stride);
    run_pass(pass);
    memory->sync();
    if (options_.before_contraction) options_.before_contraction(entries, part.size());
    const SpreadTable table{map, format, pass.long_segments(), split, part, *memory};
    agree(comm_, [&] {
      SpreadContraction done = contract_over_nodes(
          table, scheduler_, tally_, {options_.station_distance, options_.in_flight, nullptr});
      std::ranges::move(done.phases, std::back_inserter(phases_));
    });
  }

  /// Afterwards the table is whole.
  void run_pass(MilestonePass& pass) {
    phases_.push_back(scheduler_.run(pass));
    agree(comm_, [&] { pass.gather(comm_); });
    lane_steps_ += pass.states();
    const std::uint64_t covered = boost::mpi::all_reduce(comm_, pass.states(), std::plus<>());
    if (covered > deficit_) {
      agree(comm_, [&] {
        throw InternalError("the segments hold more states than there are; no result was written");
      });
    }
    deficit_ -= covered;
  }

  void account(CycleTally&& found) {
    const std::uint64_t states = boost::mpi::all_reduce(comm_, found.states(), std::plus<>());
    tally_.merge(std::move(found));
    if (states > deficit_) {
      agree(comm_, [&] {
        throw InternalError(
            "the sweep found more states than the milestone pass had left; no result was written");
      });
    }
    deficit_ -= states;
  }

  const Register& register_;
  const MilestoneOptions& options_;
  Scheduler& scheduler_;
  const boost::mpi::communicator& comm_;
  RowBudget budget_;
  CycleTally tally_;
  std::uint64_t deficit_;
  std::uint64_t lane_steps_ = 0;
  std::vector<PhaseReport> phases_;
  std::optional<ContractedTable> contracted_;
};

}  // namespace

Decomposition decompose_by_milestones(const Register& reg, const CyclePolicy& policy,
                                      const MilestoneOptions& options, Scheduler& scheduler) {
  const boost::mpi::communicator& comm = scheduler.communicator();
  agree(comm, [&] {
    reg.require_exhaustible();
    if (options.spread && options.index) {
      throw InternalError("an index needs the table on one node");
    }
  });

  Decomposition result;
  result.milestone_zeros = options.zeros;
  MilestoneEngine engine(reg, policy, options, scheduler);
  engine.cover_long_cycles();
  result.deficit = engine.deficit();
  engine.cover_zero_cycle();
  engine.cover_short_cycles();
  engine.sweep_levels();
  result.phases = engine.phases();
  result.lane_steps = engine.lane_steps();
  conclude(comm, reg, policy, engine.tally(), result);
  if (options.index) {
    agree(comm, [&] {
      if (!result.cycles) throw InternalError("an index needs the rows of the cycle table");
    });
    result.index = index_milestones(engine.contracted(), *result.cycles, scheduler, result.phases);
  }
  return result;
}

}  // namespace orbitmill
