/// The checkpoint of `decompose`: whose it is, and the plan that it has fixed.
#pragma once

#include "checkpointing.hpp"
#include "orbitmill/app/job.hpp"
#include "orbitmill/decompose/plan.hpp"

namespace orbitmill {

class DecomposeCheckpoint final : public Checkpointing {
 public:
  /// As Checkpointing::find(). Keeps references.
  DecomposeCheckpoint(const boost::mpi::communicator& comm, const Job& job, const Register& reg,
                      const Log& log);

  /// The job to plan for: with the engine of the checkpoint, if there is one.
  const Job& job() const noexcept { return job_; }
  /// `plan` with what the checkpoint has fixed; there is a keeper for it from now on. `workers`:
  /// over all ranks.
  Plan keep_to(Plan plan, unsigned workers);

 private:
  const Register& register_;
  Job job_;
};

}  // namespace orbitmill
