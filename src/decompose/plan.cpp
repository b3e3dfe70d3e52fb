#include "orbitmill/decompose/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "orbitmill/decompose/contraction.hpp"
#include "orbitmill/decompose/spread_contraction.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// The rest is for the page cache, for what other processes take, and for a wrong estimate.
constexpr double table_share = 0.8;
/// A longer time that the smaller table of a larger k may cost: memory that fits is free.
constexpr double worth_memory = 1.02;
/// Waking workers and agreeing on the end of a phase, measured with 2 to 8 workers; a phase over
/// several nodes waits for messages.
constexpr double phase_overhead_s = 0.3e-3;
constexpr double network_phase_overhead_s = 2e-3;
/// Entries come over the network at this rate, bytes a second: ten-gigabit Ethernet, nearly.
constexpr double network_rate = 1e9;
/// Of a spread table: bytes on the network for an entry that follows one of another node, a message
/// in the tail of the contraction, and root's walk from station to station.
constexpr double hop_bytes = 24;
constexpr double exchange_s = 100e-6;
constexpr double station_s = 100e-9;
/// Workers of other nodes keep their entries until the pass ends. Those on a fast node steal more
/// than an equal share; this much more is allowed for.
constexpr double most_of_fair_share = 1.5;
/// Periodic words up to this length are few enough for any register.
constexpr unsigned most_short_cycles = 30;
/// Sampled levels; in between and a little beyond the cost is about linear.
constexpr double low_level = 5, high_level = 8, least_level = 3, greatest_level = 9;

constexpr double euler_gamma = std::numbers::egamma;

double exponential_integral(double x) {
  return -std::expint(-x);
}

std::string seconds_text(double seconds) {
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  return seconds < 1000 ? fmt::format("{:.3g} s", seconds) : fmt::format("{:.0f} s", seconds);
}

double gib(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1024.0 * 1024 * 1024);
}

/// The milestone engine with one choice of k and P.
struct Candidate {
  unsigned zeros = 0;
  unsigned short_cycles = 0;
  std::uint64_t milestones = 0;
  bool spread = false;
  std::uint64_t station_distance = default_station_distance;
  std::uint64_t table_bytes = 0;  ///< on root's node
  std::uint64_t away_bytes = 0;   ///< entries that a worker of another node may have to keep
  std::uint64_t share_bytes = 0;  ///< spread: the share of a rank
  std::uint64_t rank_bytes = 0;   ///< spread: it, and what the contraction takes beside it
  std::uint64_t stray_bytes = 0;  ///< spread: what the workers of a rank may have to keep
  double levels = 0;
  double pass_s = 0, contraction_s = 0, short_s = 0, sweep_s = 0, index_s = 0;

  double total_s() const { return pass_s + contraction_s + short_s + sweep_s + index_s; }
};

class Model {
 public:
  Model(const Register& reg, const PlanInputs& inputs)
      : in_(inputs),
        q_(static_cast<double>(reg.field().order())),
        order_(reg.field().order()),
        n_(reg.length()),
        states_(static_cast<double>(reg.state_count())),
        workers_(std::max(1U, inputs.workers)),
        phase_s_(inputs.nodes > 1 ? network_phase_overhead_s
                 : workers_ > 1   ? phase_overhead_s
                                  : 0) {}

  double leader_s() const {
    const double steps = states_ * std::max(1.0, std::log(states_ / n_));
    return steps * in_.costs.leader_step_s / workers_ + phase_s_;
  }

