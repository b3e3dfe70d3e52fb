#!/usr/bin/env bash
# ms: asks the Slurm of minislurm.sh, from within its COMMAND.
#   ms field JOB NAME             a field of `scontrol show job`, such as JobState or Restarts
#   ms wait JOB STATES [SECONDS]  waits until the job is in a state that matches the extended
#                                 regular expression STATES, and prints it [60 s]
#   ms slurmd NODE                starts slurmd on NODE, again after a crash
#   ms log                        the ends of the daemons' logs
set -euo pipefail

field() { # JOB NAME
  scontrol -o show job "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1
}

case "${1-} $#" in
  'field 3') field "$2" "$3" ;;
  'wait 3' | 'wait 4')
    end=$((SECONDS + ${4-60}))
    while :; do
      state=$(field "$2" JobState || true)
      if [[ $state =~ ^($3)$ ]]; then
        printf '%s\n' "$state"
        exit 0
      fi
      if ((SECONDS >= end)); then
        printf 'ms: job %s is "%s" and not "%s"\n' "$2" "${state:-unknown}" "$3" >&2
        exit 1
      fi
      sleep 0.2
    done
    ;;
  'slurmd 2') fn exec "$2" slurmd ;;
  'log 1') tail -n 50 "$FN_DIR"/slurm/log/* ;;
  *)
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
    exit 2
    ;;
esac
