/// From a register to its certified decomposition: engines, reduction, certificate.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/decompose/milestone_index.hpp"
#include "orbitmill/register/register.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

/// What came out. Members without a remark are the same on every rank.
struct Decomposition {
  Histogram histogram;                  ///< on root; empty elsewhere
  Certificate certificate;              ///< complete, always: otherwise decompose() throws
  std::optional<CycleSlice> cycles;     ///< this rank's part of the table, where rows are kept
  std::vector<PhaseReport> phases;      ///< this rank's share of each phase
  std::uint64_t lane_steps = 0;         ///< states visited by the walks of this rank
  unsigned milestone_zeros = 0;         ///< k of the milestone engine, else 0
  std::uint64_t deficit = 0;            ///< milestone engine: states that the sweep had to find
  std::optional<MilestoneIndex> index;  ///< with MilestoneOptions::index
};

/// Decomposes by the leader sweep (leader_sweep.hpp). Collective over the scheduler's communicator;
/// every rank passes an equal register and policy. Throws JobError (singular or too large
/// register), CannotCreateError (row limit) and InternalError (the certificate does not close), and
/// whatever Scheduler::run throws.
Decomposition decompose_by_leaders(const Register& reg, const CyclePolicy& policy,
                                   Scheduler& scheduler);

/// Choices of the milestone engine; equal on every rank.
struct MilestoneOptions {
  unsigned zeros = 0;  ///< k, 1 <= k < n
  /// Cycles of at most this many states are found by periodic words; 0: none are. GF(2), below n.
  unsigned short_cycles = 0;
  std::uint64_t stride = 0;  ///< milestones to an index of the pass; 0: by the number of workers
  std::uint64_t station_distance = 256;  ///< contraction.hpp
  bool index = false;                    ///< make the milestone index; the policy must keep rows
  /// The table is spread over all nodes (spread_contraction.hpp) instead of lying on root's. Not
  /// with `index`.
  bool spread = false;
  std::uint64_t in_flight = 0;  ///< SpreadOptions::in_flight
  /// With `spread`: so many ranks count as a node, which must really share memory; 0: those of a
  /// node of the machine. For tests.
  int ranks_per_node = 0;
  /// Called on every rank of root's node between the milestone pass and the contraction, with the
  /// table; of a spread one on every rank with the part of its node. For tests that damage it.
  std::function<void(std::uint64_t* entries, std::uint64_t count)> before_contraction;
};

/// Decomposes by milestone contraction (milestones.hpp, milestone_pass.hpp, contraction.hpp) and
/// sweeps for the deficit: the cycles without a zero run of k. Collective as above. The table of
/// 8 bytes a milestone lies in the memory of root's node, or spread over that of all nodes; throws
/// CannotCreateError where it does not fit, and the same as decompose_by_leaders.
Decomposition decompose_by_milestones(const Register& reg, const CyclePolicy& policy,
                                      const MilestoneOptions& options, Scheduler& scheduler);

}  // namespace orbitmill
