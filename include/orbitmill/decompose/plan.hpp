/// The plan: which engine, with which parameters, in how much memory and time.
///
/// Where theory answers (closed_form.hpp) nothing is walked, and there is nothing to plan. For the
/// engines that walk:
///
/// A model of the costs, per state and per entry, measured on the machine at hand; N = q^n states,
/// W workers, M = (q-1) q^(n-k-1) milestones:
///
///   leader sweep    N ln(N / n) steps / W
///   milestone pass  (N steps + M segments) / W, and the way of entries from other nodes
///   contraction     M table entries / the workers of root's node
///   short cycles    2^(P+1) / P words / W, q = 2
///   sweep           N / W for each level that is needed
///   index           M table entries / the workers of root's node, where it is asked for
///
/// Levels needed: a random permutation has 1/l cycles of l states on average, and a cycle of l
/// states has no zero run of j+1 with probability exp(-l r), r = (q-1) q^-(j+2). So E1(P r) cycles
/// longer than P are missing before level j (E1: exponential integral), and the level is swept with
/// probability 1 - exp(-E1(P r)). Linear registers are not random, and often need no sweep at all.
///
/// The table lies on root's node where it fits there, by rank in the memory of all nodes where it
/// does not (spread_contraction.hpp): then the contraction takes 24 bytes on the network for every
/// entry that does not follow one of the same node, a walk of root, and a tail of small messages.
///
/// k is small where the sweep is dear, large where segments are or where memory is short; k and P
/// minimise the sum. Among values of k that come within 2 % the largest is taken, for its table is
/// the smallest.
#pragma once

#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "orbitmill/decompose/decompose.hpp"
#include "orbitmill/register/register.hpp"

namespace orbitmill {

enum class Engine : std::uint8_t { automatic, leader, milestone, closed_form };

constexpr std::string_view name_of(Engine engine) {
  switch (engine) {
    case Engine::automatic:
      return "auto";
    case Engine::leader:
      return "leader";
    case Engine::milestone:
      return "milestone";
    case Engine::closed_form:
      return "closed-form";
  }
  return {};
}

constexpr std::optional<Engine> engine_named(std::string_view name) {
  for (const Engine engine :
       {Engine::automatic, Engine::leader, Engine::milestone, Engine::closed_form}) {
    if (name_of(engine) == name) return engine;
  }
  return std::nullopt;
}

/// Where the table of the milestone engine lies.
enum class TablePlace : std::uint8_t { automatic, one_node, spread };

constexpr std::string_view name_of(TablePlace place) {
  switch (place) {
    case TablePlace::automatic:
      return "auto";
    case TablePlace::one_node:
      return "node";
    case TablePlace::spread:
      return "spread";
  }
  return {};
}

constexpr std::optional<TablePlace> table_place_named(std::string_view name) {
  for (const TablePlace place : {TablePlace::automatic, TablePlace::one_node, TablePlace::spread}) {
    if (name_of(place) == name) return place;
  }
  return std::nullopt;
}

/// Seconds on one worker. The defaults, from the reference machine (AVX-512 at 2.3 GHz, GF(2)), are
/// for registers too small to be measured, and for the table: a small one would be in the cache.
struct StepCosts {
  double segment_step_s = 0.012e-9;  ///< one step of one walk of the milestone pass
  double segment_s = 50e-9;          ///< start and end of a segment, in addition
  double table_entry_s = 16e-9;      ///< contraction, tables of 64 to 128 MiB
  double leader_step_s = 0.35e-9;    ///< one step of one walk of the leader sweep
  double low_level_s = 0.045e-9;     ///< sweep of level 5, per state of the space
  double high_level_s = 0.03e-9;     ///< the same of level 8
  double short_word_s = 15e-9;       ///< one word of the short cycles
};

/// Measures all but table_entry_s on samples, on the calling thread, in some ten milliseconds.
/// Precondition: reg.require_exhaustible() passes, n >= 2.
StepCosts measure_costs(const Register& reg);

/// Registers of at most this many states are decomposed in milliseconds: not worth measuring for.
inline constexpr std::uint64_t small_state_count = std::uint64_t{1} << 18;

struct PlanInputs {
  Engine engine = Engine::automatic;  ///< as asked
  unsigned zeros = 0;                 ///< k as asked, 0: choose; asks for the milestone engine
  unsigned workers = 1;               ///< over all ranks
  unsigned root_node_workers = 1;     ///< of them on root's node
  unsigned root_node_ranks = 1;
  unsigned nodes = 1;
  bool index = false;                 ///< the milestone index is asked for
  std::uint64_t available_bytes = 0;  ///< for the tables, on root's node
  /// Memory of another node for each of its workers, the least of all other nodes.
  std::uint64_t away_bytes = std::numeric_limits<std::uint64_t>::max();
  TablePlace table = TablePlace::automatic;  ///< as asked
  unsigned ranks = 1;
  unsigned rank_workers = 1;      ///< the most that a rank has
  unsigned other_node_ranks = 0;  ///< the most that another node than root's has
  /// Work that a worker may do away from its place in a spread table, in equal shares: what it
  /// steals, or nearly all where the ranks' chunks are not their shares.
  double stray_share = 0.5;
  /// Memory of a node for each of its ranks, and what of it they can share, the least of all nodes.
  std::uint64_t node_rank_bytes = 0;
  std::uint64_t node_rank_table_bytes = 0;
  std::uint64_t rank_bytes = 0;       ///< memory of a rank without tables, greatest of all ranks
  std::uint64_t root_node_bytes = 0;  ///< the same of all ranks of root's node, shared pages once
  StepCosts costs;
};

struct PhaseEstimate {
  std::string name;
  double seconds = 0;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& name& seconds;
  }
};

