#!/usr/bin/env bash
# fakenodes.sh [-n NODES] [-s SLOTS] [-c] -- COMMAND [ARGUMENT...]
# Runs COMMAND on a cluster of fake nodes inside this machine and returns its exit status.
#
#   -n NODES   number of nodes, named node0, node1, ... [2]
#   -s SLOTS   MPI slots of each node, as in 2 or 2,1,1; the last figure holds for the rest [2]
#   -c         pin what runs on a node to one CPU of this machine, node by node in turn
#
# COMMAND runs on one more machine, "head", that has no slots. Open MPI's environment is set so that
# a plain `mpirun -n 4 program` there spreads over the nodes through real TCP. The helper `fn`
# (fn.sh) is on its PATH: it runs commands on nodes, crashes, unplugs and freezes them. It finds
#   FN_DIR       a folder in memory, seen by all nodes, that goes with the cluster
#   FN_NODES     the names of the nodes, separated by spaces
#   FN_HOSTFILE  the nodes and their slots
#   FN_SUBNET    the network
#
# A node has its own network, host name, process, IPC and mount namespaces and /dev/shm, so that
# only TCP and the file system join two nodes. The whole cluster lives in one outer process
# namespace: when this script ends, however it ends, the kernel removes all processes and links.
# Works for root, and for users where user namespaces are allowed. Exit status 77: it cannot run
# here, with the reason; 97: it was called wrongly or broke.
set -euo pipefail

readonly address_prefix=10.99.0
self=$(readlink -f "${BASH_SOURCE[0]}")

die() {
  printf 'fakenodes: %s\n' "$*" >&2
  exit 97
}

skip() {
  printf 'fakenodes: skipped, %s\n' "$*" >&2
  exit 77
}

# The CPUs this process may use, one a line: a container's need not start at 0.
allowed_cpus() {
  local ranges range
  IFS=, read -ra ranges < <(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)
  for range in "${ranges[@]}"; do
    seq "${range%-*}" "${range#*-}"
  done
}

# --node NAME FIFO: the first process of a node. Killing it kills the node. A shell and not sleep
# itself, because it must reap the orphans of its node.
run_node() {
  hostname "$1"
  mount -t tmpfs tmpfs /dev/shm
  ip link set lo up
  trap '' HUP INT QUIT TERM
  sleep infinity &
  printf 'up\n' >"$2"
  wait
}

# start_node INDEX SLOTS [CPU]
start_node() {
  local name=node$1 slots=$2 cpu=${3-} keeper init
  local address=$address_prefix.$(($1 + 1)) fifo=$FN_DIR/node$1.ready
  mkfifo "$fifo"
  unshare --net --mount --pid --ipc --uts --fork --kill-child=KILL --mount-proc \
    -- bash "$self" --node "$name" "$fifo" </dev/null >"$FN_DIR/$name.log" 2>&1 &
  keeper=$!
  # Opened for reading and writing: a node that died before it wrote must not block us in open().
  read -r -t 30 <>"$fifo" || die "$name did not start: $(<"$FN_DIR/$name.log")"
  rm -f "$fifo"
  init=$(pgrep -P "$keeper") || die "$name has no process"
  ip link add "fn-$name" type veth peer name eth0 netns "$init"
  ip link set "fn-$name" master fnbridge up
  nsenter -t "$init" -n ip address add "$address/24" dev eth0
  nsenter -t "$init" -n ip link set eth0 up
  if [[ -n $cpu ]]; then
    printf '%s\n' "$cpu" >"$FN_DIR/$name.cpu"
  fi
  printf '%s\n' "$init" >"$FN_DIR/$name.pid"
  printf '%s slots=%s\n' "$name" "$slots" >>"$FN_HOSTFILE"
}

