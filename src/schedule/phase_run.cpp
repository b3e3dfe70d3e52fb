#include "phase_run.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <ctime>
#include <iterator>
#include <memory>
#include <thread>
#include <utility>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/schedule/census.hpp"
#include "orbitmill/schedule/cluster_level.hpp"

namespace orbitmill {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// CPU time of the calling thread. Wall time would count the time slices that a main thread which
/// shares its core with a worker gives away.
double thread_cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

/// A pause that doubles from `least` to `most`: short at first, so that small phases end at once,
/// then long enough to leave the core to whoever computes.
class Pause {
 public:
  explicit constexpr Pause(microseconds most) : most_(most) {}
  microseconds next() {
    const auto now = length_;
    length_ = std::min(length_ * 2, most_);
    return now;
  }
  void reset() { length_ = least; }

 private:
  static constexpr microseconds least{20};
  microseconds most_;
  microseconds length_{least};
};

/// Between rounds of a main thread: DESIGN 6 measured 1.3 % of a core at 1 ms.
constexpr microseconds round_pause{1000};
/// While an own steal is out, and between looks of a worker without work.
constexpr microseconds waiting_pause{100};
constexpr microseconds worker_pause{250};

/// Which words a mode's workers may take from.
bool takes_from_other_ranks(ScheduleMode mode) {
  return mode == ScheduleMode::shared || mode == ScheduleMode::stealing ||
         mode == ScheduleMode::hybrid;
}

NodeSharing node_sharing(ScheduleMode mode, int nodes) {
  if (nodes == 1) return NodeSharing::none;
  if (mode == ScheduleMode::shared) return NodeSharing::counter;
  if (mode == ScheduleMode::stealing || mode == ScheduleMode::hybrid) return NodeSharing::steal;
  return NodeSharing::none;
}

}  // namespace

PhaseReport Scheduler::Run::execute() {
  if (is_kept_) expect_answers();
  owner_.board_->reset(receive_chunk());
  if (owner_.transport_) owner_.transport_->reset();
  owner_.pool_.start([this](unsigned worker) { work(worker); });

  PhaseReport report;
  const double cpu_before_s = thread_cpu_seconds();
  try {
    if (owner_.leader_) {
      lead(report);
    } else {
      follow();
    }
  } catch (...) {
    // The other ranks are waiting for an end that does not come.
    abort_job(owner_.job_, describe_current_exception());
  }
  while (!owner_.pool_.wait_for(round_pause)) look_after_failures();
  look_after_failures();
  try {
    check_account();
  } catch (...) {
    // What was handed over is written before its memory goes.
    if (is_kept_) keeper_->end({});
    throw;
  }
  leave_to_keeper();
  throw_if_interrupted();

  report.name = phase_.name();
  report.begin = begin_;
  report.mode = mode_;
  report.communication_s = thread_cpu_seconds() - cpu_before_s;
  report.elapsed_s = seconds_between(begin_, Clock::now());
  for (Worker& worker : reports_) {
    worker.report.idle_s = std::max(0.0, report.elapsed_s - worker.report.busy_s);
    report.indices += worker.indices;
    report.batches += worker.report.batches;
    report.busy_s += worker.report.busy_s;
    report.idle_s += worker.report.idle_s;
    report.node_steals_tried += worker.report.node_steals_tried;
    report.node_steals_won += worker.report.node_steals_won;
    report.workers.push_back(worker.report);
    report.trace.insert(report.trace.end(), worker.trace.begin(), worker.trace.end());
  }
  return report;
}