  /// The table on root's node. Precondition: 1 <= zeros < n.
  Candidate milestone(unsigned zeros) const {
    Candidate one = without_table(zeros);
    const std::uint64_t stations =
        (one.milestones + default_station_distance - 1) / default_station_distance;
    one.table_bytes = one.milestones * sizeof(std::uint64_t) +
                      stations * (chain_bytes + (in_.index ? place_bytes : 0));
    if (in_.nodes > 1) {
      one.away_bytes =
          static_cast<std::uint64_t>(most_of_fair_share * static_cast<double>(one.milestones) *
                                     sizeof(std::uint64_t) / workers_);
    }
    const auto milestones = static_cast<double>(one.milestones);
    const double from_elsewhere = 1 - static_cast<double>(in_.root_node_workers) / workers_;
    one.pass_s =
        (states_ * in_.costs.segment_step_s + milestones * in_.costs.segment_s) / workers_ +
        from_elsewhere * milestones * sizeof(std::uint64_t) / network_rate + phase_s_;
    one.contraction_s =
        milestones * in_.costs.table_entry_s / std::max(1U, in_.root_node_workers) + 2 * phase_s_;
    if (in_.index) one.index_s = one.contraction_s;  // the same walks once more
    set_short_cycles(one);
    return one;
  }

  /// The table spread over all ranks. Same precondition.
  Candidate spread(unsigned zeros) const {
    Candidate one = without_table(zeros);
    one.spread = true;
    one.station_distance = spread_station_distance(one.milestones, in_.nodes);
    const std::uint64_t ranks = std::max(1U, in_.ranks);
    const std::uint64_t stations = one.milestones / one.station_distance + 1;
    const std::uint64_t share = one.milestones / ranks + 1;
    one.share_bytes = share * sizeof(std::uint64_t);
    // Chains lie where they ended until root has them all.
    one.rank_bytes =
        one.share_bytes + travel_bytes(share) + 2 * (chain_bytes + 8) * (stations / ranks + 1);
    one.stray_bytes = static_cast<std::uint64_t>(
        in_.stray_share * static_cast<double>(one.milestones) * sizeof(std::uint64_t) / workers_ *
        std::max(1U, in_.rank_workers));
    one.table_bytes = in_.root_node_ranks * one.rank_bytes + stations * chain_bytes;
    const auto milestones = static_cast<double>(one.milestones);
    const double away = in_.nodes > 1 ? 1 - 1.0 / in_.nodes : 0;
    one.pass_s =
        (states_ * in_.costs.segment_step_s + milestones * in_.costs.segment_s) / workers_ +
        phase_s_;
    const auto distance = static_cast<double>(one.station_distance);
    const double tail = in_.nodes > 1 ? distance * std::log(1 + milestones / distance) : 1;
    // An entry is visited once, and its hop is packed and unpacked once.
    one.contraction_s = 2 * milestones * in_.costs.table_entry_s / workers_ +
                        milestones * hop_bytes * away / in_.nodes / network_rate +
                        tail * exchange_s + milestones / distance * station_s + 2 * phase_s_;
    set_short_cycles(one);
    return one;
  }

 private:
  Candidate without_table(unsigned zeros) const {
    Candidate one;
    one.zeros = zeros;
    one.milestones = order_ - 1;
    for (unsigned i = zeros + 1; i < n_; ++i) one.milestones *= order_;
    return one;
  }

  /// For each station: a chain of the contraction, a place of the index.
  static constexpr std::uint64_t chain_bytes = 24, place_bytes = 24;

  /// Chance that cycles longer than `longest` without a run of `zeros` zeros exist.
  double still_missing(unsigned zeros, unsigned longest) const {
    const double rate = (q_ - 1) / q_ * std::pow(q_, -static_cast<double>(zeros));
    return 1 - std::exp(-exponential_integral((longest + 0.5) * rate));
  }

  double level_s(unsigned level) const {
    const double at = std::clamp<double>(level, least_level, greatest_level);
    const double share = (at - low_level) / (high_level - low_level);
    const double per_state = std::lerp(in_.costs.low_level_s, in_.costs.high_level_s, share);
    // Extrapolated beyond two noisy samples, but never to nothing.
    const double floor = std::min(in_.costs.low_level_s, in_.costs.high_level_s) / 2;
    return states_ * std::max(per_state, floor) / workers_;
  }

  void set_sweep(Candidate& one) const {
    one.levels = 0;
    one.sweep_s = 0;
    for (unsigned level = one.zeros; level-- > 0;) {
      const double chance = still_missing(level + 1, one.short_cycles);
      one.levels += chance;
      one.sweep_s += chance * (level_s(level) + phase_s_);
    }
  }

