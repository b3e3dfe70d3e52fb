/// How long a steal between nodes takes, from asking to having the work: median and 90th
/// percentile.
///
/// Run with one rank per node; over fake nodes:
///   tests/cluster/fakenodes.sh -n 2 -s 1 -- mpirun -n 2 build/release/bin/remote_steal_bench
///
/// Rank 1 steals from rank 0, which serves as a communication thread does: it looks, then sleeps 1
/// ms.
#include <fmt/format.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "orbitmill/cluster/one_sided.hpp"
#include "orbitmill/schedule/steal_transport.hpp"

namespace {

using namespace orbitmill;
using Clock = std::chrono::steady_clock;

constexpr std::size_t steals = 500;

/// Steals until `steals` were won; returns their times in microseconds.
std::vector<double> steal(StealTransport& transport) {
  std::vector<double> times_us;
  while (times_us.size() < steals) {
    const auto start = Clock::now();
    transport.begin_steal(0);
    std::optional<Interval> loot;
    while (!(loot = transport.poll())) std::this_thread::sleep_for(std::chrono::microseconds(100));
    if (loot->empty()) continue;
    times_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::ranges::sort(times_us);
  return times_us;
}

void measure(const boost::mpi::communicator& comm, StealTransport& transport, bool sleeps) {
  transport.reset();
  MPI_Request end = MPI_REQUEST_NULL;
  std::vector<double> times_us;
  if (comm.rank() == 1) times_us = steal(transport);
  MPI_Ibarrier(comm, &end);
  for (int over = 0; over == 0; MPI_Test(&end, &over, MPI_STATUS_IGNORE)) {
    transport.serve();
    if (comm.rank() == 0 && transport.exported().empty()) transport.publish({0, 100});
    if (sleeps) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (comm.rank() != 1) return;
  fmt::print("{:<9} victim {:<14} median {:7.0f} us   p90 {:7.0f} us   ({} steals)\n",
             transport.name(), sleeps ? "sleeps 1 ms" : "looks always", times_us[steals / 2],
             times_us[steals * 9 / 10], steals);
}

}  // namespace

int main(int argc, char** argv) {
  allow_windows_over_tcp();
  const boost::mpi::environment environment(argc, argv, boost::mpi::threading::funneled);
  const boost::mpi::communicator comm;
  if (comm.size() < 2) {
    fmt::print(stderr, "remote_steal_bench: start one rank on each of two nodes\n");
    return 2;
  }
  for (const bool sleeps : {true, false}) {
    if (const auto windows = make_window_transport(comm)) measure(comm, *windows, sleeps);
    measure(comm, *make_message_transport(comm), sleeps);
  }
  return 0;
}