Interval Scheduler::Run::receive_chunk() const {
  const boost::mpi::communicator& comm = owner_.comm_;
  Interval chunk;
  if (comm.rank() != 0) {
    boost::mpi::scatter(comm, chunk, 0);
    return chunk;
  }
  // Root partitions; a rank learns its chunk from root and from nobody else.
  const auto ranks = static_cast<std::uint64_t>(comm.size());
  std::vector<Interval> chunks(ranks);
  const bool all_on_root =
      mode_ == ScheduleMode::sequential || (mode_ == ScheduleMode::shared && owner_.nodes_ == 1);
  if (all_on_root) {
    chunks[0] = {0, total_};  // on one node its word is the central counter
  } else if (mode_ != ScheduleMode::shared) {
    for (std::uint64_t rank = 0; rank < ranks; ++rank)
      chunks[rank] = equal_part(total_, rank, ranks);
  }
  boost::mpi::scatter(comm, chunks, chunk, 0);
  return chunk;
}

bool Scheduler::Run::takes_part(unsigned worker) const {
  return mode_ != ScheduleMode::sequential || (owner_.comm_.rank() == 0 && worker == 0);
}

/// What the worker has finished since the last call. While no batch of it runs.
std::vector<FinishedPart> Scheduler::Run::take_finished(unsigned worker) {
  std::vector<Interval> finished = std::exchange(reports_[worker].finished, {});
  if (finished.empty()) return {};
  std::ranges::sort(finished, {}, &Interval::first);
  std::size_t last = 0;
  for (std::size_t i = 1; i < finished.size(); ++i) {
    if (finished[last].last == finished[i].first) {
      finished[last].last = finished[i].last;
    } else {
      finished[++last] = finished[i];
    }
  }
  finished.resize(last + 1);
  return phase_.take_finished(worker, finished);
}

/// Before the workers start. The keeper may ask as soon as it expects answers, so what was asked
/// before is looked up first: a request that all took for an old one would be waited for.
void Scheduler::Run::expect_answers() {
  unsigned workers = 0;
  for (unsigned worker = 0; worker < workers_; ++worker) workers += takes_part(worker) ? 1U : 0U;
  const unsigned before = keeper_->request();
  for (Worker& worker : reports_) worker.answered = before;
  keeper_->expect(workers);
}

void Scheduler::Run::answer_keeper(unsigned worker) {
  Worker& mine = reports_[worker];
  const unsigned request = keeper_->request();
  if (request == mine.answered) return;
  mine.answered = request;
  keeper_->hand_over(take_finished(worker));
}

/// All workers are through, and the phase still has everything.
void Scheduler::Run::leave_to_keeper() {
  if (!is_kept_) return;
  std::vector<FinishedPart> rest;
  if (keeper_->wants_rest(interrupted_)) {
    for (unsigned worker = 0; worker < workers_; ++worker) {
      std::ranges::move(take_finished(worker), std::back_inserter(rest));
    }
  }
  keeper_->end(std::move(rest));
}

/// Collective: nobody may leave, and be followed by the launcher's axe, before all have kept
/// theirs.
void Scheduler::Run::throw_if_interrupted() {
  if (!interrupted_) return;
  // Not what the census said: the last batches went on after that.
  const double mine = owner_.leader_ ? owner_.board_->cost_done() : 0;
  const double done = boost::mpi::all_reduce(owner_.comm_, mine, std::plus<>());
  std::string farewell;
  if (owner_.comm_.rank() == 0) {
    const double all = phase_.expected_cost(total_) - phase_.expected_cost(0);
    farewell = is_kept_ ? keeper_->farewell(fmt::format("phase \"{}\"", phase_.name()),
                                            all > 0 ? done / all : 1)
                        : keeper_->farewell("", 0);
  }
  boost::mpi::broadcast(owner_.comm_, farewell, 0);
  throw AgreedError(ExitCode::stopped, farewell);
}

