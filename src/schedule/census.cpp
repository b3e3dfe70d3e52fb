#include "orbitmill/schedule/census.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <thread>
#include <utility>

#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/error.hpp"

namespace orbitmill {
namespace {

/// A busy node reports this often; a node that has run dry at once, for it may hold up the end.
constexpr std::chrono::milliseconds report_interval{50};
/// So often does a node repeat its report within the patience of root.
constexpr double repeats = 4;

constexpr std::uint64_t flag_dry = 1;
constexpr std::uint64_t flag_final = 2;
constexpr std::uint64_t flag_wish = 4;

}  // namespace

Census::Census(const boost::mpi::communicator& leaders, std::uint64_t total,
               CensusPatience patience, std::vector<std::string> names)
    : leaders_(leaders),
      total_(total),
      patience_(patience),
      repeat_(std::min(patience.lost, patience.silent) / repeats),
      nodes_(leaders.rank() == 0 ? static_cast<std::size_t>(leaders.size()) : 0),
      names_(std::move(names)),
      silent_(nodes_.size()),
      heard_(nodes_.size()),
      final_(nodes_.size()) {
  if (leaders_.rank() != 0) MPI_Ibcast(&stop_signal_, 1, MPI_INT, 0, leaders_, &stop_);
}

bool Census::round(const NodeReport& mine) {
  return leaders_.rank() == 0 ? round_on_root(mine) : round_elsewhere(mine);
}

double Census::cost_done() const {
  double sum = 0;
  for (const NodeReport& node : nodes_) sum += node.cost_done;
  return sum;
}

void Census::hear(int source) {
  std::array<std::uint64_t, 3> message{};
  MPI_Status status;
  MPI_Recv(message.data(), 3, MPI_UINT64_T, source, tag_census, leaders_, &status);
  const auto node = static_cast<std::size_t>(status.MPI_SOURCE);
  nodes_[node].indices_done = message[0];
  nodes_[node].cost_done = std::bit_cast<double>(message[1]);
  nodes_[node].dry = (message[2] & flag_dry) != 0;
  nodes_[node].stop_wished = (message[2] & flag_wish) != 0;
  heard_[node] = true;
  silent_[node] = {};
  final_[node] = (message[2] & flag_final) != 0;
}

bool Census::round_on_root(const NodeReport& mine) {
  nodes_[0] = mine;
  heard_[0] = true;
  while (leaders_.iprobe(boost::mpi::any_source, tag_census)) hear(MPI_ANY_SOURCE);
  std::uint64_t done = 0;
  for (const NodeReport& node : nodes_) done += node.indices_done;
  const auto passed = step();
  check(done, passed);
  const bool wished = std::ranges::find(nodes_, true, &NodeReport::stop_wished) != nodes_.end();
  if (done != total_ && !wished) return false;
  stop_signal_ = done == total_ ? signal_over : signal_interrupted;
  MPI_Ibcast(&stop_signal_, 1, MPI_INT, 0, leaders_, &stop_);
  // Reports may still be under way, sent before the end was known there. The next phase would take
  // them for its own, so each node says which one is its last. They answer in their next round.
  // Never blocking: a node may have frozen while the others did what was left.
  final_[0] = true;
  int sent = 0;
  while (MPI_Test(&stop_, &sent, MPI_STATUS_IGNORE),
         sent == 0 || std::ranges::find(final_, false) != final_.end()) {
    for (int node = 1; node < leaders_.size(); ++node) {
      // Nothing after its last message: that belongs to the next phase.
      while (!final_[static_cast<std::size_t>(node)] && leaders_.iprobe(node, tag_census)) {
        hear(node);
      }
    }
    check_silence(step());
    std::this_thread::yield();
  }
  return true;
}

/// Time since the last call, as far as it counts: root itself may have been frozen, and a long time
/// between two looks is no time that others used.
std::chrono::duration<double> Census::step() {
  const auto now = Clock::now();
  const auto passed = std::min<std::chrono::duration<double>>(now - last_look_, repeat_);
  last_look_ = now;
  return passed;
}

void Census::check_silence(std::chrono::duration<double> step) {
  for (std::size_t node = 1; node < silent_.size(); ++node) {
    silent_[node] += step;
    if (silent_[node] <= patience_.silent || final_[node]) continue;
    throw InternalError(fmt::format(
        "node \"{}\" has not answered for {:.0f} s: it is frozen, or its network is cut; no result "
        "was written, run the command again without that node",
        node < names_.size() ? names_[node] : std::to_string(node), patience_.silent.count()));
  }
}

void Census::check(std::uint64_t done, std::chrono::duration<double> step) {
  if (done > total_) {
    throw InternalError(
        fmt::format("{} indices were done of {}: work was done twice, and no result was written",
                    done, total_));
  }
  bool all_dry = true;
  for (const NodeReport& node : nodes_) all_dry = all_dry && node.dry;
  stalled_ += step;
  if (done != last_done_ || !all_dry) {
    last_done_ = done;
    stalled_ = {};
  }
  // Whoever took work and then froze was dry when last heard, but is silent in the second half.
  if (stalled_ <= patience_.lost / 2) {
    heard_.assign(heard_.size(), false);
  } else if (stalled_ > patience_.lost && std::ranges::find(heard_, false) == heard_.end()) {
    throw InternalError(fmt::format(
        "{} of {} indices were done and nothing is left anywhere: work was lost, and no "
        "result was written",
        done, total_));
  }
  check_silence(step);
}

bool Census::round_elsewhere(const NodeReport& mine) {
  int done = 0;
  MPI_Test(&stop_, &done, MPI_STATUS_IGNORE);
  int sent = 1;
  if (sending_ != MPI_REQUEST_NULL) MPI_Test(&sending_, &sent, MPI_STATUS_IGNORE);
  if (done != 0) {
    if (sent == 0) MPI_Wait(&sending_, MPI_STATUS_IGNORE);
    send(mine, flag_final);
    MPI_Wait(&sending_, MPI_STATUS_IGNORE);
    return true;
  }
  const auto now = Clock::now();
  const bool more = mine.indices_done != sent_.indices_done;
  const bool wish = mine.stop_wished && !sent_.stop_wished;
  const bool changed = more || mine.dry != sent_.dry || wish;
  const bool urgent = (more && mine.idle) || mine.dry || wish;
  const bool again = now >= next_repeat_;
  if (sent != 0 && ((changed && (urgent || now >= next_send_)) || again)) {
    send(mine, 0);
    next_send_ = now + report_interval;
    next_repeat_ = now + std::chrono::duration_cast<Clock::duration>(repeat_);
  }
  return false;
}

void Census::send(const NodeReport& mine, std::uint64_t flags) {
  sent_ = mine;
  message_ = {mine.indices_done, std::bit_cast<std::uint64_t>(mine.cost_done),
              flags | (mine.dry ? flag_dry : 0) | (mine.stop_wished ? flag_wish : 0)};
  MPI_Isend(message_.data(), 3, MPI_UINT64_T, 0, tag_census, leaders_, &sending_);
}

}  // namespace orbitmill
