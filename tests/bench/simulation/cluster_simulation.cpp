#include "cluster_simulation.hpp"

#include <fmt/format.h>

#include <bit>
#include <deque>
#include <memory>
#include <stdexcept>
#include <utility>

#include "event_wheel.hpp"
#include "orbitmill/error.hpp"
#include "simulated_node.hpp"

namespace orbitmill::simulation {
namespace {

/// As in scheduler.cpp and census.cpp.
constexpr Nanoseconds waiting_pause = 100'000;
constexpr Nanoseconds round_pause = 1'000'000;
constexpr Nanoseconds report_interval = 50'000'000;

class Simulation {
 public:
  Simulation(const CostCurve& curve, const SimulationOptions& options)
      : options_(options),
        total_(curve.index_count()),
        world_{curve, options_, report_,
               curve.total() / (double{1} * options.nodes * options.workers_per_node)},
        half_trip_(std::max<Nanoseconds>(1, to_ns(options.latency_s / 2))),
        wake_up_(to_ns(options.wake_up_s)) {
    if (options.nodes == 0 || options.ranks_per_node == 0 || options.workers_per_node == 0 ||
        options.workers_per_node % options.ranks_per_node != 0 || total_ > 0xffff'ffff ||
        half_trip_ + wake_up_ + round_pause >= EventWheel::horizon) {
      throw std::invalid_argument("simulation: nodes, workers, indices or latency out of range");
    }
    report_.idle_s.assign(101, 0.0);
    census_.resize(options.nodes);
    for (unsigned node = 0; node < options.nodes; ++node) nodes_.emplace_back(world_, node);
  }

  SimulationReport run();

 private:
  struct Message {
    Nanoseconds arrival;
    std::uint32_t node;
    SimulatedReport content;
  };

  void round(std::uint32_t number, Nanoseconds now);
  void serve(SimulatedNode& victim, std::uint32_t thief, Nanoseconds now);
  void place_pending(SimulatedNode& node, Nanoseconds now);
  void receive(SimulatedNode& node, Nanoseconds now);
  void act(std::uint32_t number, Nanoseconds now);
  void export_half(SimulatedNode& node);
  void deposit(SimulatedNode& node, Interval loot, Nanoseconds now);
  void report(std::uint32_t number, const SimulatedReport& mine, Nanoseconds now);
  bool census_ends(const SimulatedReport& mine, Nanoseconds now);
  void hear(std::uint32_t node, const SimulatedReport& report);
  void leave(Nanoseconds now);

  const SimulationOptions options_;
  std::uint64_t total_;
  SimulationReport report_;
  World world_;
  Nanoseconds half_trip_;
  Nanoseconds wake_up_;
  EventWheel events_;
  std::deque<SimulatedNode> nodes_;  // not a vector: boards refer to the world, nodes stay put