struct Plan {
  Engine engine = Engine::leader;  ///< never automatic
  std::string reason;
  unsigned zeros = 0;            ///< k, 0 for the leader sweep
  unsigned short_cycles = 0;     ///< P
  std::uint64_t milestones = 0;  ///< M
  std::uint64_t stride = 0;      ///< milestones to an index of the pass; 0: by the workers
  TablePlace table = TablePlace::automatic;  ///< one_node or spread, automatic where there is none
  std::string table_reason;
  std::uint64_t station_distance = 0;  ///< of the contraction
  unsigned nodes = 1;                  ///< as in the inputs
  double levels = 0;                   ///< expected number of levels swept
  std::uint64_t table_bytes = 0;       ///< on root's node: segments, stations and index
  std::uint64_t other_node_bytes = 0;  ///< spread: the same on another node
  std::uint64_t root_node_bytes = 0;   ///< memory of root's node, all ranks and the tables
  std::uint64_t root_rank_bytes = 0;   ///< resident in root; a shared table counts in every rank
  std::uint64_t other_rank_bytes = 0;  ///< resident in a rank of another node, 0 on one node
  std::vector<PhaseEstimate> phases;
  double total_s = 0;  ///< sum of the phases
  double cycles = 0;   ///< expected number of cycles of a random permutation

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& engine& reason& zeros& short_cycles& milestones& stride& table& table_reason&
        station_distance& nodes& levels& table_bytes& other_node_bytes& root_node_bytes&
            root_rank_bytes& other_rank_bytes& phases& total_s& cycles;
  }
};

/// Pure: equal inputs, equal plan. Preconditions: reg.require_exhaustible() passes, the engine
/// asked for is not the closed form. Throws CannotCreateError where the tables for the k asked do
/// not fit root's node or what the others keep of them does not fit those, nor all nodes together,
/// or no k does and the milestone engine is asked for; UsageError for a k outside 1..n-1.
Plan make_plan(const Register& reg, const PlanInputs& inputs);

/// Runs the engine of the plan, not the closed form; with `index`, which only the milestone engine
/// has, keeping where each milestone stands. Collective; as decompose_by_leaders and
/// decompose_by_milestones.
Decomposition decompose_as_planned(const Register& reg, const CyclePolicy& policy, const Plan& plan,
                                   bool index, Scheduler& scheduler);

}  // namespace orbitmill
