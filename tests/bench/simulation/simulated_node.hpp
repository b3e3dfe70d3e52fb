/// One node of the simulated cluster: its workers and words, and what its communication thread
/// remembers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <random>
#include <utility>
#include <vector>

#include "cluster_simulation.hpp"
#include "cost_curve.hpp"
#include "event_wheel.hpp"
#include "orbitmill/schedule/batch_size.hpp"
#include "orbitmill/schedule/interval.hpp"
#include "orbitmill/schedule/policies.hpp"

namespace orbitmill::simulation {

constexpr Nanoseconds to_ns(double seconds) {
  return static_cast<Nanoseconds>(seconds * 1e9 + 0.5);
}

/// Pauses of main threads and of workers without work, as in scheduler.cpp: they double.
class SimulatedPause {
 public:
  explicit constexpr SimulatedPause(double most_s) : most_(to_ns(most_s)) {}
  Nanoseconds next() {
    const Nanoseconds now = length_;
    length_ = std::min(length_ * 2, most_);
    return now;
  }
  void reset() { length_ = least; }

 private:
  static constexpr Nanoseconds least = 20'000;
  Nanoseconds most_;
  Nanoseconds length_{least};
};

/// An interval word that nobody else touches, with the face of an atomic: the functions of
/// interval.hpp run on it.
class SimulatedWord {
 public:
  std::uint64_t load(std::memory_order) const { return value_; }
  bool compare_exchange_weak(std::uint64_t& seen, std::uint64_t wanted, std::memory_order) {
    if (value_ != seen) {
      seen = value_;
      return false;
    }
    value_ = wanted;
    return true;
  }
  bool compare_exchange_strong(std::uint64_t& seen, std::uint64_t wanted, std::memory_order order) {
    return compare_exchange_weak(seen, wanted, order);
  }
  Interval interval() const { return unpack(value_); }

 private:
  std::uint64_t value_ = 0;
};

/// What all nodes share.
struct World {
  const CostCurve& curve;
  const SimulationOptions& options;
  SimulationReport& report;
  double ideal_s;  ///< total cost / workers

  /// A worker had no batch from `from` to `to`.
  void note_idle(Nanoseconds from, Nanoseconds to) const;
};

/// The node's board and workers (NodeBoard, Scheduler::Run::work and take).
class SimulatedBoard {
 public:
  SimulatedBoard(const World& world, unsigned node);

  /// Plays everything that the workers do up to and including `now`.
  void advance(Nanoseconds now);
  /// Puts `interval` into the first empty word; false when there is none. Idle workers find it at
  /// their next look.
  bool put(Interval interval, Nanoseconds now);
  /// Size of the richest word.
  std::uint64_t most_in_a_word() const;
  /// Takes half of it.
  Interval take_half_of_richest();
  /// The phase is over: whoever idles did so until `now`.
  void stop(Nanoseconds now);

  std::uint64_t indices_left() const;
  std::uint64_t indices_done() const noexcept { return indices_done_; }
  double busy_s() const noexcept { return busy_s_; }
  unsigned running() const noexcept { return running_; }

 private:
  struct Worker {
    BatchSize size;
    std::minstd_rand random;
    SimulatedPause pause;
    unsigned rank;
    unsigned rich = 0;
    std::pair<unsigned, std::uint64_t> stretch{};  ///< word and its refills at the last batch
    Interval batch{};
    double batch_s = 0;
    Nanoseconds idle_since = 0;
    Nanoseconds next_look = 0;
  };
  /// A worker ends its batch, or looks for one.
  struct Turn {
    Nanoseconds time;
    unsigned worker;
    friend bool operator>(const Turn& a, const Turn& b) {
      return a.time != b.time ? a.time > b.time : a.worker > b.worker;
    }
  };

  void end_batch(Worker& mine, Nanoseconds now);
  /// False when there is none.
  bool begin_batch(Worker& mine, Nanoseconds now);
  Interval take(Worker& mine);
  Interval take_from(Worker& mine, unsigned rank);
  void sleep(Worker& mine, Nanoseconds now);

  const World& world_;
  std::vector<SimulatedWord> words_;
  std::vector<std::uint64_t> refills_;  ///< by word
  std::vector<Worker> workers_;
  std::vector<Turn> turns_;     ///< min-heap
  std::vector<unsigned> idle_;  ///< workers that found nothing
  std::uint64_t indices_done_ = 0;
  double busy_s_ = 0;
  unsigned running_ = 0;
};

/// What a leader last told the census.
struct SimulatedReport {
  std::uint64_t indices_done = 0;
  bool idle = false;
  bool dry = false;
};

/// A node with its communication thread (ClusterLevel, the leader's side of Census).
struct SimulatedNode {
  SimulatedNode(const World& world, unsigned number);

  SimulatedBoard board;
  ExportPolicy policy;
  VictimOrder victims;
  BackOff back_off;
  SimulatedPause pause;

  Interval exported{};  ///< the word that thieves take
  std::vector<Interval> pending;
  std::vector<std::uint32_t> waiting_thieves;  ///< to serve in the next round
  double index_s = 0;
  std::uint64_t last_done = 0;
  double last_busy_s = 0;
  Nanoseconds next_attempt = 0;

  bool waiting = false;  ///< an own steal is out
  int victim = 0;
  Interval answer{};
  Nanoseconds answer_at = 0;  ///< when it is back; `never` before it was served

  SimulatedReport sent{};
  Nanoseconds next_send = 0;

  static constexpr Nanoseconds never = INT64_MAX;
};

}  // namespace orbitmill::simulation
