#include "orbitmill/schedule/scheduler.hpp"

#include <mpi.h>

#include <algorithm>
#include <boost/mpi/collectives.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/schedule/cost_model.hpp"
#include "orbitmill/schedule/remaining_phase.hpp"
#include "phase_run.hpp"

namespace orbitmill {
namespace {

/// What sharing costs when there is nothing to share.
class EmptyPhase final : public Phase {
 public:
  std::string name() const override { return "empty"; }
  std::uint64_t index_count() const override { return 1; }
  void prepare(unsigned) override {}
  void run_batch(unsigned, std::uint64_t, std::uint64_t) override {}
  void sample(std::uint64_t, std::uint64_t) override {}
};

}  // namespace

Scheduler::Scheduler(const boost::mpi::communicator& comm, WorkerPool& pool,
                     ScheduleOptions options, const boost::mpi::communicator& job)
    : comm_(comm), job_(job), pool_(pool), options_(std::move(options)) {
  sleep_precisely();
  MPI_Comm shared = MPI_COMM_NULL;
  MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, comm.rank(), MPI_INFO_NULL, &shared);
  node_ = boost::mpi::communicator(shared, boost::mpi::comm_take_ownership);
  leader_ = node_.rank() == 0;
  const boost::mpi::communicator leaders = comm.split(leader_ ? 0 : 1, comm.rank());
  if (leader_) {
    leaders_ = leaders;
    nodes_ = leaders_.size();
    node_index_ = leaders_.rank();
    boost::mpi::gather(leaders_, boost::mpi::environment::processor_name(), names_, 0);
  }
  boost::mpi::broadcast(node_, nodes_, 0);
  boost::mpi::broadcast(node_, node_index_, 0);
  node_workers_ = boost::mpi::all_reduce(node_, pool.size(), std::plus<>());
  all_workers_ = boost::mpi::all_reduce(comm, pool.size(), std::plus<>());
  board_ = std::make_unique<NodeBoard>(node_);
  if (nodes_ == 1) return;
  if (leader_) {
    if (options_.transport != StealTransportKind::messages) {
      transport_ = make_window_transport(leaders_);
      fallbacks_ = transport_ == nullptr ? 1 : 0;
    }
    if (transport_ == nullptr) transport_ = make_message_transport(leaders_);
    transport_name_ = transport_->name();
  }
  boost::mpi::broadcast(node_, transport_name_, 0);
  boost::mpi::broadcast(node_, fallbacks_, 0);
}

std::unique_ptr<Scheduler> Scheduler::for_own_node() {
  auto scheduler = std::unique_ptr<Scheduler>(new Scheduler(node_, pool_, options_, job_));
  scheduler->keeps_phases_ = keeps_phases_;
  return scheduler;
}

Scheduler::~Scheduler() = default;

PhaseReport Scheduler::run(Phase& phase) {
  return run_or_abort(phase, nullptr);
}

PhaseReport Scheduler::run_rest(Phase& phase, const std::vector<Interval>& left) {
  return run_or_abort(phase, &left);
}

PhaseReport Scheduler::run_or_abort(Phase& phase, const std::vector<Interval>* asked_for) {
  try {
    return run_or_throw(phase, asked_for);
  } catch (const AgreedError&) {
    throw;
  } catch (...) {
    // Of this rank alone, as in prepare(): the others go on and wait in the phase.
    abort_job(job_, describe_current_exception());
  }
}

PhaseReport Scheduler::run_or_throw(Phase& phase, const std::vector<Interval>* asked_for) {
  if (comm_.rank() == 0 && options_.listener) options_.listener->phase_started(phase.name());
  phase.prepare(pool_.size());
  std::optional<RemainingPhase> rest;
  if (asked_for != nullptr || keeps(phase)) {
    std::vector<Interval> left = asked_for != nullptr ? *asked_for : restore(phase);
    if (left.empty()) return report_of_nothing(phase);
    if (left.front().size() != phase.index_count()) rest.emplace(phase, std::move(left));
  }
  Phase& work = rest ? *rest : phase;
  ScheduleMode mode = options_.mode;
  std::string reason = "asked for";
  if (mode == ScheduleMode::automatic) {
    CostDecision decision = decide_schedule(comm_, work, all_workers_, overhead_s());
    mode = decision.mode;
    reason = std::move(decision.reason);
  }
  PhaseReport report = Run(*this, work, mode).execute();
  report.mode_reason = std::move(reason);
  if (comm_.rank() == 0 && options_.listener) options_.listener->phase_finished(report.elapsed_s);
  return report;
}

std::vector<Interval> Scheduler::restore(Phase& phase) {
  options_.keeper->begin(phase);
  std::vector<Interval> left;
  agree(comm_, [&] {
    std::exception_ptr error;
    try {
      if (comm_.rank() == 0) {
        left = complement(options_.keeper->restore(phase), phase.index_count());
      }
    } catch (...) {
      error = std::current_exception();  // the others still wait for the end
    }
    phase.end_restore();
    if (error) std::rethrow_exception(error);
  });
  boost::mpi::broadcast(comm_, left, 0);
  return left;
}

PhaseReport Scheduler::report_of_nothing(const Phase& phase) const {
  options_.keeper->end({});
  PhaseReport report;
  report.name = phase.name();
  report.mode = options_.mode == ScheduleMode::automatic ? ScheduleMode::sequential : options_.mode;
  report.mode_reason = "all of it was done before";
  report.begin = std::chrono::steady_clock::now();
  report.workers.resize(pool_.size());
  if (comm_.rank() == 0 && options_.listener) options_.listener->phase_finished(0);
  return report;
}

double Scheduler::overhead_s() {
  if (all_workers_ == 1) return 0;
  if (overhead_s_ > 0) return overhead_s_;
  EmptyPhase empty;
  double best = 1e9;
  for (int i = 0; i < 2; ++i) {  // the first one pays for cold caches
    best = std::min(best, Run(*this, empty, ScheduleMode::stealing).execute().elapsed_s);
  }
  return overhead_s_ = best;
}

}  // namespace orbitmill
