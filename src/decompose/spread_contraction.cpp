#include "orbitmill/decompose/spread_contraction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <boost/mpi/collectives.hpp>
#include <cmath>
#include <functional>
#include <memory>
#include <numeric>

#include "contraction_steps.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/error.hpp"
#include "travel.hpp"

namespace orbitmill {
namespace {

/// A chain that has met a station, on its way to root.
struct FinishedChain {
  std::uint64_t station = 0;
  Chain chain;
};

/// One hop in the part of this node, whose entries are all that `table_` has.
class Hop {
 public:
  explicit Hop(const SpreadTable& table)
      : table_{table.map, table.format, table.long_segments, table.memory.as<std::uint64_t>()},
        first_(table.part.first) {}

  const MilestoneMap& map() const { return table_.map; }
  std::uint64_t& entry(std::uint64_t at) const { return table_.entries[at - first_]; }
  /// Adds the length of the segment at `at` and returns where it ends.
  std::uint64_t leave(std::uint64_t at, std::uint64_t entry, std::uint64_t& length) const {
    const std::uint64_t states = table_.length_of(at, entry);
    const std::uint64_t next = table_.format.successor(entry);
    // An entry of zeros was never written: its segment would be lost.
    if (states == 0 || next >= table_.map.count()) throw_not_a_permutation();
    length += states;
    return next;
  }

 private:
  SegmentTable table_;
  std::uint64_t first_;
};

/// Chains from every station to the next one.
class ChainRule {
 public:
  struct Walk {
    std::uint64_t station = 0;
    std::uint64_t at = 0;
    std::uint64_t length = 0;
    std::uint64_t least = 0;
  };
  /// The station and the place in the receiver's share stand in one word.
  struct Message {
    std::uint64_t station_and_place = 0;
    std::uint64_t length = 0;
    std::uint64_t least = 0;
  };
  static constexpr std::uint64_t start_block = 64;

  ChainRule(const SpreadTable& table, std::uint64_t distance, unsigned workers)
      : hop_(table),
        distance_(distance),
        place_bits_(static_cast<unsigned>(std::bit_width(table.split.most_entries() - 1))),
        finished_(workers) {
    const std::uint64_t stations = (table.map.count() + distance - 1) / distance;
    if (place_bits_ + static_cast<unsigned>(std::bit_width(stations - 1)) > 63) {
      throw InternalError("the stations are too many for the messages of the contraction");
    }
  }

  std::uint64_t step() const { return distance_; }
  bool start(std::uint64_t index, Walk& walk) const {
    walk = {index / distance_, index, 0, index};
    return true;
  }
  bool advance(unsigned worker, Walk& walk) {
    std::uint64_t& entry = hop_.entry(walk.at);
    const std::uint64_t now = entry;
    if ((now & SegmentFormat::visited) != 0) throw_not_a_permutation();
    entry = now | SegmentFormat::visited;
    if (precedes(hop_.map(), walk.at, walk.least)) walk.least = walk.at;
    walk.at = hop_.leave(walk.at, now, walk.length);
    if (walk.at % distance_ != 0) return false;
    finished_[worker].push_back({walk.station, {walk.at / distance_, walk.length, walk.least}});
    return true;
  }
  Message pack(const Walk& walk, Interval share) const {
    return {walk.station << place_bits_ | (walk.at - share.first), walk.length, walk.least};
  }
  Walk unpack(const Message& message, Interval share) const {
    const std::uint64_t place = message.station_and_place & ((std::uint64_t{1} << place_bits_) - 1);
    return {message.station_and_place >> place_bits_, share.first + place, message.length,
            message.least};
  }

  /// By worker.
  std::vector<std::vector<FinishedChain>>& finished() { return finished_; }

 private:
  Hop hop_;
  std::uint64_t distance_;
  unsigned place_bits_;
  std::vector<std::vector<FinishedChain>> finished_;
};

/// Walks from every entry that no chain has visited, each until it meets a milestone that precedes
/// its own: the least milestone of a cycle finds it.
class LeftoverRule {
 public:
  struct Walk {
    std::uint64_t start = 0;
    std::uint64_t at = 0;
    std::uint64_t length = 0;
    std::uint64_t hops = 0;
  };
  using Message = Walk;
  static constexpr std::uint64_t start_block = 4096;

  /// `left`: entries without a mark, over all ranks.
  LeftoverRule(const SpreadTable& table, std::uint64_t left, CycleTally& tally, unsigned workers)
      : hop_(table), left_(left), tallies_(workers, tally.empty_one()), on_cycles_(workers) {}

