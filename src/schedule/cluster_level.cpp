#include "orbitmill/schedule/cluster_level.hpp"

#include <algorithm>
#include <utility>

namespace orbitmill {
namespace {

/// Time from deciding to refill to work on the board: a round of this thread and a steal (measured
/// over TCP 0.4 to 1.8 ms, DESIGN 6).
constexpr double refill_s = 2e-3;
/// Attempts that fail: start at the round trip of a fast network, end where an idle node costs
/// nothing.
constexpr double least_pause_us = 50;
constexpr double most_pause_us = 4000;
/// A visit to the central counter brings this much work for each worker, and at least one index
/// each.
constexpr double visit_s = 10e-3;

}  // namespace

ClusterLevel::ClusterLevel(const NodeBoard& board, StealTransport& transport, NodeSharing sharing,
                           int node, int nodes, unsigned workers, std::uint64_t total, bool ahead)
    : board_(board),
      transport_(transport),
      sharing_(sharing),
      workers_(workers),
      total_(total),
      counter_is_here_(node == 0),
      policy_(refill_s, ahead),
      victims_(node, nodes, 0x9e3779b97f4a7c15U * static_cast<std::uint64_t>(node + 1)),
      back_off_(least_pause_us, most_pause_us) {}

void ClusterLevel::round() {
  transport_.serve();
  measure_cost();
  place_pending();
  if (waiting_) receive();
  act();
}

std::uint64_t ClusterLevel::local_indices() const {
  std::uint64_t local = board_.indices_left();
  for (const Interval& loot : pending_) local += loot.size();
  return local;
}

void ClusterLevel::measure_cost() {
  const std::uint64_t done = board_.indices_done();
  if (done == last_done_) return;
  const double busy_s = board_.busy_s();
  index_s_ = (busy_s - last_busy_s_) / static_cast<double>(done - last_done_);
  last_done_ = done;
  last_busy_s_ = busy_s;
}

void ClusterLevel::receive() {
  const auto outcome = transport_.poll();
  if (!outcome) return;
  waiting_ = false;
  Interval loot = *outcome;
  if (sharing_ == NodeSharing::counter) {
    loot = {std::min(loot.first, total_), std::min(loot.last, total_)};
    counter_used_up_ = loot.last == total_;
  }
  const auto now = Clock::now();
  victims_.note(victim_, !loot.empty());
  if (loot.empty()) {
    next_attempt_ = now + std::chrono::microseconds(static_cast<int>(back_off_.next_us()));
    return;
  }
  ++counts_.won;
  counts_.seconds += std::chrono::duration<double>(now - asked_).count();
  back_off_.reset();
  // What an index costs here says nothing about the loot. Taken for cheap, dear loot is kept from
  // everybody else until the first batches are through (simulated: 96.6 -> 99.1 % at 4096 workers).
  if (sharing_ == NodeSharing::steal) index_s_ = 0;
  deposit(loot);
}

void ClusterLevel::act() {
  const NodeLoad load{local_indices(),
                      sharing_ == NodeSharing::steal ? transport_.exported().size() : 0, index_s_,
                      workers_};
  switch (policy_.decide(load)) {
    case NodeAction::nothing:
      return;
    case NodeAction::export_half:
      if (sharing_ == NodeSharing::steal) export_half();
      return;
    case NodeAction::take_back:
      return deposit(transport_.take_back());
    case NodeAction::steal:
      break;
  }
  const auto now = Clock::now();
  if (waiting_ || now < next_attempt_ || counter_used_up_) return;
  asked_ = now;
  waiting_ = true;
  ++counts_.tried;
  if (sharing_ == NodeSharing::counter) {
    const double wanted = index_s_ > 0 ? visit_s / index_s_ * workers_ : workers_;
    const double most = static_cast<double>(total_) / (4.0 * workers_);
    transport_.begin_fetch(
        static_cast<std::uint64_t>(std::clamp(wanted, 1.0, std::max(1.0, most))));
    return;
  }
  victim_ = victims_.next();
  transport_.begin_steal(victim_);
}

void ClusterLevel::export_half() {
  int richest = 0;
  std::uint64_t most = 0;
  for (int rank = 0; rank < board_.ranks(); ++rank) {
    const std::uint64_t size = unpack(board_.work(rank).load(std::memory_order_relaxed)).size();
    if (size > most) {
      most = size;
      richest = rank;
    }
  }
  // Loot waits here while the workers use up their words: the rest in those is crumbs beside it.
  if (!pending_.empty() && pending_.back().size() > most) {
    const Interval loot = std::exchange(pending_.back(), front_half(pending_.back()));
    if (pending_.back().empty()) pending_.pop_back();
    return transport_.publish(back_half(loot));
  }
  const Interval half = take_back_half(board_.work(richest));
  if (!half.empty()) transport_.publish(half);
}

void ClusterLevel::deposit(Interval loot) {
  if (loot.empty()) return;
  pending_.push_back(loot);
  place_pending();
}

void ClusterLevel::place_pending() {
  // Only this thread fills words during a phase, so an empty word stays empty until it does.
  for (int rank = 0; rank < board_.ranks() && !pending_.empty(); ++rank) {
    if (board_.refill(rank, pending_.back())) pending_.pop_back();
  }
}

bool ClusterLevel::is_empty() {
  return pending_.empty() && (sharing_ != NodeSharing::steal || transport_.exported().empty()) &&
         (sharing_ != NodeSharing::counter || counter_used_up_);
}

bool ClusterLevel::finish() {
  transport_.serve();
  if (!waiting_) return true;
  const auto loot = transport_.poll();
  if (!loot) return false;
  waiting_ = false;
  // Not on the board: nobody works. A counter may have been asked beyond its end.
  const Interval late{std::min(loot->first, total_), std::min(loot->last, total_)};
  if (!late.empty()) pending_.push_back(late);
  return true;
}

std::uint64_t ClusterLevel::indices_held() {
  std::uint64_t held = sharing_ == NodeSharing::steal ? transport_.exported().size() : 0;
  if (sharing_ == NodeSharing::counter && counter_is_here_) {
    transport_.begin_fetch(0);
    std::optional<Interval> at;
    while (!at) at = transport_.poll();
    held = total_ - std::min(at->first, total_);
  }
  for (const Interval& loot : pending_) held += loot.size();
  return held;
}

}  // namespace orbitmill
