#include "orbitmill/app/profile_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <chrono>
#include <cmath>
#include <fstream>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

struct Spread {
  double least = 0, average = 0, greatest = 0;
};

template <class Value>
Spread spread(const std::vector<RankProfile>& profile, Value value) {
  Spread result{value(profile.front()), 0, value(profile.front())};
  for (const RankProfile& rank : profile) {
    const double x = value(rank);
    result.least = std::min(result.least, x);
    result.greatest = std::max(result.greatest, x);
    result.average += x / static_cast<double>(profile.size());
  }
  return result;
}

double imbalance(const Spread& spread) {
  return spread.average > 0 ? 100 * (spread.greatest / spread.average - 1) : 0;
}

using Clock = std::chrono::steady_clock;

double microseconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::micro>(to - from).count();
}

/// What the ranks call 0 us: the begin of the first phase anywhere. Clocks of nodes differ, so all
/// count back from a moment that they share, the end of a barrier. Collective.
Clock::time_point common_zero(const boost::mpi::communicator& comm,
                              const std::vector<PhaseReport>& phases) {
  comm.barrier();
  const Clock::time_point now = Clock::now();
  const double mine_us = phases.empty() ? 0 : microseconds_between(phases.front().begin, now);
  const double longest_us = boost::mpi::all_reduce(comm, mine_us, boost::mpi::maximum<double>());
  return now - std::chrono::duration_cast<Clock::duration>(
                   std::chrono::duration<double, std::micro>(longest_us));
}

/// The events of one rank, comma separated, without the brackets.
std::string trace_events(int rank, const std::vector<PhaseReport>& phases, Clock::time_point zero) {
  std::string events = fmt::format(
      R"({{"name":"process_name","ph":"M","pid":{0},"args":{{"name":"rank {0}"}}}})", rank);
  for (const PhaseReport& phase : phases) {
    const double begin_us = std::max(0.0, microseconds_between(zero, phase.begin));
    for (const BatchTrace& batch : phase.trace) {
      // Both ends rounded alike, so that a batch never reaches into the next one of its thread.
      const auto start_ns = std::llround((begin_us + batch.start_s * 1e6) * 1e3);
      const auto end_ns = std::llround((begin_us + batch.end_s * 1e6) * 1e3);
      fmt::format_to(std::back_inserter(events),
                     ",\n"
                     R"({{"name":"{}","ph":"X","pid":{},"tid":{},"ts":{}.{:03},"dur":{}.{:03},)"
                     R"("args":{{"first":{},"last":{}}}}})",
                     phase.name, rank, batch.worker, start_ns / 1000, start_ns % 1000,
                     (end_ns - start_ns) / 1000, (end_ns - start_ns) % 1000, batch.first,
                     batch.last);
    }
  }
  return events;
}

}  // namespace

std::vector<std::string> profile_table(const std::vector<RankProfile>& profile) {
  std::vector<std::string> lines;
  if (profile.empty()) return lines;
  lines.push_back(fmt::format("{:<22} {:>16} {:>16} {:>16}", "over ranks", "min", "avg", "max"));
  for (const auto& [name, member] : profile_times) {
    const Spread s = spread(profile, [at = member](const RankProfile& rank) { return rank.*at; });
    lines.push_back(
        fmt::format("{:<22} {:>16.4f} {:>16.4f} {:>16.4f}", name, s.least, s.average, s.greatest));
  }
  for (const auto& [name, member] : profile_counts) {
    const Spread s = spread(
        profile, [at = member](const RankProfile& rank) { return static_cast<double>(rank.*at); });
    lines.push_back(
        fmt::format("{:<22} {:>16.0f} {:>16.0f} {:>16.0f}", name, s.least, s.average, s.greatest));
  }
  const Spread busy = spread(profile, [](const RankProfile& rank) { return rank.busy_s; });
  const Spread states = spread(
      profile, [](const RankProfile& rank) { return static_cast<double>(rank.states_walked); });
  lines.push_back(fmt::format("imbalance: {:.1f} % in time, {:.1f} % in states walked",
                              imbalance(busy), imbalance(states)));
  return lines;
}

void write_trace(const boost::mpi::communicator& comm, const std::filesystem::path& path,
                 const std::vector<PhaseReport>& phases) {
  std::vector<std::string> parts;
  const Clock::time_point zero = common_zero(comm, phases);
  boost::mpi::gather(comm, trace_events(comm.rank(), phases, zero), parts, 0);
  agree(comm, [&] {
    if (comm.rank() != 0) return;
    std::ofstream file(path, std::ios::trunc);
    if (!file) {
      throw CannotCreateError(fmt::format(
          "cannot create the trace \"{}\"; choose another place with --trace", path.string()));
    }
    file << "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n"
         << fmt::format("{}", fmt::join(parts, ",\n")) << "\n]}\n";
    file.close();
    if (!file) throw IoError(fmt::format("writing the trace \"{}\" failed", path.string()));
  });
}

}  // namespace orbitmill
