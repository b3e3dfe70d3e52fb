/// What `decompose` does about checkpoints: finds one, checks whose it is, goes on, saves,
/// discards.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <memory>
#include <optional>
#include <string>

#include "orbitmill/app/job.hpp"
#include "orbitmill/app/log.hpp"
#include "orbitmill/cluster/failure.hpp"
#include "orbitmill/decompose/plan.hpp"
#include "orbitmill/results/checkpoint_saver.hpp"

namespace orbitmill {

class Checkpointing {
 public:
  /// Looks for the checkpoint of `job`, or discards it where the job says so. Collective; keeps
  /// references. Throws AgreedError: 65 where the checkpoint belongs to another job, 74 where it
  /// cannot be read.
  Checkpointing(const boost::mpi::communicator& comm, const Job& job, const Register& reg,
                const Log& log);

  /// The job to plan for: with the engine of the checkpoint, if there is one.
  const Job& job() const noexcept { return job_; }
  /// `plan` with what the checkpoint has fixed, and the saver for it. `workers`: over all ranks.
  Plan keep_to(Plan plan, unsigned workers);
  /// After keep_to().
  WorkKeeper* keeper() const noexcept { return saver_.get(); }
  /// Logs what an earlier run has left. Root.
  void tell_what_is_there() const;

  /// Runs the engine. When it is through nothing is saved any more, and signals end the job.
  template <class Action>
  auto guard(Action action) {
    try {
      auto result = action();
      close();
      return result;
    } catch (const AgreedError& error) {
      close();
      throw with_advice(error);
    }
  }

  /// The result is in its place: the checkpoint goes. Root removes it, after all have closed.
  void discard() const;

 private:
  void close();
  AgreedError with_advice(const AgreedError& error) const;

  const boost::mpi::communicator& comm_;
  const Log& log_;
  const Register& register_;
  Job job_;
  CheckpointFolder folder_;
  CheckpointJob found_;  ///< empty where there is none
  std::unique_ptr<CheckpointSaver> saver_;
};

}  // namespace orbitmill
