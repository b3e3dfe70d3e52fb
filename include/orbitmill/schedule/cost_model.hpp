/// How many workers a phase deserves: predicted work against measured overhead.
///
/// The rule of three: more workers are used only if the predicted work exceeds three times the
/// overhead that they add. All figures are measured in the run itself, on the machine at hand.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <string>

#include "orbitmill/schedule/modes.hpp"
#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

/// What the model saw and decided. Times in seconds.
struct CostDecision {
  ScheduleMode mode = ScheduleMode::sequential;
  double work_s = 0;      ///< predicted time of the phase on one worker
  double overhead_s = 0;  ///< a phase without work on all workers
  std::string reason;     ///< the decision with its figures, for the log and the file
};

/// Times samples of `phase` on this rank: small ranges spread over the indices, the dear front left
/// out, scaled up by the phase's expected cost. Predicts the seconds of the phase on one worker.
/// Takes a few milliseconds at most, less for small phases. `phase.prepare` must have been called.
double predict_work_s(Phase& phase);

/// Chooses sequential or stealing. Collective over `comm`; root's prediction decides, every rank
/// gets the same decision. `all_workers`: over all ranks; `overhead_s`: measured time of a phase
/// without work on all of them (waking threads, agreeing at the start and at the end).
CostDecision decide_schedule(const boost::mpi::communicator& comm, Phase& phase,
                             unsigned all_workers, double overhead_s);

}  // namespace orbitmill
