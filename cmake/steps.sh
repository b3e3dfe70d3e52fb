# Sourced by the scripts that build: one short line a step, the details in a log file.
# shellcheck shell=bash

# step LOG WHAT COMMAND...: says WHAT, runs COMMAND with its output in LOG, and shows LOG only if
# that fails.
step() {
  local log=$1 what=$2 status=0
  shift 2
  printf '%s\n' "$what"
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 || status=$?
  if ((status != 0)); then
    cat "$log" >&2
    printf 'failed: %s (exit status %d); the output above is in %s\n' "$*" "$status" "$log" >&2
    return "$status"
  fi
}