# --inside NODES SLOTS PIN COMMAND...: builds the cluster within the outer namespaces.
run_inside() {
  local nodes=$1 pin=$3 slots_of cpus i last status=0
  IFS=, read -ra slots_of <<<"$2"
  shift 3
  mapfile -t cpus < <(allowed_cpus)

  # Nothing mounted here may reach the machine outside.
  mount --make-rprivate /
  mount -t tmpfs tmpfs /dev/shm
  mount -t tmpfs -o mode=755 tmpfs "$FN_DIR"
  mkdir "$FN_DIR/bin" "$FN_DIR/tmp"
  install -m 755 "${self%/*}/fn.sh" "$FN_DIR/bin/fn"
  hostname head
  ip link set lo up
  # A bridge without an address of its own takes one of its ports'. When that node dies the address
  # changes, and what the others send to head is lost until they ask again, a minute later.
  ip link add fnbridge address 02:00:00:00:00:fe type bridge
  ip address add "$address_prefix.254/24" dev fnbridge
  ip link set fnbridge up

  {
    printf '127.0.0.1 localhost\n%s.254 head\n' "$address_prefix"
    for ((i = 0; i < nodes; ++i)); do
      printf '%s.%d node%d\n' "$address_prefix" "$((i + 1))" "$i"
    done
  } >"$FN_DIR/hosts"
  mount --bind "$FN_DIR/hosts" /etc/hosts

  export FN_HOSTFILE=$FN_DIR/hostfile FN_SUBNET=$address_prefix.0/24
  for ((i = 0; i < nodes; ++i)); do
    last=$((i < ${#slots_of[@]} ? i : ${#slots_of[@]} - 1))
    if ((pin)); then
      start_node "$i" "${slots_of[last]}" "${cpus[i % ${#cpus[@]}]}"
    else
      start_node "$i" "${slots_of[last]}"
    fi
  done
  FN_NODES=$(seq -s ' ' -f 'node%g' 0 "$((nodes - 1))")
  export FN_NODES PATH=$FN_DIR/bin:$PATH

  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  export OMPI_MCA_plm=rsh OMPI_MCA_plm_rsh_agent="$FN_DIR/bin/fn rsh"
  export OMPI_MCA_plm_rsh_no_tree_spawn=1 # the nodes cannot start daemons on each other
  export OMPI_MCA_orte_default_hostfile=$FN_HOSTFILE OMPI_MCA_orte_tmpdir_base=$FN_DIR/tmp
  export OMPI_MCA_oob_tcp_if_include=$FN_SUBNET OMPI_MCA_btl_tcp_if_include=$FN_SUBNET
  export OMPI_MCA_btl=self,vader,tcp OMPI_MCA_pml=ob1
  export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
  # The nodes share the CPUs: ranks that spin while they wait starve the others (40 times slower).
  export OMPI_MCA_mpi_yield_when_idle=1
  # An allocation outside must not take mpirun's launcher away from us.
  unset SLURM_JOB_ID SLURM_JOBID SLURM_NODELIST
  "$@" || status=$?
  exit "$status" # the namespace ends with its first process, and everything in it
}

run_outside() {
  local nodes=2 slots=2 pin=0 option tool inner status=0 enter=()
  while getopts n:s:c option; do
    case $option in
      n) nodes=$OPTARG ;;
      s) slots=$OPTARG ;;
      c) pin=1 ;;
      *) die "see the head of $self" ;;
    esac
  done
  shift $((OPTIND - 1))
  (($# > 0)) || die "no command; see the head of $self"
  [[ $nodes =~ ^[1-9][0-9]?$ ]] || die "-n \"$nodes\": expected 1 to 99"
  [[ $slots =~ ^[1-9][0-9]*(,[1-9][0-9]*)*$ ]] || die "-s \"$slots\": expected as in 2 or 2,1,1"

  for tool in unshare nsenter setpriv taskset ip pgrep mpirun; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
  done
  if (($(id -u) != 0)); then
    enter=(unshare --user --map-root-user --)
  fi
  # setpriv after the user namespace, because the setting is lost on entering one.
  enter+=(setpriv --pdeathsig KILL --
    unshare --net --mount --pid --ipc --uts --fork --kill-child=KILL --mount-proc --)
  "${enter[@]}" sh -c 'mount --make-rprivate / && mount -t tmpfs tmpfs /dev/shm &&
    ip link add fnbridge type bridge && ip link add fn0 type veth peer name fn1' 2>/dev/null ||
    skip 'namespaces, bridges or veth links are not permitted here'

  FN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/fakenodes.XXXXXX")
  export FN_DIR
  "${enter[@]}" bash "$self" --inside "$nodes" "$slots" "$pin" "$@" <&0 &
  inner=$!
  # Killing unshare kills the cluster's first process and so the cluster. What was in FN_DIR was
  # mounted inside only.
  # shellcheck disable=SC2064 # inner is local: expand it now
  trap "kill -KILL $inner 2>/dev/null || true; rmdir '$FN_DIR' 2>/dev/null || true" EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  wait "$inner" || status=$?
  exit "$status"
}

case ${1-} in
  --inside) shift && run_inside "$@" ;;
  --node) shift && run_node "$@" ;;
  *) run_outside "$@" ;;
esac
