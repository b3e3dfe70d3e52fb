#include "orbitmill/decompose/contraction.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>

#include "contraction_steps.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {

std::uint64_t SegmentTable::length_of(std::uint64_t index, std::uint64_t entry) const {
  const std::uint64_t length = format.length(entry);
  if (length < format.escape_length()) return length;
  const auto found = std::ranges::lower_bound(long_segments, index, {}, &LongSegment::index);
  if (found == long_segments.end() || found->index != index) {
    throw InternalError("a long segment has no length");
  }
  return found->length;
}

void throw_not_a_permutation() {
  throw InternalError(
      "the segments do not form cycles: two of them end at the same milestone. This is a defect of "
      "orbitmill or of the machine; no result was written");
}

namespace {

/// Chains from every station, many at once.
class ChainPhase final : public Phase {
 public:
  ChainPhase(const SegmentTable& table, Chain* chains, std::uint64_t distance)
      : table_(table),
        chains_(chains),
        distance_(distance),
        stations_((table.map.count() + distance - 1) / distance),
        stride_((stations_ + max_indices - 1) / max_indices) {}

  std::string name() const override { return "contraction"; }
  std::uint64_t index_count() const override { return (stations_ + stride_ - 1) / stride_; }
  void prepare(unsigned) override {}
  void run_batch(unsigned, std::uint64_t first, std::uint64_t last) override {
    chase(first * stride_, std::min(last * stride_, stations_), true);
  }
  void sample(std::uint64_t first, std::uint64_t last) override {
    // A damaged table is reported by the run, where every rank hears of it.
    try {
      chase(first * stride_, std::min(last * stride_, stations_), false);
    } catch (const InternalError&) {
    }
  }

 private:
  /// Chains in flight per thread: more than a core's outstanding cache misses gain nothing.
  static constexpr unsigned seats = 24;

  struct Seat {
    std::uint64_t station = 0;
    std::uint64_t at = 0;
    Chain chain;
  };

  void chase(std::uint64_t first, std::uint64_t last, bool keep) {
    std::array<Seat, seats> seat;
    unsigned taken = 0;
    std::uint64_t next = first;
    const auto sit_down = [&](Seat& one) {
      if (next == last) return false;
      const std::uint64_t start = next * distance_;
      one = {next++, start, {0, 0, start}};
      __builtin_prefetch(table_.entries + start, 1);
      return true;
    };
    while (taken < seats && sit_down(seat[taken])) ++taken;
    // Without marks a chain that never meets a station goes unnoticed; a sample must end all the
    // same.
    std::uint64_t rounds = 0;
    const std::uint64_t most_rounds = keep ? ~std::uint64_t{0} : table_.map.count();
    while (taken > 0 && rounds++ < most_rounds) {
      for (unsigned i = 0; i < taken;) {
        if (advance(seat[i], keep) || sit_down(seat[i])) {
          ++i;
        } else {
          seat[i] = seat[--taken];
        }
      }
    }
  }

  /// One entry further. False when the chain has reached a station.
  bool advance(Seat& one, bool keep) {
    std::uint64_t& entry = table_.entries[one.at];
    const std::uint64_t now = entry;
    if ((now & SegmentFormat::visited) != 0) {
      if (keep) throw_not_a_permutation();
    } else if (keep) {
      entry = now | SegmentFormat::visited;
    }
    one.chain.length += table_.length_of(one.at, now);
    if (precedes(table_.map, one.at, one.chain.least)) one.chain.least = one.at;
    one.at = table_.format.successor(now);
    if (one.at >= table_.map.count()) throw_not_a_permutation();
    if (one.at % distance_ != 0) {
      __builtin_prefetch(table_.entries + one.at, 1);
      return true;
    }
    one.chain.next_station = one.at / distance_;
    if (keep) chains_[one.station] = one.chain;
    return false;
  }

  const SegmentTable& table_;
  Chain* chains_;
  std::uint64_t distance_;
  std::uint64_t stations_;
  std::uint64_t stride_;
};

/// Cycles that no chain has visited: the least milestone of each finds it.
class LeftoverPhase final : public Phase {
 public:
  LeftoverPhase(const SegmentTable& table, CycleTally& tally)
      : table_(table),
        tally_(tally),
        stride_(
            std::max<std::uint64_t>(1024, (table.map.count() + max_indices - 1) / max_indices)) {}

