/// Signals that ask a process to save its work and leave.
///
/// The handlers only set flags; whoever looks at them acts. USR1 (and whatever else asks in time)
/// leaves in order; TERM says that the end is near: launchers send SIGKILL a second later (Open
/// MPI's odls_base_sigkill_timeout) or half a minute later (Slurm's KillWait). A second signal ends
/// the process in the handler, with ExitCode::stopped. Signals that come within a second of the
/// first one are taken for the same: Slurm sends TERM to the ranks and to mpirun, which passes it
/// on, so they get it twice.
#pragma once

namespace orbitmill {

enum class StopSignal : int {
  none,
  soon,  ///< USR1
  now,   ///< TERM
};

/// From now on USR1 and TERM end the process in the handler, with ExitCode::stopped: there is
/// nothing to save yet. Before MPI starts.
void catch_stop_signals();

/// From now on they are only noted, and somebody looks at them.
void note_stop_signals();

/// What has come so far.
StopSignal stop_signal() noexcept;

/// From now on TERM ends the process as it does by default, and USR1 does nothing: the work is
/// done, and the result is about to be written.
void release_stop_signals();

}  // namespace orbitmill
