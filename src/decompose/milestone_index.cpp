#include "orbitmill/decompose/milestone_index.hpp"

#include <algorithm>
#include <array>
#include <boost/mpi/collectives.hpp>
#include <functional>
#include <string>
#include <utility>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/decompose/contraction.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// A cycle in the row of all states.
struct Place {
  std::uint64_t base = 0;    ///< position of its leader
  std::uint64_t length = 0;  ///< 0: nothing is left to do for this cycle
  std::uint64_t phase = 0;   ///< of the milestone at hand
};

/// A cycle with milestones and where to begin with it.
struct CycleStart {
  Place place;
  std::uint64_t at = 0;  ///< a milestone; after the first phase a station
};

[[noreturn]] void throw_contradiction() {
  throw InternalError(
      "the milestone index contradicts the cycle table. This is a defect of orbitmill or of the "
      "machine; no result was written");
}

/// The table on its way from segments to positions.
class IndexedTable {
 public:
  explicit IndexedTable(const ContractedTable& table)
      : table_{table.map, table.format, table.long_segments, table.entries->as<std::uint64_t>()},
        forward_(make_segment_walker(table.map)->is_forward()),
        distance_(table.station_distance) {}

  bool is_station(std::uint64_t milestone) const { return milestone % distance_ == 0; }
  std::uint64_t station_of(std::uint64_t milestone) const { return milestone / distance_; }
  std::uint64_t milestone_of(std::uint64_t station) const { return station * distance_; }

  /// Leaves milestone `at` for its successor; with `write`, its position stays behind.
  void leave(std::uint64_t& at, Place& place, bool write) const {
    std::uint64_t& entry = table_.entries[at];
    const std::uint64_t segment = entry;
    if (write) entry = place.base + place.phase;
    pass(place, table_.length_of(at, segment));
    at = table_.format.successor(segment);
  }
  /// Moves on by `length` states of the cycle, at most all.
  void pass(Place& place, std::uint64_t length) const {
    if (length > place.length) throw_contradiction();
    // A phase is below the length, so neither sum exceeds 2^64.
    if (forward_) {
      place.phase += length;
      if (place.phase >= place.length) place.phase -= place.length;
    } else {
      if (place.phase < length) place.phase += place.length;
      place.phase -= length;
    }
  }
  void prefetch(std::uint64_t at) const { __builtin_prefetch(table_.entries + at, 1); }

 private:
  SegmentTable table_;
  bool forward_;
  std::uint64_t distance_;
};

/// Index space of both phases: items in order, `stride` to an index.
class ItemPhase : public Phase {
 public:
  explicit ItemPhase(std::uint64_t items)
      : items_(items),
        stride_(std::max<std::uint64_t>(1, (items + max_indices - 1) / max_indices)) {}

  std::uint64_t index_count() const final { return (items_ + stride_ - 1) / stride_; }
  void prepare(unsigned) final {}
  void run_batch(unsigned, std::uint64_t first, std::uint64_t last) final {
    walk(first * stride_, std::min(last * stride_, items_), true);
  }
  void sample(std::uint64_t first, std::uint64_t last) final {
    walk(first * stride_, std::min(last * stride_, items_), false);
  }

 private:
  virtual void walk(std::uint64_t first, std::uint64_t last, bool write) = 0;

  std::uint64_t items_;
  std::uint64_t stride_;
};

/// Walks every cycle to its first station. A cycle belongs to one item, so no two threads meet.
class StartPhase final : public ItemPhase {
 public:
  StartPhase(const IndexedTable& table, CycleStart* starts, std::uint64_t cycles)
      : ItemPhase(cycles), table_(table), starts_(starts) {}

  std::string name() const override { return "index, first stations"; }

 private:
  void walk(std::uint64_t first, std::uint64_t last, bool write) override {
    for (std::uint64_t i = first; i < last; ++i) walk_one(starts_[i], write);
  }

  void walk_one(CycleStart& start, bool write) const {
    CycleStart now = start;
    while (!table_.is_station(now.at)) {
      table_.leave(now.at, now.place, false);
      if (now.at != start.at) continue;
      if (now.place.phase != start.place.phase) throw_contradiction();
      if (!write) return;
      do {
        table_.leave(now.at, now.place, true);
      } while (now.at != start.at);
      start.place.length = 0;
      return;
    }
    if (write) start = {now.place, table_.station_of(now.at)};
  }

  const IndexedTable& table_;
  CycleStart* starts_;
};

/// Writes the positions of all milestones from each station to the next, many stations at once.
class PositionPhase final : public ItemPhase {
 public:
  PositionPhase(const IndexedTable& table, const Place* places, std::uint64_t stations)
      : ItemPhase(stations), table_(table), places_(places) {}

  std::string name() const override { return "index, positions"; }

 private:
  /// As in the contraction: walks in flight per thread.
  static constexpr unsigned seats = 24;

  struct Seat {
    std::uint64_t at = 0;
    Place place;
  };

  void walk(std::uint64_t first, std::uint64_t last, bool write) override {
    std::array<Seat, seats> seat;
    unsigned taken = 0;
    std::uint64_t next = first;
    const auto sit_down = [&](Seat& one) {
      // A station of length 0 lies on no cycle of the table.
      if (next == last) return false;
      if (places_[next].length == 0) throw_contradiction();
      one = {table_.milestone_of(next), places_[next]};
      ++next;
      table_.prefetch(one.at);
      return true;
    };
    while (taken < seats && sit_down(seat[taken])) ++taken;
    while (taken > 0) {
      for (unsigned i = 0; i < taken;) {
        if (advance(seat[i], write) || sit_down(seat[i])) {
          ++i;
        } else {
          seat[i] = seat[--taken];
        }
      }
    }
  }

