#!/usr/bin/env bash
# fn: acts on the nodes of fakenodes.sh, from within its COMMAND.
#   fn nodes               the names of the live nodes
#   fn exec NODE CMD...    runs CMD on NODE, in the current folder
#   fn kill NODE           crash: all processes die at once, the link is gone; not to be undone
#   fn cut NODE            unplugs the network cable
#   fn join NODE           plugs it in again
#   fn stop NODE           freezes all processes
#   fn cont NODE           thaws them
#   fn ps NODE             lists the processes
set -euo pipefail
: "${FN_DIR:?is not set: fn works inside fakenodes.sh}"

usage() {
  sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2
  exit 2
}

init_of() {
  [[ -e $FN_DIR/$1.pid ]] || {
    printf 'fn: no live node "%s"; there are: %s\n' "$1" "$(live_nodes | xargs)" >&2
    exit 1
  }
  cat "$FN_DIR/$1.pid"
}

live_nodes() {
  local file
  for file in "$FN_DIR"/node*.pid; do
    [[ ! -e $file ]] || basename "$file" .pid
  done
}

# processes NODE pid|pid_for_children: those that live in the node's process namespace, or those
# whose children do: the nsenter of `fn exec`, which stays on head and waits.
processes() {
  local wanted folder
  wanted=$(readlink "/proc/$(init_of "$1")/ns/pid")
  for folder in /proc/[0-9]*; do
    if [[ $(readlink "$folder/ns/$2" 2>/dev/null) == "$wanted" &&
      ($2 == pid || $(readlink "$folder/ns/pid" 2>/dev/null) != "$wanted") ]]; then
      printf '%s\n' "${folder#/proc/}"
    fi
  done
}

# signal NAME PID...: some may be gone by now.
signal() {
  local name=$1
  shift
  kill "-$name" "$@" 2>/dev/null || true
}

(($# > 0)) || usage
verb=$1
shift
if [[ $verb == nodes ]]; then
  live_nodes
  exit
fi
if [[ $verb == rsh ]]; then
  # The remote shell of mpirun: fn rsh [-options] HOST COMMAND...
  while [[ ${1-} == -* ]]; do shift; done
  host=$1
  shift
  exec "$0" exec "$host" /bin/sh -c "$*"
fi
(($# > 0)) || usage
node=$1
shift
init=$(init_of "$node")

# A frozen child makes nsenter freeze itself until somebody continues it, so nsenter goes before its
# children into the freezer and leaves it after them.
case $verb in
  exec)
    pin=()
    if [[ -e $FN_DIR/$node.cpu ]]; then
      pin=(taskset -c "$(cat "$FN_DIR/$node.cpu")")
    fi
    exec "${pin[@]}" nsenter -t "$init" -n -m -p -u -i --wd="$PWD" -- "$@"
    ;;
  kill)
    rm -f "$FN_DIR/$node.pid"
    signal KILL "$init"
    while [[ -e /proc/$init ]]; do sleep 0.02; done
    ip link delete "fn-$node" 2>/dev/null || true # the kernel may have been faster
    ;;
  cut) ip link set "fn-$node" down ;;
  join) ip link set "fn-$node" up ;;
  stop)
    mapfile -t outside < <(processes "$node" pid_for_children)
    signal STOP "${outside[@]}"
    mapfile -t inside < <(processes "$node" pid)
    signal STOP "${inside[@]}"
    ;;
  cont)
    mapfile -t inside < <(processes "$node" pid)
    signal CONT "${inside[@]}"
    mapfile -t outside < <(processes "$node" pid_for_children)
    signal CONT "${outside[@]}"
    ;;
  ps) processes "$node" pid | xargs -r ps -o pid,stat,time,args -p ;;
  *) usage ;;
esac
