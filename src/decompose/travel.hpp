/// Walks through a spread table: they stay on a node while they can, and travel when they must.
///
/// A Rule says what walks and what it does at an entry:
///   Walk, Message            plain data of 8-byte words; a Message is a Walk on its way
///   start_block              candidates that a thread takes at a time
///   step()                   candidates are the milestones that are multiples of it
///   start(index, walk)       does the candidate start a walk?
///   advance(worker, walk)    one entry further, which lies on this node; true when it is over
///   pack(walk, share)        for the rank whose share has walk.at
///   unpack(message, share)   there
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/mpi/collectives.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/decompose/spread_contraction.hpp"

namespace orbitmill {

/// Over all ranks.
struct TravelSums {
  std::uint64_t hops = 0, started = 0, sent = 0, arrived = 0;
  std::uint64_t most_in_round = 0;  ///< messages that one rank sent in one round
};

template <class Rule>
class Travel {
 public:
  using Walk = typename Rule::Walk;
  using Message = typename Rule::Message;

  /// Keeps references. `in_flight` >= 1.
  Travel(const SpreadTable& table, Scheduler& scheduler, Rule& rule, const SpreadOptions& options,
         std::uint64_t in_flight, std::string name)
      : table_(table),
        scheduler_(scheduler),
        comm_(scheduler.communicator()),
        rule_(rule),
        options_(options),
        in_flight_(in_flight),
        share_(table.split.share_of(comm_.rank())),
        entries_(table.memory.as<std::uint64_t>()),
        workers_(scheduler.options().mode == ScheduleMode::sequential ? 1
                                                                      : scheduler.pool().size()) {
    report_.name = std::move(name);
    report_.begin = Clock::now();
    report_.mode = ScheduleMode::static_chunks;
    report_.mode_reason = "every rank walks in its own part of the table";
    report_.workers.resize(scheduler.pool().size());
    for (unsigned i = 0; i < workers_; ++i) {
      mine_.push_back(std::make_unique<Mine>());
      mine_.back()->out.resize(static_cast<std::size_t>(comm_.size()));
    }
    next_start_ = (share_.first + rule.step() - 1) / rule.step();
    last_start_ = (share_.last + rule.step() - 1) / rule.step();
  }

  /// To the end of all walks. Collective; throws on every rank or on none.
  void run() {
    ProgressListener* const listener = comm_.rank() == 0 ? scheduler_.options().listener : nullptr;
    if (listener != nullptr) listener->phase_started(report_.name);
    bool failed = false;
    do {
      take_ = std::min<std::uint64_t>(held_.size(), in_flight_);
      next_held_ = 0;
      alive_ = take_;
      compute();
      failed = !exchange(listener);
    } while (!failed && in_transit_);
    finish_report();
    agree(comm_, [&] {
      if (error_) std::rethrow_exception(error_);
    });
    if (stopped_) throw_stopped();
    check_messages();
    if (listener != nullptr) listener->phase_finished(report_.elapsed_s);
  }

  PhaseReport report() { return std::move(report_); }
  const TravelSums& sums() const noexcept { return sums_; }
  std::uint64_t rounds() const noexcept { return rounds_; }

 private:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;

  /// As in the contraction on one node: walks in flight per thread.
  static constexpr unsigned seats = 24;
  static constexpr std::uint64_t held_block = 256;
  /// Fewer walks than this are done before other threads would have woken up.
  static constexpr std::uint64_t few = 4096;
  static constexpr std::uint64_t failed_flag = 1, stop_flag = 2;

  struct alignas(128) Mine {
    std::vector<std::vector<Message>> out;  ///< by rank
    Interval held, starts;                  ///< taken and not begun yet
    std::uint64_t hops = 0, started = 0, sent = 0;
  };

  void compute() {
    stopping_ = wants_stop();
    if (take_ == 0 && !has_starts()) return;
    if (workers_ == 1 || (take_ < few && !has_starts())) {
      try {
        work(0);
      } catch (...) {
        error_ = std::current_exception();
      }
      return;
    }
    WorkerPool& pool = scheduler_.pool();
    pool.start([this](unsigned worker) { work(worker); });
    while (!pool.wait_for(std::chrono::milliseconds(1))) {
      check_for_failures(comm_);
      if (wants_stop()) stopping_ = true;
    }
    error_ = pool.first_error();
  }

  void work(unsigned worker) {
    if (worker >= workers_) return;
    const auto begin = Clock::now();
    Mine& mine = *mine_[worker];
    std::array<Walk, seats> seat;
    unsigned taken = 0;
    while (taken < seats && next(mine, seat[taken])) ++taken;
    while (taken > 0) {
      for (unsigned i = 0; i < taken;) {
        if (advance(worker, mine, seat[i]) || next(mine, seat[i])) {
          ++i;
        } else {
          seat[i] = seat[--taken];
        }
      }
    }
    WorkerReport& report = report_.workers[worker];
    report.busy_s += Seconds(Clock::now() - begin).count();
    ++report.batches;
  }

