# shellcheck shell=bash
# Sourced by the scripts of this folder: run_and_requeue COMMAND [ARGUMENT...] runs the command and
# ends the script with its exit code, after putting the job into the queue again where that helps.
# The same script then goes on from the checkpoint. The README has the rules in a table.

# Tells a fault that may pass (a stop in time, a rank that was killed, a lost node) from an error
# that would only come again: what orbitmill itself reports, a program that is not there.
is_worth_another_try() { # EXIT-CODE
  case $1 in
    0 | 2 | 65 | 70 | 73 | 74 | 126 | 127) return 1 ;;
  esac
}

run_and_requeue() {
  local child status=0 passed_on='' ending='' count=${SLURM_RESTART_COUNT:-0}
  local limit=${ORBITMILL_RESTARTS:-20}
  "$@" &
  child=$!
  # --signal=B:USR1 reaches this shell alone. TERM reaches all processes of the job, after scancel,
  # scontrol requeue and at the time limit: the shell only has to outlive them, because its end
  # kills those that still save their work. What Slurm ends must not come back by our doing.
  trap 'passed_on=1; kill -USR1 "$child" 2>/dev/null || true' USR1
  trap 'passed_on=1; ending=1' TERM
  wait "$child" || status=$?
  while [[ $passed_on ]]; do # it was the signal that ended the wait
    passed_on='' status=0
    wait "$child" || status=$?
  done

  if [[ -z $ending && ${SLURM_JOB_ID-} ]] && is_worth_another_try "$status"; then
    if ((count >= limit)); then
      printf 'exit code %d, and %d restarts are the limit: submit the job again to go on\n' \
        "$status" "$limit"
    elif scontrol requeue "$SLURM_JOB_ID"; then
      printf 'exit code %d: requeued, restart %d of at most %d\n' \
        "$status" $((count + 1)) "$limit"
    else
      printf 'exit code %d, and Slurm does not requeue: submit the job again to go on\n' "$status"
    fi >&2
  fi
  exit "$status"
}
