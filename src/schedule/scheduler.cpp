#include "orbitmill/schedule/scheduler.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/cluster/messages.hpp"
#include "orbitmill/schedule/batch_size.hpp"
#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// What one worker writes while it computes; a cache line of its own.
struct alignas(64) WorkerCount {
  std::atomic<double> cost_done{0};  ///< read by the main thread for progress
  std::uint64_t indices = 0;
  std::uint64_t batches = 0;
  double busy_s = 0;
};

/// Sleep between two rounds of the main thread: short at first, so that small phases end at once,
/// then long enough to leave the core to the workers.
class Pause {
 public:
  std::chrono::microseconds next() {
    const auto now = length_;
    length_ = std::min(length_ * 2, std::chrono::microseconds(2000));
    return now;
  }

 private:
  std::chrono::microseconds length_{20};
};

}  // namespace

/// The main thread's side of a phase: progress to root, failures, and the common end.
class Scheduler::Watch {
 public:
  Watch(const boost::mpi::communicator& comm, ProgressListener* listener, double total_cost)
      : comm_(comm),
        listener_(comm.rank() == 0 ? listener : nullptr),
        total_cost_(total_cost),
        cost_of_rank_(static_cast<std::size_t>(comm.size())),
        finals_missing_(comm.size() - 1) {}

  /// One round: tells root, or on root hears the others. `cost` is what this rank has done.
  void look(double cost) {
    const auto begin = Clock::now();
    if (comm_.rank() == 0) {
      hear();
      check_for_failures(comm_);
      cost_of_rank_[0] = cost;
      if (listener_ != nullptr && begin >= next_show_) {
        show();
        next_show_ = begin + show_interval;
      }
    } else if (begin >= next_send_ && !sending_) {
      send(cost, false);
      next_send_ = begin + send_interval;
    }
    test_send();
    communication_s += seconds_between(begin, Clock::now());
  }

  /// This rank is done: waits for all others without burning the core. Root keeps looking for
  /// failures.
  void end(double cost) {
    const auto begin = Clock::now();
    Pause pause;
    if (comm_.rank() == 0) {
      cost_of_rank_[0] = cost;
      while (finals_missing_ > 0) {
        look(cost);
        std::this_thread::sleep_for(pause.next());
      }
    } else {
      while (sending_) {
        test_send();
        std::this_thread::sleep_for(pause.next());
      }
      send(cost, true);
    }
    MPI_Request barrier = MPI_REQUEST_NULL;
    MPI_Ibarrier(comm_, &barrier);
    for (int done = 0; done == 0;) {
      MPI_Test(&barrier, &done, MPI_STATUS_IGNORE);
      if (done != 0) break;
      test_send();
      check_for_failures(comm_);
      std::this_thread::sleep_for(pause.next());
    }
    if (sending_) MPI_Wait(&request_, MPI_STATUS_IGNORE);
    waited_s = seconds_between(begin, Clock::now());
  }

  double communication_s = 0;
  double waited_s = 0;

 private:
  static constexpr std::chrono::milliseconds send_interval{100};
  static constexpr std::chrono::milliseconds show_interval{200};

  void send(double cost, bool final) {
    message_ = {cost, final ? 1.0 : 0.0};
    MPI_Isend(message_.data(), 2, MPI_DOUBLE, 0, tag_progress, comm_, &request_);
    sending_ = true;
  }

  void test_send() {
    if (!sending_) return;
    int done = 0;
    MPI_Test(&request_, &done, MPI_STATUS_IGNORE);
    sending_ = done == 0;
  }

  void hear() {
    while (const auto status = comm_.iprobe(boost::mpi::any_source, tag_progress)) {
      std::array<double, 2> message{};
      MPI_Recv(message.data(), 2, MPI_DOUBLE, status->source(), tag_progress, comm_,
               MPI_STATUS_IGNORE);
      cost_of_rank_[static_cast<std::size_t>(status->source())] = message[0];
      if (message[1] != 0) --finals_missing_;
    }
  }

  void show() {
    double cost = 0;
    for (const double part : cost_of_rank_) cost += part;
    listener_->phase_advanced(std::clamp(cost / total_cost_, 0.0, 1.0));
  }