void Scheduler::Run::work(unsigned worker) {
  if (!takes_part(worker)) return;
  Worker& mine = reports_[worker];
  const NodeBoard& board = *owner_.board_;
  BatchSize size(
      owner_.options_.batch_size, takes_from_other_ranks(mode_) ? owner_.node_workers_ : workers_,
      BatchSize::first_batch(mode_ == ScheduleMode::sequential ? 1 : owner_.all_workers_));
  int rich = 0;  // the rank that had work for us last
  std::minstd_rand random(static_cast<unsigned>(board.rank()) * 64 + worker + 1);
  Pause pause(worker_pause);
  while (!board.is_stopped() && !owner_.pool_.is_failing() && !wants_stop()) {
    if (is_kept_) answer_keeper(worker);
    Interval batch = take(mine, size, rich, random);
    if (owner_.options_.tamper && !batch.empty()) {
      batch = owner_.options_.tamper(owner_.comm_.rank(), batch);
    }
    if (batch.empty()) {
      std::this_thread::sleep_for(pause.next());
      continue;
    }
    pause.reset();
    run_batch(worker, mine, batch, size);
  }
  if (is_kept_ && wants_stop()) answer_keeper(worker);
}

/// THIS IS WHERE A BATCH IS STOLEN INSIDE A NODE: the own rank's word first, then the other ranks'
/// words.
Interval Scheduler::Run::take(Worker& mine, BatchSize& size, int& rich,
                              std::minstd_rand& random) const {
  const NodeBoard& board = *owner_.board_;
  const auto from = [&](int rank) {
    const auto word = board.work(rank);
    const std::uint64_t left = unpack(word.load(std::memory_order_acquire)).size();
    if (left == 0) return Interval{};
    // Behind the word: NodeBoard::refill counts first.
    size.enter(rank, board.refills(rank));
    return take_front(word, size.next(left));
  };
  const Interval own = from(board.rank());
  if (!own.empty() || !takes_from_other_ranks(mode_) || board.ranks() == 1) return own;
  // The last successful victim first, then round from a random one.
  int victim = rich;
  for (int tries = 0; tries <= board.ranks(); ++tries) {
    if (victim != board.rank()) {
      ++mine.report.node_steals_tried;
      const Interval loot = from(victim);
      if (!loot.empty()) {
        ++mine.report.node_steals_won;
        rich = victim;
        return loot;
      }
    }
    victim = tries == 0 ? static_cast<int>(random() % static_cast<unsigned>(board.ranks()))
                        : (victim + 1) % board.ranks();
  }
  return {};
}

void Scheduler::Run::run_batch(unsigned worker, Worker& mine, Interval batch, BatchSize& size) {
  const NodeBoard& board = *owner_.board_;
  const ScheduleOptions& options = owner_.options_;
  board.enter_batch();
  if (options.before_batch) options.before_batch(owner_.comm_.rank(), batch.first, batch.last);
  const auto start = Clock::now();
  phase_.run_batch(worker, batch.first, batch.last);
  const auto end = Clock::now();
  const double seconds = seconds_between(start, end);
  size.learn(batch.size(), seconds);
  mine.report.busy_s += seconds;
  ++mine.report.batches;
  mine.indices += batch.size();
  if (is_kept_) {
    if (!mine.finished.empty() && mine.finished.back().last == batch.first) {
      mine.finished.back().last = batch.last;
    } else {
      mine.finished.push_back(batch);
    }
  }
  if (options.trace) {
    mine.trace.push_back({worker, seconds_between(begin_, start), seconds_between(begin_, end),
                          batch.first, batch.last});
  }
  board.leave_batch(batch.size(),
                    phase_.expected_cost(batch.last) - phase_.expected_cost(batch.first), seconds);
}