  /// A walk to go on with, first those that others have sent.
  bool next(Mine& mine, Walk& walk) {
    for (;;) {
      if (!mine.held.empty()) {
        walk = rule_.unpack(held_[mine.held.first++], share_);
        prefetch(walk.at);
        return true;
      }
      const std::uint64_t first = next_held_.fetch_add(held_block, std::memory_order_relaxed);
      if (first >= take_) break;
      mine.held = {first, std::min(first + held_block, take_)};
    }
    if (stopping_.load(std::memory_order_relaxed) || scheduler_.pool().is_failing()) return false;
    do {
      for (; !mine.starts.empty(); ++mine.starts.first) {
        if (!rule_.start(mine.starts.first * rule_.step(), walk)) continue;
        if (alive_.fetch_add(1, std::memory_order_relaxed) >= in_flight_) {
          alive_.fetch_sub(1, std::memory_order_relaxed);
          give_back(mine);
          return false;
        }
        ++mine.starts.first;
        ++mine.started;
        prefetch(walk.at);
        return true;
      }
    } while (take_starts(mine));
    return false;
  }

  /// One entry further. False when this rank has nothing more to do with the walk.
  bool advance(unsigned worker, Mine& mine, Walk& walk) {
    ++mine.hops;
    if (rule_.advance(worker, walk)) {
      alive_.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    if (walk.at >= table_.part.first && walk.at < table_.part.last) {
      prefetch(walk.at);
      return true;
    }
    const int owner = table_.split.owner_of(walk.at);
    mine.out[static_cast<std::size_t>(owner)].push_back(
        rule_.pack(walk, table_.split.share_of(owner)));
    ++mine.sent;
    return false;
  }

  void prefetch(std::uint64_t at) const {
    __builtin_prefetch(entries_ + (at - table_.part.first), 1);
  }

  bool has_starts() const { return next_start_ < last_start_ || !returned_.empty(); }

  bool take_starts(Mine& mine) {
    const std::lock_guard lock(mutex_);
    if (!returned_.empty()) {
      mine.starts = returned_.back();
      returned_.pop_back();
      return true;
    }
    mine.starts = {next_start_, std::min(next_start_ + Rule::start_block, last_start_)};
    next_start_ = mine.starts.last;
    return !mine.starts.empty();
  }

  /// For a later round, when there is room.
  void give_back(Mine& mine) {
    const std::lock_guard lock(mutex_);
    returned_.push_back(std::exchange(mine.starts, {}));
  }

  bool wants_stop() const {
    const WorkKeeper* const keeper = scheduler_.options().keeper;
    return keeper != nullptr && keeper->wants_stop();
  }

  /// Sends what leaves this rank, receives what comes, and learns how far all have come. False when
  /// a rank has failed or wants to stop.
  bool exchange(ProgressListener* listener) {
    const auto begin = Clock::now();
    const auto ranks = static_cast<std::size_t>(comm_.size());
    collect_outgoing();
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(take_));
    std::uint64_t hops = 0;
    for (const auto& mine : mine_) hops += mine->hops;
    const std::uint64_t active = outgoing_.size() + held_.size() + (has_starts() ? 1 : 0);
    const std::uint64_t flags = (error_ ? failed_flag : 0) | (stopping_ ? stop_flag : 0);
    // What concerns all goes along with the counts: in the tail every message counts.
    std::vector<std::array<std::uint64_t, 4>> told(ranks), heard(ranks);
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      told[rank] = {static_cast<std::uint64_t>(send_counts_[rank]), active, hops, flags};
    }
    MPI_Alltoall(told.data(), 4, MPI_UINT64_T, heard.data(), 4, MPI_UINT64_T, comm_);
    ++rounds_;
    std::uint64_t all_active = 0, all_hops = 0, all_flags = 0, coming = 0;
    std::vector<int> counts(ranks), places(ranks);
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const auto& [count, their_active, their_hops, their_flags] = heard[rank];
      counts[rank] = to_mpi_int(count);
      places[rank] = to_mpi_int(coming);
      coming += count;
      all_active += their_active;
      all_hops += their_hops;
      all_flags |= their_flags;
    }
    in_transit_ = all_active > 0;
    stopped_ = (all_flags & stop_flag) != 0;
    if (all_flags != 0) return false;
    if (all_active > 0) receive(counts, places, coming);
    report_.communication_s += Seconds(Clock::now() - begin).count();
    if (listener != nullptr && Clock::now() >= next_show_) {
      next_show_ = Clock::now() + std::chrono::milliseconds(200);
      listener->phase_advanced(static_cast<double>(std::min(all_hops, table_.map.count())) /
                               static_cast<double>(table_.map.count()));
    }
    return true;
  }

  /// What the threads have for other ranks, rank by rank.
  void collect_outgoing() {
    const auto ranks = static_cast<std::size_t>(comm_.size());
    send_counts_.assign(ranks, 0);
    send_places_.assign(ranks, 0);
    outgoing_.clear();
    for (std::size_t rank = 0; rank < ranks; ++rank) {
      const std::size_t before = outgoing_.size();
      send_places_[rank] = to_mpi_int(before);
      for (const auto& mine : mine_) {
        std::vector<Message>& out = mine->out[rank];
        if (options_.copies) {
          for (const Message& one : out) outgoing_.insert(outgoing_.end(), options_.copies(), one);
        } else {
          outgoing_.insert(outgoing_.end(), out.begin(), out.end());
        }
        out.clear();
      }
      send_counts_[rank] = to_mpi_int(outgoing_.size() - before);
    }
    most_outgoing_ = std::max<std::uint64_t>(most_outgoing_, outgoing_.size());
  }

  void receive(const std::vector<int>& counts, const std::vector<int>& places,
               std::uint64_t coming) {
    const std::size_t before = held_.size();
    held_.resize(before + coming);
    arrived_ += coming;
    // A message as one datatype, so that the counts are messages and stay within int.
    MPI_Datatype type = MPI_DATATYPE_NULL;
    MPI_Type_contiguous(sizeof(Message) / sizeof(std::uint64_t), MPI_UINT64_T, &type);
    MPI_Type_commit(&type);
    MPI_Alltoallv(outgoing_.data(), send_counts_.data(), send_places_.data(), type,
                  held_.data() + before, counts.data(), places.data(), type, comm_);
    MPI_Type_free(&type);
  }

  void finish_report() {
    report_.elapsed_s = Seconds(Clock::now() - report_.begin).count();
    for (WorkerReport& worker : report_.workers) {
      worker.idle_s = std::max(0.0, report_.elapsed_s - worker.busy_s);
      report_.batches += worker.batches;
      report_.busy_s += worker.busy_s;
      report_.idle_s += worker.idle_s;
    }
  }

  void throw_stopped() const {
    std::string farewell;
    if (comm_.rank() == 0) farewell = scheduler_.options().keeper->farewell("", 0);
    boost::mpi::broadcast(comm_, farewell, 0);
    throw AgreedError(ExitCode::stopped, farewell);
  }

  void check_messages() {
    std::array<std::uint64_t, 4> mine = {0, 0, 0, arrived_}, all{};
    for (const auto& one : mine_) {
      mine[0] += one->hops;
      mine[1] += one->started;
      mine[2] += one->sent;
    }
    report_.indices = mine[1];
    MPI_Allreduce(mine.data(), all.data(), 4, MPI_UINT64_T, MPI_SUM, comm_);
    sums_ = {all[0], all[1], all[2], all[3],
             boost::mpi::all_reduce(comm_, most_outgoing_, boost::mpi::maximum<std::uint64_t>())};
    if (sums_.sent == sums_.arrived) return;
    throw AgreedError(
        ExitCode::internal,
        "messages of the contraction were lost or came twice: " + std::to_string(sums_.sent) +
            " were sent and " + std::to_string(sums_.arrived) + " arrived; no result was written");
  }

  const SpreadTable& table_;
  Scheduler& scheduler_;
  const boost::mpi::communicator& comm_;
  Rule& rule_;
  const SpreadOptions& options_;
  std::uint64_t in_flight_;
  Interval share_;
  const std::uint64_t* entries_;  ///< of the part
  unsigned workers_;
  PhaseReport report_;
  TravelSums sums_;
  std::vector<std::unique_ptr<Mine>> mine_;

  std::vector<Message> held_;  ///< walks to go on with
  std::uint64_t take_ = 0;     ///< the first so many in this round
  std::atomic<std::uint64_t> next_held_{0};
  std::atomic<std::uint64_t> alive_{0};  ///< walks of this round that have not ended here
  std::mutex mutex_;
  std::uint64_t next_start_ = 0, last_start_ = 0;  ///< candidates, in steps
  std::vector<Interval> returned_;

  std::vector<Message> outgoing_;
  std::vector<int> send_counts_, send_places_;
  std::uint64_t arrived_ = 0, most_outgoing_ = 0;
  std::uint64_t rounds_ = 0;
  bool in_transit_ = false;
  std::atomic<bool> stopping_{false};
  bool stopped_ = false;
  std::exception_ptr error_;
  Clock::time_point next_show_ = Clock::now() + std::chrono::milliseconds(200);
};

}  // namespace orbitmill
