#include "simulated_node.hpp"

#include <cmath>

namespace orbitmill::simulation {
namespace {

/// Between two looks of a worker without work, as in scheduler.cpp.
constexpr double worker_pause_s = 250e-6;
/// Taking a batch and accounting for it; also keeps batches that cost nothing from taking no time.
constexpr Nanoseconds take_ns = 50;

/// As in cluster_level.cpp.
constexpr double refill_s = 2e-3;
constexpr double least_pause_us = 50;
constexpr double most_pause_us = 4000;
/// As in scheduler.cpp.
constexpr double round_pause_s = 1e-3;

}  // namespace

void World::note_idle(Nanoseconds from, Nanoseconds to) const {
  if (to <= from) return;
  std::vector<double>& bins = report.idle_s;
  const double width = ideal_s / static_cast<double>(bins.size() - 1);
  double start = 1e-9 * static_cast<double>(from);
  const double end = 1e-9 * static_cast<double>(to);
  auto bin = std::min(static_cast<std::size_t>(start / width), bins.size() - 1);
  for (; bin + 1 < bins.size(); ++bin) {
    const double edge = width * static_cast<double>(bin + 1);
    if (edge >= end) break;
    bins[bin] += std::max(0.0, edge - start);
    start = std::max(start, edge);
  }
  bins[bin] += end - start;
}

SimulatedBoard::SimulatedBoard(const World& world, unsigned node)
    : world_(world), words_(world.options.ranks_per_node), refills_(words_.size()) {
  const SimulationOptions& options = world.options;
  const unsigned ranks = options.ranks_per_node;
  const std::uint64_t all_ranks = std::uint64_t{options.nodes} * ranks;
  for (unsigned rank = 0; rank < ranks; ++rank) {
    const auto chunk =
        equal_part(world.curve.index_count(), std::uint64_t{node} * ranks + rank, all_ranks);
    put_if_empty(words_[rank], chunk);
  }
  const unsigned workers = options.workers_per_node;
  const std::uint64_t start = BatchSize::first_batch(workers * options.nodes);
  for (unsigned i = 0; i < workers; ++i) {
    workers_.push_back({BatchSize(options.batch_size, workers, start),
                        std::minstd_rand(static_cast<unsigned>(options.seed) * 7919 + i + 1),
                        SimulatedPause(worker_pause_s),
                        i / (workers / ranks),
                        0,
                        {},
                        {},
                        0,
                        0,
                        0});
    turns_.push_back({0, i});
  }
  std::make_heap(turns_.begin(), turns_.end(), std::greater<>());
}

void SimulatedBoard::advance(Nanoseconds now) {
  while (!turns_.empty() && turns_.front().time <= now) {
    std::pop_heap(turns_.begin(), turns_.end(), std::greater<>());
    Turn& turn = turns_.back();
    Worker& mine = workers_[turn.worker];
    if (!mine.batch.empty()) end_batch(mine, turn.time);
    if (begin_batch(mine, turn.time)) {
      turn.time += to_ns(mine.batch_s) + take_ns;
      std::push_heap(turns_.begin(), turns_.end(), std::greater<>());
    } else {
      sleep(mine, turn.time);
      idle_.push_back(turn.worker);
      turns_.pop_back();
    }
  }
}

void SimulatedBoard::end_batch(Worker& mine, Nanoseconds now) {
  mine.size.learn(mine.batch.size(), mine.batch_s);
  indices_done_ += mine.batch.size();
  busy_s_ += mine.batch_s;
  --running_;
  SimulationReport& report = world_.report;
  ++report.batches;
  report.indices += mine.batch.size();
  report.busy_s += mine.batch_s;
  report.longest_batch_s = std::max(report.longest_batch_s, mine.batch_s);
  report.work_end_s = std::max(report.work_end_s, 1e-9 * static_cast<double>(now));
  if (world_.options.on_batch) world_.options.on_batch(mine.batch);
  mine.batch = {};
}

bool SimulatedBoard::begin_batch(Worker& mine, Nanoseconds now) {
  const bool was_idle = mine.next_look != 0;
  mine.batch = take(mine);
  if (mine.batch.empty()) {
    if (!was_idle) mine.idle_since = now;
    return false;
  }
  if (was_idle) world_.note_idle(mine.idle_since, now);
  mine.next_look = 0;
  mine.pause.reset();
  mine.batch_s = world_.curve.cost(mine.batch);
  ++running_;
  return true;
}

void SimulatedBoard::sleep(Worker& mine, Nanoseconds now) {
  mine.next_look = now + mine.pause.next() + to_ns(world_.options.wake_up_s);
}

/// As Scheduler::Run::take.
Interval SimulatedBoard::take(Worker& mine) {
  const Interval own = take_from(mine, mine.rank);
  const auto ranks = static_cast<unsigned>(words_.size());
  if (!own.empty() || ranks == 1) return own;
  unsigned victim = mine.rich;
  for (unsigned tries = 0; tries <= ranks; ++tries) {
    if (victim != mine.rank) {
      const Interval loot = take_from(mine, victim);
      if (!loot.empty()) {
        mine.rich = victim;
        return loot;
      }
    }
    victim = tries == 0 ? static_cast<unsigned>(mine.random() % ranks) : (victim + 1) % ranks;
  }
  return {};
}

Interval SimulatedBoard::take_from(Worker& mine, unsigned rank) {
  const std::uint64_t left = words_[rank].interval().size();
  if (left == 0) return {};
  if (const std::pair stretch(rank, refills_[rank]); stretch != mine.stretch) {
    mine.stretch = stretch;
    mine.size.restart();
  }
  return take_front(words_[rank], mine.size.next(left));
}

bool SimulatedBoard::put(Interval interval, Nanoseconds now) {
  for (std::size_t rank = 0; rank < words_.size(); ++rank) {
    if (!put_if_empty(words_[rank], interval)) continue;
    ++refills_[rank];
    for (const unsigned worker : idle_) {
      Worker& sleeper = workers_[worker];
      while (sleeper.next_look < now) sleep(sleeper, sleeper.next_look);
      turns_.push_back({sleeper.next_look, worker});
      std::push_heap(turns_.begin(), turns_.end(), std::greater<>());
    }
    idle_.clear();
    return true;
  }
  return false;
}

std::uint64_t SimulatedBoard::most_in_a_word() const {
  std::uint64_t most = 0;
  for (const SimulatedWord& word : words_) most = std::max(most, word.interval().size());
  return most;
}

Interval SimulatedBoard::take_half_of_richest() {
  for (SimulatedWord& word : words_) {
    if (word.interval().size() == most_in_a_word()) return take_back_half(word);
  }
  return {};
}

void SimulatedBoard::stop(Nanoseconds now) {
  for (const Worker& worker : workers_) {
    if (worker.next_look != 0) world_.note_idle(worker.idle_since, now);
  }
}

std::uint64_t SimulatedBoard::indices_left() const {
  std::uint64_t left = 0;
  for (const SimulatedWord& word : words_) left += word.interval().size();
  return left;
}

SimulatedNode::SimulatedNode(const World& world, unsigned number)
    : board(world, number),
      policy(refill_s, world.options.ahead),
      victims(static_cast<int>(number), static_cast<int>(world.options.nodes),
              0x9e3779b97f4a7c15U * (number + 1) + world.options.seed),
      back_off(least_pause_us, most_pause_us),
      pause(round_pause_s) {}

}  // namespace orbitmill::simulation
