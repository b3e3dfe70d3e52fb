/// Where finished work is kept outside the job, seen from the scheduler: no files here.
///
/// Workers are asked by a number that changes, and hand over at their next batch boundary what they
/// have finished since they were asked last; so no lock is held while a batch runs, and an idle
/// worker answers as fast as a busy one. Whatever is handed over is never taken back: it adds to
/// what is kept. At the start of a phase root gets back what earlier runs have kept, and the
/// scheduler does the rest.
#pragma once

#include <string>
#include <vector>

#include "orbitmill/schedule/phase.hpp"

namespace orbitmill {

class WorkKeeper {
 public:
  virtual ~WorkKeeper() = default;

  /// Does it keep anything of this run? The same on every rank.
  virtual bool is_saving() const { return true; }

  /// Every rank, between prepare() and the first batch of each phase with is_kept(), in the order
  /// of the phases: the keeper counts them.
  virtual void begin(const Phase& phase) = 0;

  /// Root, after begin(): gives the phase all that is kept of it (Phase::restore). Returns the
  /// ranges restored, sorted and disjoint.
  virtual std::vector<Interval> restore(Phase& phase) = 0;

  /// Every rank, before the first batch: so many of its workers will answer requests from now on.
  virtual void expect(unsigned workers) = 0;
  /// When it changes, every worker shall hand over. Any thread; cheap.
  virtual unsigned request() const = 0;
  /// A worker's answer, once for each request, maybe empty.
  virtual void hand_over(std::vector<FinishedPart> parts) = 0;

  /// Every rank, after the last batch of the phase, when the parts of all workers are still there:
  /// is their rest worth keeping, too? `interrupted`: work is left, and the job is about to end.
  virtual bool wants_rest(bool interrupted) = 0;
  /// Every rank: the phase is about to drop its parts. Returns when none is needed any more.
  virtual void end(std::vector<FinishedPart> rest) = 0;

  /// This rank wants the whole job to stop at the next batch boundaries. Any thread; stays true.
  virtual bool wants_stop() const = 0;
  /// What to say when the job has stopped at `place` ("phase \"sweep\"", or empty) with `done`
  /// (0 to 1) behind it of the cost that restore() has left.
  virtual std::string farewell(const std::string& place, double done) const = 0;
};

}  // namespace orbitmill