  std::uint64_t step() const { return 1; }
  bool start(std::uint64_t index, Walk& walk) const {
    if ((hop_.entry(index) & SegmentFormat::visited) != 0) return false;
    walk = {index, index, 0, 0};
    return true;
  }
  bool advance(unsigned worker, Walk& walk) {
    const std::uint64_t entry = hop_.entry(walk.at);
    // On a permutation a walk is back after as many hops as there are entries left, at most.
    if ((entry & SegmentFormat::visited) != 0 || walk.hops++ == left_) throw_not_a_permutation();
    walk.at = hop_.leave(walk.at, entry, walk.length);
    if (walk.at == walk.start) {
      tallies_[worker].add(hop_.map().leader_after(walk.start), walk.length);
      on_cycles_[worker] += walk.hops;
      return true;
    }
    return precedes(hop_.map(), walk.at, walk.start);
  }
  Message pack(const Walk& walk, Interval) const { return walk; }
  Walk unpack(const Message& message, Interval) const { return message; }

  /// Milestones on the cycles that were found.
  std::uint64_t on_cycles() const {
    return std::accumulate(on_cycles_.begin(), on_cycles_.end(), std::uint64_t{0});
  }
  void merge_into(CycleTally& tally) {
    for (CycleTally& one : tallies_) {
      one.report_rows();
      tally.merge(std::move(one));
    }
  }

 private:
  Hop hop_;
  std::uint64_t left_;
  std::vector<CycleTally> tallies_;
  std::vector<std::uint64_t> on_cycles_;
};

/// Chains in a message to root.
constexpr std::uint64_t message_chains = std::uint64_t{1} << 16;

/// Writes finished chains to their stations, each once.
class StationTable {
 public:
  StationTable(Chain* chains, std::uint64_t stations) : chains_(chains), stations_(stations) {}

  void take(const FinishedChain& one) {
    // The memory was zero, and no chain has the length 0.
    if (one.station >= stations_ || chains_[one.station].length != 0) throw_not_a_permutation();
    chains_[one.station] = one.chain;
    ++taken_;
  }
  bool is_complete() const { return taken_ == stations_; }