/// A leader's main thread: shares work with other nodes, counts, and ends the phase.
void Scheduler::Run::lead(PhaseReport& report) {
  const NodeBoard& board = *owner_.board_;
  const NodeSharing sharing = node_sharing(mode_, owner_.nodes_);
  std::unique_ptr<ClusterLevel> cluster;
  if (sharing != NodeSharing::none) {
    cluster = std::make_unique<ClusterLevel>(board, *owner_.transport_, sharing, owner_.node_index_,
                                             owner_.nodes_, owner_.node_workers_, total_,
                                             mode_ == ScheduleMode::stealing);
  }
  using Seconds = std::chrono::duration<double>;
  Census census(owner_.leaders_, total_,
                {Seconds(owner_.options_.watchdog_s), Seconds(owner_.options_.silence_s)},
                owner_.names_);
  Pause pause(round_pause);
  for (;;) {
    if (cluster) cluster->round();
    NodeReport mine;
    // In this order: an index counted as done was left or running before.
    mine.indices_done = board.indices_done();
    mine.cost_done = board.cost_done();
    mine.idle = board.indices_left() == 0 && board.running() == 0;
    mine.dry = mine.idle && (!cluster || cluster->is_empty());
    mine.stop_wished = wants_stop() || board.is_stop_wished();
    const bool over = census.round(mine);
    look_after_failures();
    if (owner_.comm_.rank() == 0) show_progress(census.cost_done());
    if (over) break;
    const auto length = cluster && cluster->is_waiting() ? waiting_pause : pause.next();
    // The workers of a one-node phase are through before a round is: do not sleep over their end.
    std::this_thread::sleep_for(std::min(length, round_pause));
  }
  interrupted_ = census.interrupted();
  board.stop(interrupted_);
  if (!cluster) return;
  while (!cluster->finish()) std::this_thread::sleep_for(waiting_pause);
  // Thieves may still ask; nobody leaves while somebody could wait for an answer.
  MPI_Request barrier = MPI_REQUEST_NULL;
  MPI_Ibarrier(owner_.leaders_, &barrier);
  for (int done = 0; done == 0;) {
    cluster->finish();
    MPI_Test(&barrier, &done, MPI_STATUS_IGNORE);
    if (done == 0) std::this_thread::sleep_for(waiting_pause);
  }
  held_ = cluster->indices_held();
  report.cluster_steals_tried = cluster->counts().tried;
  report.cluster_steals_won = cluster->counts().won;
  report.stealing_s = cluster->counts().seconds;
}

/// Another rank's main thread: its workers need nothing from it, the end stands on the board.
void Scheduler::Run::follow() {
  Pause pause(round_pause);
  while (!owner_.board_->is_stopped()) {
    if (wants_stop()) owner_.board_->wish_stop();
    look_after_failures();
    std::this_thread::sleep_for(pause.next());
  }
  interrupted_ = owner_.board_->is_interrupted();
}

/// The census ended the phase on a sum. If work was done twice that sum came early, with other work
/// still open, so what is done and what is left must together be the total. Collective.
void Scheduler::Run::check_account() const {
  // Workers of other ranks may take from this rank's word until they are through, too.
  if (interrupted_) owner_.node_.barrier();
  std::uint64_t mine = held_;
  mine += unpack(owner_.board_->work(owner_.board_->rank()).load(std::memory_order_relaxed)).size();
  for (const Worker& worker : reports_) mine += worker.indices;
  const auto sum = boost::mpi::all_reduce(owner_.comm_, mine, std::plus<>());
  if (sum == total_) return;
  throw AgreedError(
      ExitCode::internal,
      fmt::format("{} indices were done or left of {}: work was {}, and no result was written", sum,
                  total_, sum < total_ ? "lost" : "done twice"));
}

void Scheduler::Run::look_after_failures() const {
  check_for_failures(owner_.job_);
  if (!owner_.pool_.is_failing()) return;
  // At once: the other workers of this rank may be in a batch that lasts for minutes.
  try {
    std::rethrow_exception(owner_.pool_.first_error());
  } catch (...) {
    abort_job(owner_.job_, describe_current_exception());
  }
}

void Scheduler::Run::show_progress(double cost_done) {
  const auto now = Clock::now();
  if (owner_.options_.listener == nullptr || now < next_show_) return;
  next_show_ = now + show_interval;
  const double all = phase_.expected_cost(total_) - phase_.expected_cost(0);
  owner_.options_.listener->phase_advanced(std::clamp(cost_done / all, 0.0, 1.0));
}

}  // namespace orbitmill