  /// The P that makes short cycles and sweep together cheapest.
  void set_short_cycles(Candidate& one) const {
    set_sweep(one);
    if (order_ != 2 || n_ < 2) return;
    const double chance = still_missing(one.zeros, 0);
    Candidate best = one;
    best.sweep_s = std::numeric_limits<double>::infinity();
    for (unsigned p = std::min(n_ - 1, 12U); p <= std::min(n_ - 1, most_short_cycles); ++p) {
      one.short_cycles = p;
      const double words = std::ldexp(1.0, static_cast<int>(p) + 1) / p;
      one.short_s = chance * (words * in_.costs.short_word_s / workers_ + phase_s_);
      set_sweep(one);
      if (one.total_s() < best.total_s()) best = one;
    }
    one = best;
  }

  const PlanInputs& in_;
  double q_;
  std::uint64_t order_;
  unsigned n_;
  double states_;
  unsigned workers_;
  double phase_s_;
};

/// Does the table fit `share` of the memory there is?
bool fits(const Candidate& one, const PlanInputs& inputs, double share) {
  const auto within = [share](std::uint64_t bytes, std::uint64_t available) {
    return static_cast<double>(bytes) <= share * static_cast<double>(available);
  };
  if (!one.spread) {
    return within(one.table_bytes, inputs.available_bytes) &&
           within(one.away_bytes, inputs.away_bytes);
  }
  return within(one.share_bytes, inputs.node_rank_table_bytes) &&
         within(one.rank_bytes + one.stray_bytes, inputs.node_rank_bytes) &&
         within(one.table_bytes + inputs.root_node_ranks * one.stray_bytes,
                inputs.root_node_ranks * inputs.node_rank_bytes);
}

bool may_be_on_one_node(const PlanInputs& inputs) {
  return inputs.table != TablePlace::spread;
}

/// An index needs the table on one node.
bool may_be_spread(const PlanInputs& inputs) {
  return inputs.table == TablePlace::spread ||
         (inputs.table == TablePlace::automatic && inputs.nodes > 1 && !inputs.index);
}

/// The largest k that is about as fast as the fastest one whose tables fit their share of memory:
/// on root's node, or, where they do not fit there, spread.
std::optional<Candidate> best_candidate(const Model& model, unsigned length,
                                        const PlanInputs& inputs) {
  std::vector<Candidate> candidates;
  for (unsigned zeros = 1; zeros < length; ++zeros) {
    if (may_be_on_one_node(inputs)) {
      if (const Candidate one = model.milestone(zeros); fits(one, inputs, table_share)) {
        candidates.push_back(one);
        continue;
      }
    }
    if (!may_be_spread(inputs)) continue;
    if (const Candidate one = model.spread(zeros); fits(one, inputs, table_share)) {
      candidates.push_back(one);
    }
  }
  if (candidates.empty()) return std::nullopt;
  const double fastest_s = std::ranges::min(candidates, {}, &Candidate::total_s).total_s();
  return *std::find_if(candidates.rbegin(), candidates.rend(), [&](const Candidate& one) {
    return one.total_s() <= worth_memory * fastest_s;
  });
}

/// What a spread table would need, where it was tried and did not fit, too.
std::string spread_shortage(const Candidate& one, const PlanInputs& inputs) {
  return fmt::format(
      "spread over all nodes it needs {:.2f} GiB for each rank, and a node has {:.2f} GiB for each "
      "of its ranks",
      gib(one.rank_bytes + one.stray_bytes),
      gib(std::min(inputs.node_rank_bytes, inputs.node_rank_table_bytes)));
}

