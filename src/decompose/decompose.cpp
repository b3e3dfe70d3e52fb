#include "orbitmill/decompose/decompose.hpp"

#include <boost/mpi/collectives.hpp>
#include <boost/serialization/vector.hpp>

#include "conclude.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/decompose/certificate.hpp"
#include "orbitmill/decompose/cycle_table.hpp"
#include "orbitmill/decompose/leader_sweep.hpp"

namespace orbitmill {
namespace {

/// One value for Boost.MPI: of a bare vector it would reduce the elements one by one.
struct PartialHistogram {
  Histogram entries;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& entries;
  }
};

PartialHistogram merge_partial(const PartialHistogram& a, const PartialHistogram& b) {
  return {merge_histograms(a.entries, b.entries)};
}

}  // namespace

void conclude(const boost::mpi::communicator& comm, const Register& reg, const CyclePolicy& policy,
              CycleTally&& tally, Decomposition& result) {
  PartialHistogram sum;
  boost::mpi::reduce(comm, PartialHistogram{tally.histogram()}, sum, merge_partial, 0);
  result.histogram = std::move(sum.entries);
  if (policy.keep_rows) {
    result.cycles = sort_over_ranks(comm, tally.take_rows());
    if (result.cycles->total_rows > policy.row_limit) {
      agree(comm, [&] { throw_row_limit_exceeded(policy.row_limit); });
    }
  }
  agree(comm, [&] {
    result.certificate = certify(comm, reg.state_count(), result.histogram,
                                 result.cycles ? &*result.cycles : nullptr);
    compare_with_theory(comm, reg, result.histogram, result.certificate);
  });
}

Decomposition decompose_by_leaders(const Register& reg, const CyclePolicy& policy,
                                   Scheduler& scheduler) {
  const boost::mpi::communicator& comm = scheduler.communicator();
  agree(comm, [&] { reg.require_exhaustible(); });

  Decomposition result;
  RowBudget budget(policy);
  LeaderSweep sweep(reg, budget, whole_sweep(reg));
  result.phases.push_back(scheduler.run(sweep));
  result.lane_steps = sweep.lane_steps();
  conclude(comm, reg, policy, sweep.take_tally(), result);
  return result;
}

}  // namespace orbitmill
