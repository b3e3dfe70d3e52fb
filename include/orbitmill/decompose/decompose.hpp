/// From a register to its certified decomposition: engines, reduction, certificate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orbitmill/decompose/cycle_tally.hpp"
#include "orbitmill/decompose/decomposition.hpp"
#include "orbitmill/register/register.hpp"
#include "orbitmill/schedule/scheduler.hpp"

namespace orbitmill {

/// What came out. Members without a remark are the same on every rank.
struct Decomposition {
  Histogram histogram;               ///< on root; empty elsewhere
  Certificate certificate;           ///< complete, always: otherwise decompose() throws
  std::optional<CycleSlice> cycles;  ///< this rank's part of the table, where rows are kept
  std::vector<PhaseReport> phases;   ///< this rank's share of each phase
  std::uint64_t lane_steps = 0;      ///< states visited by the walks of this rank
};

/// Decomposes by the leader sweep (leader_sweep.hpp). Collective over the scheduler's communicator;
/// every rank passes an equal register and policy. Throws JobError (singular or too large
/// register), CannotCreateError (row limit) and InternalError (the certificate does not close), and
/// whatever Scheduler::run throws.
Decomposition decompose_by_leaders(const Register& reg, const CyclePolicy& policy,
                                   Scheduler& scheduler);

}  // namespace orbitmill