  const boost::mpi::communicator& comm_;
  ProgressListener* listener_;
  double total_cost_;
  std::vector<double> cost_of_rank_;  ///< on root
  int finals_missing_;                ///< on root: ranks that have not said that they are done
  std::array<double, 2> message_{};   ///< must live until the send is over
  MPI_Request request_ = MPI_REQUEST_NULL;
  bool sending_ = false;
  Clock::time_point next_send_{};
  Clock::time_point next_show_ = Clock::now() + show_interval;
};

Scheduler::Scheduler(const boost::mpi::communicator& comm, WorkerPool& pool,
                     ScheduleOptions options)
    : comm_(comm), pool_(pool), options_(std::move(options)) {}

PhaseReport Scheduler::run(Phase& phase) {
  const std::uint64_t count = phase.index_count();
  const auto begin = Clock::now();
  if (comm_.rank() == 0 && options_.listener) options_.listener->phase_started(phase.name());

  // Root partitions; a rank learns its chunk from root and from nobody else.
  Interval chunk;
  if (comm_.rank() == 0) {
    const auto ranks = static_cast<std::uint64_t>(comm_.size());
    std::vector<Interval> chunks;
    for (std::uint64_t rank = 0; rank < ranks; ++rank) {
      chunks.push_back(equal_part(count, rank, ranks));
    }
    boost::mpi::scatter(comm_, chunks, chunk, 0);
  } else {
    boost::mpi::scatter(comm_, chunk, 0);
  }

  const unsigned workers = pool_.size();
  phase.prepare(workers);
  const auto counts = std::make_unique<WorkerCount[]>(workers);
  alignas(64) std::atomic<std::uint64_t> word{pack(chunk)};
  pool_.start([&](unsigned worker) {
    WorkerCount& mine = counts[worker];
    BatchSize size(options_.batch_size, workers);
    while (!pool_.is_failing()) {
      const std::uint64_t left = unpack(word.load(std::memory_order_relaxed)).size();
      const Interval batch = take_front(word, size.next(left));
      if (batch.empty()) return;
      if (options_.before_batch) options_.before_batch(comm_.rank(), batch.first, batch.last);
      const auto start = Clock::now();
      phase.run_batch(worker, batch.first, batch.last);
      const double seconds = seconds_between(start, Clock::now());
      size.learn(batch.size(), seconds);
      mine.busy_s += seconds;
      mine.indices += batch.size();
      ++mine.batches;
      mine.cost_done.store(mine.cost_done.load(std::memory_order_relaxed) +
                               phase.expected_cost(batch.last) - phase.expected_cost(batch.first),
                           std::memory_order_relaxed);
    }
  });

  Watch watch(comm_, options_.listener, phase.expected_cost(count) - phase.expected_cost(0));
  const auto cost_done = [&] {
    double cost = 0;
    for (unsigned i = 0; i < workers; ++i)
      cost += counts[i].cost_done.load(std::memory_order_relaxed);
    return cost;
  };
  Pause pause;
  while (!pool_.wait_for(pause.next()) && !pool_.is_failing()) watch.look(cost_done());
  if (pool_.is_failing()) {
    // At once: the other workers of this rank may be in a batch that lasts for minutes.
    try {
      std::rethrow_exception(pool_.first_error());
    } catch (...) {
      abort_job(comm_, describe_current_exception());
    }
  }
  watch.end(cost_done());

  PhaseReport report;
  report.name = phase.name();
  report.elapsed_s = seconds_between(begin, Clock::now());
  for (unsigned i = 0; i < workers; ++i) {
    report.indices += counts[i].indices;
    report.batches += counts[i].batches;
    report.busy_s += counts[i].busy_s;
  }
  report.idle_s = std::max(0.0, workers * report.elapsed_s - report.busy_s);
  report.communication_s = watch.communication_s + watch.waited_s;
  const std::uint64_t done = boost::mpi::all_reduce(comm_, report.indices, std::plus<>());
  if (done != count) {
    throw AgreedError(ExitCode::internal,
                      fmt::format("phase \"{}\": {} of {} indices were done; work was lost or done "
                                  "twice, and no result was written",
                                  phase.name(), done, count));
  }
  if (comm_.rank() == 0 && options_.listener) options_.listener->phase_finished(report.elapsed_s);
  return report;
}

}  // namespace orbitmill