 private:
  Chain* chains_;
  std::uint64_t stations_;
  std::uint64_t taken_ = 0;
};

/// Brings all finished chains to root's `table`, null elsewhere; frees them. Collective.
void collect_on_root(const boost::mpi::communicator& comm,
                     std::vector<std::vector<FinishedChain>>& finished, StationTable* table) {
  std::uint64_t own = 0;
  for (const auto& some : finished) own += (some.size() + message_chains - 1) / message_chains;
  std::vector<std::uint64_t> messages;
  boost::mpi::gather(comm, own, messages, 0);
  constexpr std::uint64_t words = sizeof(FinishedChain) / sizeof(std::uint64_t);
  if (comm.rank() != 0) {
    for (auto& some : finished) {
      for (std::size_t done = 0; done < some.size(); done += message_chains) {
        const std::uint64_t count = std::min<std::uint64_t>(message_chains, some.size() - done);
        MPI_Send(some.data() + done, to_mpi_int(count * words), MPI_UINT64_T, 0, tag_chains, comm);
      }
      some = {};
    }
    return;
  }
  // What is wrong is thrown when nobody waits any more.
  std::exception_ptr error;
  const auto take = [&](const FinishedChain& one) {
    try {
      if (!error) table->take(one);
    } catch (...) {
      error = std::current_exception();
    }
  };
  for (auto& some : finished) {
    for (const FinishedChain& one : some) take(one);
    some = {};
  }
  std::vector<FinishedChain> buffer(message_chains);
  for (int rank = 1; rank < comm.size(); ++rank) {
    for (std::uint64_t left = messages[static_cast<std::size_t>(rank)]; left > 0; --left) {
      MPI_Status status;
      MPI_Recv(buffer.data(), to_mpi_int(message_chains * words), MPI_UINT64_T, rank, tag_chains,
               comm, &status);
      int received = 0;
      MPI_Get_count(&status, MPI_UINT64_T, &received);
      for (std::size_t i = 0; i < static_cast<std::size_t>(received) / words; ++i) take(buffer[i]);
    }
  }
  if (error) std::rethrow_exception(error);
}

/// Root: the cycles of the stations. Collective.
void walk_on_root(const SpreadTable& table, const boost::mpi::communicator& comm,
                  std::vector<std::vector<FinishedChain>>& finished, std::uint64_t stations,
                  CycleTally& tally) {
  const boost::mpi::communicator self(MPI_COMM_SELF, boost::mpi::comm_attach);
  std::unique_ptr<NodeMemory> memory;
  agree(comm, [&] {
    if (comm.rank() == 0) memory = std::make_unique<NodeMemory>(self, stations * sizeof(Chain));
  });
  agree(comm, [&] {
    StationTable chains(memory ? memory->as<Chain>() : nullptr, stations);
    collect_on_root(comm, finished, &chains);
    if (comm.rank() != 0) return;
    if (!chains.is_complete()) throw InternalError("a chain of the contraction has no end");
    walk_stations(table.map, memory->as<Chain>(), stations, tally);
  });
}

}  // namespace

std::uint64_t spread_station_distance(std::uint64_t milestones, unsigned nodes) {
  constexpr double seconds_per_station = 100e-9;
  constexpr double tail_seconds_per_distance = 18 * 100e-6;  // ln(M/d) is 10 to 25
  constexpr std::uint64_t least = 64, most = 4096;
  const double best =
      std::sqrt(static_cast<double>(milestones) * seconds_per_station / tail_seconds_per_distance);
  std::uint64_t distance = least;
  while (distance < most && static_cast<double>(distance) < best) distance *= 2;
  while (distance * sizeof(std::uint64_t) < 8 * sizeof(Chain) * nodes) distance *= 2;
  // Both in one word of a message.
  while (std::bit_width(milestones) + std::bit_width(milestones / distance) > 62 &&
         distance <= milestones) {
    distance *= 2;
  }
  return distance;
}

std::uint64_t chains_in_flight(std::uint64_t share) {
  // A sixteenth of the memory of the share, but enough for messages that are worth their latency,
  // and no more than makes them as large as a message should be.
  constexpr std::uint64_t least = 1024, most = std::uint64_t{1} << 20;
  return std::clamp(share / 192, least, most);
}

std::uint64_t travel_bytes(std::uint64_t share) {
  // Held, leaving by thread (a vector that grows is up to twice as large) and leaving together.
  return 4 * sizeof(ChainRule::Message) * chains_in_flight(share);
}

SpreadContraction contract_over_nodes(const SpreadTable& table, Scheduler& scheduler,
                                      CycleTally& tally, const SpreadOptions& options) {
  const boost::mpi::communicator& comm = scheduler.communicator();
  const std::uint64_t count = table.map.count();
  const std::uint64_t stations = (count + options.station_distance - 1) / options.station_distance;
  const std::uint64_t in_flight =
      options.in_flight > 0 ? options.in_flight : chains_in_flight(table.split.most_entries());
  SpreadContraction result;
  const auto note = [&](auto& travel, std::uint64_t message_bytes) {
    result.phases.push_back(travel.report());
    result.rounds += travel.rounds();
    result.bytes_sent += travel.sums().sent * message_bytes;
    result.most_messages = std::max(result.most_messages, travel.sums().most_in_round);
  };

  table.memory.sync();
  ChainRule chain_rule(table, options.station_distance, scheduler.pool().size());
  Travel chains(table, scheduler, chain_rule, options, in_flight, "contraction");
  chains.run();
  note(chains, sizeof(ChainRule::Message));
  table.memory.sync();
  // Every hop marks an entry that had no mark.
  const std::uint64_t left = count - chains.sums().hops;
  agree(comm, [&] {
    if (chains.sums().hops > count) throw_not_a_permutation();
  });
  if (left > 0) {
    LeftoverRule leftover_rule(table, left, tally, scheduler.pool().size());
    Travel leftovers(table, scheduler, leftover_rule, options, in_flight,
                     "contraction, cycles without a station");
    leftovers.run();
    note(leftovers, sizeof(LeftoverRule::Message));
    // An entry that leads into a cycle of others would be missing without a sign.
    const std::uint64_t on_cycles =
        boost::mpi::all_reduce(comm, leftover_rule.on_cycles(), std::plus<>());
    agree(comm, [&] {
      if (leftovers.sums().started != left || on_cycles != left) throw_not_a_permutation();
      leftover_rule.merge_into(tally);
    });
  }
  walk_on_root(table, comm, chain_rule.finished(), stations, tally);
  return result;
}

}  // namespace orbitmill
