/// The seam between mathematics and machine: a phase of independent, indexed work.
///
/// decompose/ says how much work there is and what one piece of it does; schedule/ promises that
/// every index is done exactly once, on some thread of some rank, and knows nothing else. Partial
/// results stay in the phase, one place per worker, so that no lock is needed; after the run the
/// algorithm reduces them over workers and ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "orbitmill/schedule/interval.hpp"

namespace orbitmill {

/// Finished work, packed: what a phase needs to take these indices for done without doing them.
struct FinishedPart {
  std::vector<Interval> ranges;  ///< sorted, disjoint, not empty, of the phase's indices
  std::vector<std::byte> bytes;
  /// Go behind `bytes`. Memory of the phase that does not change any more; valid while it runs.
  std::vector<std::span<const std::byte>> views;
};

class Phase {
 public:
  virtual ~Phase() = default;

  /// Short name for logs and the result file, such as "leader sweep".
  virtual std::string name() const = 0;

  /// Number of indices, 1 to max_indices; the same on every rank. An index is the least piece of
  /// work that can be handed out; a batch is a range of them.
  virtual std::uint64_t index_count() const = 0;

  /// Expected cost of the indices [0, end) in any unit, monotone in `end`: for progress, where cost
  /// per index is skewed. Called from any thread.
  virtual double expected_cost(std::uint64_t end) const { return static_cast<double>(end); }

  /// Called on each rank before any batch, with the number of workers (threads) that this rank has.
  virtual void prepare(unsigned workers) = 0;

  /// Does the batch [first, last). Called concurrently for different workers; one worker does one
  /// batch at a time. What it throws ends the run on every rank.
  virtual void run_batch(unsigned worker, std::uint64_t first, std::uint64_t last) = 0;

  /// Does the work of [first, last) and throws the result away, on the calling thread, before any
  /// batch: the cost model times it. May be called after prepare() on root only.
  virtual void sample(std::uint64_t first, std::uint64_t last) = 0;

  /// True where finished work can be kept and restored (work_keeper.hpp). A phase of seconds that
  /// others' results bring back says false, and is done again as a whole.
  virtual bool is_kept() const { return false; }

  /// Hands out what `worker` has found in its batches since the last call; `ranges` (sorted and
  /// disjoint) are those batches. The result stays in the phase as well. Called while no batch of
  /// this worker runs, others may. Parts are independent: each can be lost without the others.
  virtual std::vector<FinishedPart> take_finished(unsigned /*worker*/,
                                                  const std::vector<Interval>& /*ranges*/) {
    return {};
  }

  /// Takes over the result of indices that were done earlier, maybe by another program run with
  /// other workers; `payload` is bytes and views of a FinishedPart. Called on root between
  /// prepare() and the first batch. False, and no change, where it makes no sense.
  virtual bool restore(const std::vector<Interval>& /*ranges*/,
                       std::span<const std::byte> /*payload*/) {
    return false;
  }
  /// Called on root after the last restore(), and on every other rank instead of it: a phase whose
  /// results lie on several nodes takes there what root has sent. Collective.
  virtual void end_restore() {}

  /// Indices are packed in pairs into one 64-bit word (schedule/interval.hpp).
  static constexpr std::uint64_t max_indices = 0xffff'ffff;
};

}  // namespace orbitmill