Candidate asked_candidate(const Model& model, const Register& reg, const PlanInputs& inputs) {
  if (inputs.zeros >= reg.length()) {
    throw UsageError(fmt::format(
        "--milestone-zeros {}: a register of length {} allows {}", inputs.zeros, reg.length(),
        reg.length() < 2 ? "none; use --engine leader" : fmt::format("1 to {}", reg.length() - 1)));
  }
  const Candidate one = model.milestone(inputs.zeros);
  if (may_be_on_one_node(inputs) && fits(one, inputs, 1)) return one;
  std::string shortage;
  if (may_be_spread(inputs)) {
    const Candidate other = model.spread(inputs.zeros);
    if (fits(other, inputs, 1)) return other;
    shortage = spread_shortage(other, inputs);
    if (inputs.table == TablePlace::spread) {
      throw CannotCreateError(fmt::format(
          "--milestone-zeros {} --table spread: {}; a larger --milestone-zeros makes it less, "
          "more nodes too, --engine leader needs none",
          inputs.zeros, shortage));
    }
    shortage += "; ";
  } else if (inputs.nodes > 1) {
    shortage = inputs.index ? "" : "--table spread uses the memory of all nodes; ";
  }
  if (one.table_bytes > inputs.available_bytes) {
    throw CannotCreateError(fmt::format(
        "--milestone-zeros {} needs tables of {:.2f} GiB, and root's node has {:.2f} GiB of memory "
        "left for them; {}a larger --milestone-zeros makes them smaller, --engine leader needs "
        "none",
        inputs.zeros, gib(one.table_bytes), gib(inputs.available_bytes), shortage));
  }
  throw CannotCreateError(fmt::format(
      "--milestone-zeros {}: workers of another node than root's must keep up to {:.2f} GiB each "
      "until the milestone pass ends, and one has {:.2f} GiB for each of its workers; {}a larger "
      "--milestone-zeros makes it less, --engine leader needs none",
      inputs.zeros, gib(one.away_bytes), gib(inputs.away_bytes), shortage));
}

/// More about a table that does not fit.
std::string elsewhere(const PlanInputs& inputs) {
  if (inputs.nodes < 2) return "";
  std::string text = fmt::format(" and the {:.2f} GiB that another one has for each of its workers",
                                 gib(inputs.away_bytes));
  if (may_be_spread(inputs)) {
    text += fmt::format(", nor, spread over all, the {:.2f} GiB that a node has for each rank",
                        gib(inputs.node_rank_bytes));
  }
  return text;
}

/// Why the table lies where it does.
std::string table_reason(const Candidate& one, const Model& model, const PlanInputs& inputs) {
  if (inputs.table != TablePlace::automatic) return "asked for";
  if (inputs.nodes < 2) return "there is one node";
  if (inputs.index) return "--index needs it there";
  if (!one.spread) return "it fits there";
  const Candidate other = model.milestone(one.zeros);
  const double share = inputs.zeros > 0 ? 1 : table_share;
  if (static_cast<double>(other.table_bytes) >
      share * static_cast<double>(inputs.available_bytes)) {
    return fmt::format("{:.3g} GiB do not fit {:g} % of the {:.3g} GiB that root's node has left",
                       gib(other.table_bytes), 100 * share, gib(inputs.available_bytes));
  }
  return fmt::format(
      "{:.3g} GiB for each worker of other nodes do not fit {:g} % of the {:.3g} GiB that one has "
      "left",
      gib(other.away_bytes), 100 * share, gib(inputs.away_bytes));
}

void take_leader(Plan& plan, double leader_s) {
  plan.engine = Engine::leader;
  plan.phases = {{"leader sweep", leader_s}};
}

void take_milestone(Plan& plan, const Candidate& one, const Model& model,
                    const PlanInputs& inputs) {
  plan.engine = Engine::milestone;
  plan.table = one.spread ? TablePlace::spread : TablePlace::one_node;
  plan.table_reason = table_reason(one, model, inputs);
  plan.station_distance = one.station_distance;
  plan.zeros = one.zeros;
  plan.short_cycles = one.short_cycles;
  plan.milestones = one.milestones;
  plan.levels = one.levels;
  plan.table_bytes = one.table_bytes;
  if (one.spread && inputs.nodes > 1) {
    plan.other_node_bytes = inputs.other_node_ranks * one.rank_bytes;
  }
  plan.phases = {{"milestone pass", one.pass_s}, {"contraction", one.contraction_s}};
  if (one.short_cycles > 0) plan.phases.push_back({"short cycles", one.short_s});
  plan.phases.push_back({"sweep", one.sweep_s});
  if (one.index_s > 0) plan.phases.push_back({"index", one.index_s});
}

