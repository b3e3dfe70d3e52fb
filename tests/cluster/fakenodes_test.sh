#!/usr/bin/env bash
# The fake nodes themselves: what joins them, what parts them, what `fn` does to them, and that
# nothing stays behind. A test over nodes that are no nodes would prove nothing.
set -euo pipefail
fakenodes=$ORBITMILL_SOURCE_DIR/tests/cluster/fakenodes.sh
# shellcheck source-path=SCRIPTDIR source=../support/assert.sh
source "$ORBITMILL_SOURCE_DIR/tests/support/assert.sh"

# An argument that no other process of this machine has; the inner call takes it over.
export MARKER=${MARKER-31415926.$$}

# Is the other end of the cable there? A closed port refuses at once; a dead link answers nothing.
reachable() { # FROM TO
  [[ $(fn exec "$1" timeout 1 bash -c ": </dev/tcp/$2/9" 2>&1 || true) == *refused* ]]
}
# Waits up to 10 s until a condition holds.
eventually() {
  local attempt
  for ((attempt = 0; attempt < 100; ++attempt)); do
    if "$@"; then return; fi
    sleep 0.1
  done
  fail "not within 10 s: $*"
}
# -x: only the process itself, not those that have it among their arguments.
no_marker() { ! pgrep -fx "sleep $MARKER" >/dev/null; }
marked() { ! no_marker; }
ticked_past() { (($(wc -c <ticks) > $1)); }

inside() {
  [[ $(hostname) == head && $FN_NODES == 'node0 node1 node2' ]] || fail "$(hostname): $FN_NODES"
  [[ $(fn nodes | xargs) == "$FN_NODES" ]] || fail "fn nodes: $(fn nodes)"

  # Uneven slots: mpirun fills them, and ranks of one node know each other as such.
  [[ $(awk '{print $2}' "$FN_HOSTFILE" | xargs) == 'slots=2 slots=1 slots=1' ]] ||
    fail "$(cat "$FN_HOSTFILE")"
  [[ $("$MPIRUN" -n 4 hostname | sort | xargs) == 'node0 node0 node1 node2' ]] ||
    fail 'mpirun -n 4 does not fill the slots'

  # What parts nodes: processes, shared memory. What joins them: the current folder, TCP.
  fn exec node0 touch /dev/shm/mine here
  [[ -e here ]] || fail 'another current folder on node0'
  if fn exec node1 test -e /dev/shm/mine; then fail '/dev/shm is shared'; fi
  fn exec node0 sleep "$MARKER" &
  eventually fn exec node0 pgrep -fx "sleep $MARKER" >/dev/null
  if fn exec node1 pgrep -fx "sleep $MARKER"; then fail 'node1 sees processes of node0'; fi
  reachable node0 node1 || fail 'no network'
  [[ $(fn exec node2 nproc) == 1 ]] || fail '-c does not pin'

  fn cut node1
  if reachable node0 node1; then fail 'cut does not cut'; fi
  reachable node0 node2 || fail 'cut the wrong cable'
  fn join node1
  eventually reachable node0 node1

  # The shell is fed and waited for from outside the node, as mpirun's daemons are: it must come
  # back after the thaw as well.
  fn exec node1 bash -c 'while [[ ! -e enough ]]; do printf . >>ticks; sleep 0.05; done' &
  local ticker=$! before
  eventually test -s ticks
  fn stop node1
  before=$(wc -c <ticks)
  sleep 0.5
  if ticked_past "$before"; then fail 'a frozen node goes on'; fi
  fn cont node1
  eventually ticked_past "$before"
  touch enough
  wait "$ticker" || fail 'fn exec does not survive a freeze'

  fn kill node0
  eventually no_marker # nsenter, outside, needs a moment to notice
  [[ $(fn nodes | xargs) == 'node1 node2' ]] || fail "fn nodes after a crash: $(fn nodes)"
  if fn exec node0 true 2>/dev/null; then fail 'the dead work'; fi
  fn exec node2 true || fail 'the wrong node died'

  fn exec node1 sleep "$MARKER" &
  eventually marked
  exit 5 # with this process on node1
}

if [[ ${1-} == inside ]]; then
  inside
fi

# Whether it can run here at all.
status=0
"$fakenodes" -n 1 -- true || status=$?
((status == 0)) || exit "$status"

export TMPDIR=$PWD/tmp
mkdir tmp
"$fakenodes" -n 3 -s 2,1 -c -- bash "$0" inside || status=$?
((status == 5)) || fail "exit status $status instead of the command's 5"
eventually no_marker
[[ -z $(ls tmp) ]] || fail "left behind: $(ls tmp)"

# Nor does anything stay after the hardest end.
"$fakenodes" -n 1 -- fn exec node0 sleep "$MARKER" &
eventually marked
kill -KILL $!
eventually no_marker

[[ $(printf 'through\n' | "$fakenodes" -n 1 -- cat) == through ]] || fail 'no standard input'
for arguments in '' '-n 0 -- true' '-n many -- true' '-s 2,x -- true' '-z -- true'; do
  # shellcheck disable=SC2086 # several words are meant
  expect_status 97 "$fakenodes" $arguments
done