  // Root's census.
  std::deque<Message> messages_;  ///< by arrival: the way takes everybody the same time
  std::vector<SimulatedReport> census_;
  std::uint64_t done_ = 0;
  std::uint64_t dry_nodes_ = 0;
  std::uint64_t last_done_ = 0;
  Nanoseconds last_change_ = 0;
  bool over_ = false;
};

SimulationReport Simulation::run() {
  std::mt19937_64 random(options_.seed);
  for (std::uint32_t node = 0; node < options_.nodes; ++node) {
    // The scatter of the chunks does not reach all nodes at once.
    events_.push({static_cast<Nanoseconds>(random() % 1'000'000), node});
  }
  while (!over_) {
    const Event event = events_.pop();
    if (event.time > to_ns(options_.limit_s)) {
      throw InternalError(fmt::format("the phase does not end within {} s", options_.limit_s));
    }
    if (!event.is_arrival) {
      round(event.node, event.time);
    } else if (options_.progress == TargetProgress::at_once) {
      serve(nodes_[event.node], event.thief, event.time);
    } else {
      nodes_[event.node].waiting_thieves.push_back(event.thief);
    }
  }
  return std::move(report_);
}

/// As ClusterLevel::round and the loop of Scheduler::Run::lead around it.
void Simulation::round(std::uint32_t number, Nanoseconds now) {
  SimulatedNode& node = nodes_[number];
  ++report_.rounds;
  node.board.advance(now);
  for (const std::uint32_t thief : node.waiting_thieves) serve(node, thief, now);
  node.waiting_thieves.clear();
  if (const std::uint64_t done = node.board.indices_done(); done != node.last_done) {
    const double busy_s = node.board.busy_s();
    node.index_s = (busy_s - node.last_busy_s) / static_cast<double>(done - node.last_done);
    node.last_done = done;
    node.last_busy_s = busy_s;
  }
  place_pending(node, now);
  if (node.waiting) receive(node, now);
  if (options_.nodes > 1) act(number, now);

  SimulatedReport mine;
  mine.indices_done = node.board.indices_done();
  mine.idle = node.board.indices_left() == 0 && node.board.running() == 0;
  // A steal that is out does not make a node less dry: dry nodes steal for ever, and if each of
  // them counted as wet now and then, root would never see all of them dry.
  mine.dry = mine.idle && node.pending.empty() && node.exported.empty();
  if (number != 0) {
    report(number, mine, now);
  } else if (census_ends(mine, now)) {
    return leave(now);
  }
  const Nanoseconds length = node.waiting ? waiting_pause : node.pause.next();
  events_.push({now + length + wake_up_, number});
}

/// A thief takes all that `victim` exports: one swap.
void Simulation::serve(SimulatedNode& victim, std::uint32_t thief, Nanoseconds now) {
  SimulatedNode& asker = nodes_[thief];
  asker.answer = victim.exported;
  asker.answer_at = now + half_trip_;
  victim.exported = {};
}

void Simulation::place_pending(SimulatedNode& node, Nanoseconds now) {
  while (!node.pending.empty() && node.board.put(node.pending.back(), now)) {
    node.pending.pop_back();
  }
}

void Simulation::receive(SimulatedNode& node, Nanoseconds now) {
  if (node.answer_at > now) return;
  node.waiting = false;
  const Interval loot = node.answer;
  node.victims.note(node.victim, !loot.empty());
  if (loot.empty()) {
    node.next_attempt = now + to_ns(1e-6 * node.back_off.next_us());
    return;
  }
  ++report_.steals_won;
  node.back_off.reset();
  node.index_s = 0;
  const bool hit = report_.steals_won == options_.fault_at;
  if (hit && options_.fault == Fault::lose_loot) return;
  deposit(node, loot, now);
  if (hit && options_.fault == Fault::repeat_loot) deposit(node, loot, now);
}

void Simulation::act(std::uint32_t number, Nanoseconds now) {
  SimulatedNode& node = nodes_[number];
  NodeLoad load{node.board.indices_left(), node.exported.size(), node.index_s,
                options_.workers_per_node};
  for (const Interval& loot : node.pending) load.local += loot.size();
  switch (node.policy.decide(load)) {
    case NodeAction::nothing:
      return;
    case NodeAction::export_half:
      return export_half(node);
    case NodeAction::take_back:
      return deposit(node, std::exchange(node.exported, {}), now);
    case NodeAction::steal:
      break;
  }
  if (node.waiting || now < node.next_attempt) return;
  node.waiting = true;
  node.answer_at = SimulatedNode::never;
  ++report_.steals_tried;
  node.victim = node.victims.next();
  events_.push({now + half_trip_, static_cast<std::uint32_t>(node.victim), true, number});
}

void Simulation::export_half(SimulatedNode& node) {
  // Loot waits while the workers use up their words: the rest in those is crumbs beside it.
  if (!node.pending.empty() && node.pending.back().size() > node.board.most_in_a_word()) {
    const Interval loot = std::exchange(node.pending.back(), front_half(node.pending.back()));
    if (node.pending.back().empty()) node.pending.pop_back();
    node.exported = back_half(loot);
    return;
  }
  node.exported = node.board.take_half_of_richest();
}

void Simulation::deposit(SimulatedNode& node, Interval loot, Nanoseconds now) {
  if (loot.empty()) return;
  node.pending.push_back(loot);
  place_pending(node, now);
}

/// As Census::round_elsewhere.
void Simulation::report(std::uint32_t number, const SimulatedReport& mine, Nanoseconds now) {
  SimulatedNode& node = nodes_[number];
  const bool more = mine.indices_done != node.sent.indices_done;
  const bool changed = more || mine.dry != node.sent.dry;
  const bool urgent = (more && mine.idle) || mine.dry;
  if (!changed || (!urgent && now < node.next_send)) return;
  node.sent = mine;
  messages_.push_back({now + half_trip_, number, mine});
  node.next_send = now + report_interval;
}

void Simulation::hear(std::uint32_t node, const SimulatedReport& report) {
  SimulatedReport& known = census_[node];
  done_ += report.indices_done - known.indices_done;
  if (known.dry) --dry_nodes_;
  if (report.dry) ++dry_nodes_;
  known = report;
}

/// As Census::round_on_root and check.
bool Simulation::census_ends(const SimulatedReport& mine, Nanoseconds now) {
  hear(0, mine);
  for (; !messages_.empty() && messages_.front().arrival <= now; messages_.pop_front()) {
    hear(messages_.front().node, messages_.front().content);
  }
  if (done_ > total_) {
    throw InternalError(
        fmt::format("{} indices were done of {}: work was done twice", done_, total_));
  }
  if (done_ != last_done_ || dry_nodes_ != options_.nodes) {
    last_done_ = done_;
    last_change_ = now;
  } else if (now - last_change_ > to_ns(options_.watchdog_s) && done_ != total_) {
    // Nobody freezes here, so that root need not wait for repeated reports.
    throw InternalError(fmt::format("{} of {} indices were done: work was lost", done_, total_));
  }
  return done_ == total_;
}

/// The stop reaches the leaves of a broadcast tree whose inner nodes pass it on at their next
/// round; the barrier behind it runs at the pace of the waiting pause. Both are counted at their
/// worst.
void Simulation::leave(Nanoseconds now) {
  const auto hops = static_cast<Nanoseconds>(std::bit_width(options_.nodes - 1));
  const Nanoseconds hop = 2 * half_trip_ + wake_up_;
  const Nanoseconds end = now + hops * (round_pause + hop) + hops * (waiting_pause + hop);
  for (SimulatedNode& node : nodes_) {
    // The sum alone can be deceived: an index done twice makes up for one that is still to do.
    if (node.board.indices_left() != 0 || node.board.running() != 0 || !node.pending.empty() ||
        !node.exported.empty()) {
      throw InternalError("work is left at the end: work was done twice");
    }
    node.board.stop(end);
  }
  over_ = true;
  report_.wall_s = 1e-9 * static_cast<double>(end);
  report_.efficiency = report_.busy_s / (report_.wall_s * static_cast<double>(options_.nodes) *
                                         options_.workers_per_node);
}

}  // namespace

SimulationReport simulate(const CostCurve& curve, const SimulationOptions& options) {
  return Simulation(curve, options).run();
}

}  // namespace orbitmill::simulation
