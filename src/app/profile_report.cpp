#include "orbitmill/app/profile_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
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

/// The events of one rank, comma separated, without the brackets.
std::string trace_events(int rank, const std::vector<PhaseReport>& phases) {
  std::string events = fmt::format(
      R"({{"name":"process_name","ph":"M","pid":{0},"args":{{"name":"rank {0}"}}}})", rank);
  double phase_start_s = 0;
  for (const PhaseReport& phase : phases) {
    for (const BatchTrace& batch : phase.trace) {
      fmt::format_to(std::back_inserter(events),
                     ",\n"
                     R"({{"name":"{}","ph":"X","pid":{},"tid":{},"ts":{:.1f},"dur":{:.1f},)"
                     R"("args":{{"first":{},"last":{}}}}})",
                     phase.name, rank, batch.worker, (phase_start_s + batch.start_s) * 1e6,
                     (batch.end_s - batch.start_s) * 1e6, batch.first, batch.last);
    }
    phase_start_s += phase.elapsed_s;
  }
  return events;
}

}  // namespace

std::vector<std::string> profile_table(const std::vector<RankProfile>& profile) {
  std::vector<std::string> lines;
  if (profile.empty()) return lines;
  lines.push_back(fmt::format("{:<22} {:>16} {:>16} {:>16}", "over ranks", "min", "avg", "max"));
  for (const auto& [name, member] : profile_times) {
    const Spread s = spread(profile, [&](const RankProfile& rank) { return rank.*member; });
    lines.push_back(
        fmt::format("{:<22} {:>16.4f} {:>16.4f} {:>16.4f}", name, s.least, s.average, s.greatest));
  }
  for (const auto& [name, member] : profile_counts) {
    const Spread s =
        spread(profile, [&](const RankProfile& rank) { return static_cast<double>(rank.*member); });
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
  boost::mpi::gather(comm, trace_events(comm.rank(), phases), parts, 0);
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
