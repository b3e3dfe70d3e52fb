/// A milestone decomposition of a random register whose table is damaged before the contraction.
///
///   milestones_with_damage KIND SEED [spread]
///     none       nothing: the decomposition must come out
///     successor  one bit of one successor is flipped
///     loop       the chain of a station is bent onto itself between two stations
///     outside    one successor lies behind the table (where its bits can say so)
///     length     one bit of one length is flipped
///     mark       one entry is marked as visited
///     zero       one entry is 0, as if never written
///     range      a range of entries is
///     lose       root drops a batch of the milestone pass
///     twice      root does an index of it once more
///
/// spread: the table lies in parts, every rank being a node; root's part is damaged.
///
/// Says "damaged" on standard error when it has struck, and "a result came out" on standard output
/// if the engine returns one.
#include <algorithm>
#include <atomic>
#include <bit>
#include <boost/mpi/environment.hpp>
#include <cstdio>
#include <random>
#include <string>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/decompose/contraction.hpp"
#include "orbitmill/decompose/decompose.hpp"
#include "orbitmill/decompose/milestones.hpp"
#include "orbitmill/error.hpp"
#include "support/random_register.hpp"

namespace {

using orbitmill::Interval;
using orbitmill::SegmentFormat;

void damage(const std::string& kind, std::mt19937_64& random, std::uint64_t* entries,
            std::uint64_t count, const SegmentFormat& format) {
  std::uint64_t& entry = entries[random() % count];
  const std::uint64_t successor = format.successor(entry);
  const std::uint64_t length = format.length(entry);
  if (kind == "successor") {
    const std::uint64_t bits = static_cast<std::uint64_t>(std::bit_width(count - 1));
    entry = format.pack(successor ^ (std::uint64_t{1} << (random() % bits)), length);
  } else if (kind == "loop") {
    const auto is_station = [](std::uint64_t index) {
      return index % orbitmill::default_station_distance == 0;
    };
    for (std::uint64_t station = 0;; station += orbitmill::default_station_distance) {
      if (station >= count) return;
      const std::uint64_t second = format.successor(entries[station]);
      const std::uint64_t third = format.successor(entries[second]);
      if (is_station(second) || is_station(third) || second == third) continue;
      entries[third] = format.pack(second, format.length(entries[third]));
      break;
    }
  } else if (kind == "sink") {
    // Every chain ends in a milestone that follows itself: whichever the cost model samples.
    for (std::uint64_t index = 0; index < count; ++index) {
      entries[index] = format.pack(1, format.length(entries[index]));
    }
  } else if (kind == "outside") {
    entry = format.pack(count, length);
  } else if (kind == "length") {
    entry = format.pack(successor, length ^ (std::uint64_t{1} << (random() % 30)));
  } else if (kind == "mark") {
    entry ^= SegmentFormat::visited;
  } else if (kind == "zero") {
    entry = 0;
  } else if (kind == "range") {
    const std::uint64_t first = random() % count;
    std::fill(entries + first, entries + std::min(first + 512, count), 0);
  } else {
    return;
  }
  std::fputs("damaged\n", stderr);
}

}  // namespace

int main(int argc, char** argv) {
  const boost::mpi::environment environment(argc, argv, boost::mpi::threading::funneled);
  const boost::mpi::communicator comm;
  if (argc != 3 && argc != 4) return static_cast<int>(orbitmill::ExitCode::usage);
  const std::string kind = argv[1];
  std::mt19937_64 random(std::stoull(argv[2]));

  // Enough milestones for several batches; over GF(3) their number leaves bits of an entry unused.
  const bool binary = random() % 2 == 0 && kind != "outside";
  orbitmill::RegisterSpec spec;
  do {
    spec = binary ? test::random_binary_register(random, 16).spec
                  : test::random_register(random, test::test_fields()[1], 60'000).spec;
  } while (spec.length < 10);
  const orbitmill::Register reg(spec);
  orbitmill::MilestoneOptions options;
  options.zeros = binary ? 3 : 1;
  options.spread = argc == 4;
  options.ranks_per_node = 1;
  const SegmentFormat format(orbitmill::MilestoneMap(reg, options.zeros).count());
  options.before_contraction = [&](std::uint64_t* entries, std::uint64_t count) {
    if (comm.rank() == 0) damage(kind, random, entries, count, format);
  };

  orbitmill::ScheduleOptions schedule;
  // The cost model samples the damaged table before the run meets it.
  schedule.mode = orbitmill::ScheduleMode::automatic;
  schedule.batch_size = 1;
  schedule.watchdog_s = 1;
  std::atomic<int> batches{0};
  if (kind == "lose" || kind == "twice") {
    schedule.tamper = [&](int rank, Interval batch) -> Interval {
      if (rank != 0 || batch.first == 0 || batches.fetch_add(1) != 0) return batch;
      std::fputs("damaged\n", stderr);
      if (kind == "lose") return {};
      return {batch.first - 1, batch.last};
    };
  }
  orbitmill::WorkerPool pool(2);
  orbitmill::Scheduler scheduler(comm, pool, schedule);
  try {
    orbitmill::decompose_by_milestones(reg, {true, orbitmill::CyclePolicy::no_limit}, options,
                                       scheduler);
  } catch (const orbitmill::AgreedError& error) {
    if (comm.rank() == 0) std::fprintf(stderr, "orbitmill: error: %s\n", error.what());
    return static_cast<int>(error.exit_code());
  } catch (...) {
    orbitmill::abort_job(comm, orbitmill::describe_current_exception());
  }
  if (comm.rank() == 0) std::puts("a result came out");
  return 0;
}