  std::string name() const override { return "contraction, cycles without a station"; }
  std::uint64_t index_count() const override {
    return (table_.map.count() + stride_ - 1) / stride_;
  }
  void prepare(unsigned workers) override { tallies_.assign(workers, tally_.empty_one()); }
  void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) override {
    scan(first * stride_, std::min(last * stride_, table_.map.count()), &tallies_[worker]);
    tallies_[worker].report_rows();
  }
  void sample(std::uint64_t first, std::uint64_t last) override {
    // As above.
    try {
      scan(first * stride_, std::min(last * stride_, table_.map.count()), nullptr);
    } catch (const InternalError&) {
    }
  }
  void merge_into_tally() {
    for (CycleTally& tally : tallies_) tally_.merge(std::move(tally));
  }

 private:
  void scan(std::uint64_t first, std::uint64_t last, CycleTally* tally) {
    for (std::uint64_t index = first; index < last; ++index) {
      if ((table_.entries[index] & SegmentFormat::visited) == 0) test(index, tally);
    }
  }

  void test(std::uint64_t start, CycleTally* tally) {
    std::uint64_t length = 0;
    std::uint64_t at = start;
    // A permutation returns after count() steps at most; a chain that joined another one would not.
    for (std::uint64_t hops = 0; hops < table_.map.count(); ++hops) {
      const std::uint64_t entry = table_.entries[at];
      length += table_.length_of(at, entry);
      at = table_.format.successor(entry);
      if (at >= table_.map.count() || (entry & SegmentFormat::visited) != 0) {
        throw_not_a_permutation();
      }
      if (at == start) {
        if (tally != nullptr) tally->add(table_.map.leader_after(start), length);
        return;
      }
      if (precedes(table_.map, at, start)) return;
    }
    throw_not_a_permutation();
  }

  const SegmentTable& table_;
  CycleTally& tally_;
  std::uint64_t stride_;
  std::vector<CycleTally> tallies_;
};

}  // namespace

void walk_stations(const MilestoneMap& map, Chain* chains, std::uint64_t stations,
                   CycleTally& tally) {
  for (std::uint64_t start = 0; start < stations; ++start) {
    if ((chains[start].next_station & Chain::done) != 0) continue;
    std::uint64_t length = 0;
    std::uint64_t least = chains[start].least;
    std::uint64_t at = start;
    do {
      Chain& chain = chains[at];
      if ((chain.next_station & Chain::done) != 0) throw_not_a_permutation();
      length += chain.length;
      if (precedes(map, chain.least, least)) least = chain.least;
      at = chain.next_station;
      chain.next_station |= Chain::done;
    } while (at != start);
    tally.add(map.leader_after(least), length);
  }
  tally.report_rows();
}

std::vector<PhaseReport> contract(const SegmentTable& table, Scheduler& node_scheduler,
                                  CycleTally& tally, std::uint64_t station_distance,
                                  std::unique_ptr<NodeMemory>* kept_chains) {
  const boost::mpi::communicator& node = node_scheduler.communicator();
  const std::uint64_t stations = (table.map.count() + station_distance - 1) / station_distance;
  auto memory = std::make_unique<NodeMemory>(node, stations * sizeof(Chain));
  auto* const chains = memory->as<Chain>();

  std::vector<PhaseReport> reports;
  ChainPhase chain_phase(table, chains, station_distance);
  reports.push_back(node_scheduler.run(chain_phase));
  memory->sync();
  LeftoverPhase leftover_phase(table, tally);
  reports.push_back(node_scheduler.run(leftover_phase));
  // Under agree() too: a rank that fails here must not leave the others in the end of `memory`.
  agree(node, [&] {
    leftover_phase.merge_into_tally();
    if (node.rank() == 0) walk_stations(table.map, chains, stations, tally);
  });
  if (kept_chains != nullptr) *kept_chains = std::move(memory);
  return reports;
}

}  // namespace orbitmill