  /// One milestone further. False when the next station is reached.
  bool advance(Seat& one, bool write) const {
    table_.leave(one.at, one.place, write);
    if (!table_.is_station(one.at)) {
      table_.prefetch(one.at);
      return true;
    }
    const Place& expected = places_[table_.station_of(one.at)];
    if (expected.base != one.place.base || expected.phase != one.place.phase) throw_contradiction();
    return false;
  }

  const IndexedTable& table_;
  const Place* places_;
};

/// This rank's cycles with milestones.
std::vector<CycleStart> starts_of(const boost::mpi::communicator& comm, const MilestoneMap& map,
                                  const CycleSlice& cycles) {
  std::uint64_t states = 0;
  for (const CycleRow& row : cycles.rows) states += row.length;
  std::uint64_t base = boost::mpi::scan(comm, states, std::plus<>()) - states;
  std::vector<CycleStart> starts;
  for (const CycleRow& row : cycles.rows) {
    const State after_leader = map.reg().next(row.leader);
    if (map.is_milestone(after_leader)) {
      starts.push_back({{base, row.length, 1 % row.length}, map.index_of(after_leader)});
    }
    base += row.length;
  }
  return starts;
}

/// All starts, in memory of root's node; null elsewhere. Collective over the whole communicator.
std::unique_ptr<NodeMemory> gather_starts(Scheduler& scheduler,
                                          const std::vector<CycleStart>& starts,
                                          std::uint64_t total) {
  const boost::mpi::communicator& comm = scheduler.communicator();
  std::unique_ptr<NodeMemory> memory;
  agree(comm, [&] {
    if (!scheduler.is_on_root_node()) return;
    memory = std::make_unique<NodeMemory>(scheduler.node(), total * sizeof(CycleStart));
  });
  std::vector<int> counts, places;
  boost::mpi::gather(comm, to_mpi_int(starts.size()), counts, 0);
  std::uint64_t sum = 0;
  for (const int count : counts) {
    places.push_back(to_mpi_int(sum));
    sum += static_cast<std::uint64_t>(count);
  }
  // A start as one datatype, so that the counts are starts and stay within int.
  MPI_Datatype type = MPI_DATATYPE_NULL;
  MPI_Type_contiguous(sizeof(CycleStart) / sizeof(std::uint64_t), MPI_UINT64_T, &type);
  MPI_Type_commit(&type);
  MPI_Gatherv(starts.data(), to_mpi_int(starts.size()), type, memory ? memory->data() : nullptr,
              counts.data(), places.data(), type, 0, comm);
  MPI_Type_free(&type);
  return memory;
}

/// Root: a place for every station.
void walk_stations(const IndexedTable& table, const Chain* chains, const CycleStart* starts,
                   std::uint64_t cycles, Place* places) {
  for (std::uint64_t i = 0; i < cycles; ++i) {
    CycleStart now = starts[i];
    if (now.place.length == 0) continue;
    do {
      places[now.at] = now.place;
      table.pass(now.place, chains[now.at].length);
      now.at = chains[now.at].next_station & ~Chain::done;
    } while (now.at != starts[i].at);
    if (now.place.phase != starts[i].place.phase) throw_contradiction();
  }
}

/// On the ranks of root's node: from the starts of all cycles to the position of every milestone,
/// in the place of the table.
void write_positions(Scheduler& scheduler, ContractedTable& contracted,
                     const NodeMemory& start_memory, const NodeMemory& place_memory,
                     std::uint64_t total, std::uint64_t stations,
                     std::vector<PhaseReport>& phases) {
  const IndexedTable table(contracted);
  auto* const starts = start_memory.as<CycleStart>();
  auto* const places = place_memory.as<Place>();
  const auto node_scheduler = scheduler.for_own_node();
  const boost::mpi::communicator& node = node_scheduler->communicator();
  start_memory.sync();
  contracted.entries->sync();
  StartPhase start_phase(table, starts, total);
  phases.push_back(node_scheduler->run(start_phase));
  start_memory.sync();
  agree(node, [&] {
    if (node.rank() == 0) {
      walk_stations(table, contracted.chains->as<Chain>(), starts, total, places);
    }
  });
  place_memory.sync();
  PositionPhase position_phase(table, places, stations);
  phases.push_back(node_scheduler->run(position_phase));
  contracted.entries->sync();
}

}  // namespace

MilestoneIndex index_milestones(ContractedTable&& contracted, const CycleSlice& cycles,
                                Scheduler& scheduler, std::vector<PhaseReport>& phases) {
  const boost::mpi::communicator& comm = scheduler.communicator();
  MilestoneIndex index{contracted.map.zeros(), contracted.map.count(), nullptr};
  std::vector<CycleStart> own = starts_of(comm, contracted.map, cycles);
  const std::uint64_t total =
      boost::mpi::all_reduce(comm, static_cast<std::uint64_t>(own.size()), std::plus<>());
  const std::unique_ptr<NodeMemory> start_memory = gather_starts(scheduler, own, total);
  own = {};
  const std::uint64_t stations =
      (index.count + contracted.station_distance - 1) / contracted.station_distance;
  std::unique_ptr<NodeMemory> place_memory;
  agree(comm, [&] {
    if (!start_memory) return;
    place_memory = std::make_unique<NodeMemory>(scheduler.node(), stations * sizeof(Place));
  });
  // The other nodes wait for the verdict here.
  agree(comm, [&] {
    if (!start_memory) return;
    write_positions(scheduler, contracted, *start_memory, *place_memory, total, stations, phases);
    index.memory = std::move(contracted.entries);
  });
  return index;
}

}  // namespace orbitmill