void set_memory(Plan& plan, const PlanInputs& inputs) {
  plan.root_node_bytes = inputs.root_node_bytes + plan.table_bytes;
  plan.root_rank_bytes = inputs.rank_bytes + plan.table_bytes;
  if (inputs.nodes < 2) return;
  if (plan.table == TablePlace::spread) {
    plan.other_rank_bytes = inputs.rank_bytes + plan.other_node_bytes;
    return;
  }
  // Workers of other nodes keep their entries until the pass ends: an equal share for a worker.
  const std::uint64_t away = plan.milestones * sizeof(std::uint64_t) / std::max(1U, inputs.workers);
  const std::uint64_t rank_workers = (inputs.root_node_workers + inputs.root_node_ranks - 1) /
                                     std::max(1U, inputs.root_node_ranks);
  plan.other_rank_bytes = inputs.rank_bytes + away * rank_workers;
}

}  // namespace

Plan make_plan(const Register& reg, const PlanInputs& inputs) {
  const Model model(reg, inputs);
  Plan plan;
  plan.nodes = inputs.nodes;
  plan.cycles = std::log(static_cast<double>(reg.state_count())) + euler_gamma;
  const double leader_s = model.leader_s();
  if (inputs.zeros > 0) {
    take_milestone(plan, asked_candidate(model, reg, inputs), model, inputs);
    plan.reason = fmt::format("{} zeros asked for", inputs.zeros);
  } else if (inputs.engine == Engine::leader) {
    take_leader(plan, leader_s);
    plan.reason = "asked for";
  } else if (inputs.engine == Engine::automatic && reg.state_count() <= small_state_count) {
    take_leader(plan, leader_s);
    plan.reason = fmt::format("at most {} states", small_state_count);
  } else if (const auto best = best_candidate(model, reg.length(), inputs)) {
    if (inputs.engine == Engine::milestone) {
      take_milestone(plan, *best, model, inputs);
      plan.reason = "asked for";
    } else if (best->total_s() < leader_s) {
      take_milestone(plan, *best, model, inputs);
      plan.reason = fmt::format("predicted {}, the leader sweep {}", seconds_text(best->total_s()),
                                seconds_text(leader_s));
    } else {
      take_leader(plan, leader_s);
      plan.reason = fmt::format("predicted {}, the milestone engine {}", seconds_text(leader_s),
                                seconds_text(best->total_s()));
    }
  } else if (inputs.engine == Engine::milestone && reg.length() < 2) {
    throw UsageError(
        "--engine milestone: a register of length 1 has no milestones; use --engine leader");
  } else if (inputs.engine == Engine::milestone) {
    throw CannotCreateError(fmt::format(
        "--engine milestone: no table fits the {:.2f} GiB of memory that root's node has left{}; "
        "--engine leader needs none",
        gib(inputs.available_bytes), elsewhere(inputs)));
  } else {
    take_leader(plan, leader_s);
    plan.reason = fmt::format(
        "no table of the milestone engine fits {:g} % of the {:.2f} GiB of memory that root's node "
        "has left{}",
        100 * table_share, gib(inputs.available_bytes), elsewhere(inputs));
  }
  for (const PhaseEstimate& phase : plan.phases) plan.total_s += phase.seconds;
  set_memory(plan, inputs);
  return plan;
}

Decomposition decompose_as_planned(const Register& reg, const CyclePolicy& policy, const Plan& plan,
                                   bool index, Scheduler& scheduler) {
  if (plan.engine == Engine::leader) return decompose_by_leaders(reg, policy, scheduler);
  MilestoneOptions options;
  options.zeros = plan.zeros;
  options.short_cycles = plan.short_cycles;
  options.stride = plan.stride;
  options.index = index;
  options.spread = plan.table == TablePlace::spread;
  options.station_distance = plan.station_distance;
  return decompose_by_milestones(reg, policy, options, scheduler);
}

}  // namespace orbitmill
