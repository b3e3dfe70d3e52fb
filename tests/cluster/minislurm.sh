#!/usr/bin/env bash
# minislurm.sh [-n NODES] [-c CPUS] -- COMMAND [ARGUMENT...]
# Runs COMMAND inside a throw-away Slurm cluster on this machine and returns its exit status.
#
#   -n NODES   number of nodes, each with a slurmd of its own [2]
#   -c CPUS    CPUs that a node says it has [2]
#
# munged and slurmctld run on the head of fakenodes.sh, a slurmd on every node. COMMAND starts on
# head when all nodes are idle; sbatch, srun, squeue, scontrol work there, and so do `fn` (fn.sh)
# and `ms` (ms.sh). No systemd, no database, no control groups, no file outside a folder in memory.
# Tasks are bound to no CPU. Needs root (slurmd calls setgroups). Exit status 77: it cannot run
# here, with the reason; 98: Slurm did not come up, with its logs.
set -euo pipefail

self=$(readlink -f "${BASH_SOURCE[0]}")
here=${self%/*}

write_configuration() { # NODES CPUS
  cat <<END
ClusterName=mini
SlurmctldHost=head
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job waits until its old credential has expired: two minutes by default.
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CredType=cred/munge
MpiDefault=none
# None of these plugins needs control groups, which a container may not hand out.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
# A production system batches its decisions for seconds; a test would only wait.
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=100000,batch_sched_delay=0,bf_interval=2
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool.%n
# One a node: the PMIx servers of two slurmd would meet in a common /tmp.
TmpFS=$folder/tmp.%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld
SlurmdLogFile=$folder/log/slurmd.%n
ReturnToService=2
SlurmdTimeout=15
MessageTimeout=10
KillWait=5
# Finished jobs can still be asked for.
MinJobAge=3600
JobRequeue=1
# The nodes share this machine's CPUs and memory, whatever they are.
SlurmdParameters=config_overrides
NodeName=node[0-$(($1 - 1))] CPUs=$2 RealMemory=2000 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
}

fail() {
  printf 'minislurm: %s\n' "$*" >&2
  tail -n 30 "$folder"/log/* "$folder"/munge/log >&2 || true
  exit 98
}

# --inside NODES CPUS COMMAND...: on the head of the fake nodes.
run_inside() {
  local nodes=$1 cpus=$2 node attempt
  shift 2
  folder=$FN_DIR/slurm
  mkdir -p "$folder"/{state,log,munge}
  install -m 755 "$here/ms.sh" "$FN_DIR/bin/ms"
  # In a job mpirun starts its daemons with srun.
  unset OMPI_MCA_plm OMPI_MCA_plm_rsh_agent OMPI_MCA_plm_rsh_no_tree_spawn
  unset OMPI_MCA_orte_default_hostfile

  dd if=/dev/urandom of="$folder/munge/key" bs=1024 count=1 status=none
  chmod 400 "$folder/munge/key"
  munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" \
    --pid-file="$folder/munge/pid" --log-file="$folder/munge/log" \
    --seed-file="$folder/munge/seed" || fail 'munged does not start'

  export SLURM_CONF=$folder/slurm.conf
  write_configuration "$nodes" "$cpus" >"$SLURM_CONF"
  slurmctld -c 2>>"$folder/log/start" || fail 'slurmctld does not start'
  for node in $FN_NODES; do
    mkdir "$folder/spool.$node" "$folder/tmp.$node"
    ms slurmd "$node" 2>>"$folder/log/start" || fail "slurmd on $node does not start"
  done
  for ((attempt = 0; ; ++attempt)); do
    if [[ $(sinfo -h -N -t idle -o %n 2>/dev/null | sort -u | wc -l) == "$nodes" ]]; then
      break
    fi
    ((attempt < 300)) || fail "not all nodes are idle after 30 s: $(sinfo -h -N -o '%n %T')"
    sleep 0.1
  done
  exec "$@"
}

run_outside() {
  local nodes=2 cpus=2 option tool
  while getopts n:c: option; do
    case $option in
      n) nodes=$OPTARG ;;
      c) cpus=$OPTARG ;;
      *) exit 97 ;;
    esac
  done
  shift $((OPTIND - 1))
  (($# > 0)) || {
    printf 'minislurm: no command; see the head of %s\n' "$self" >&2
    exit 97
  }
  if (($(id -u) != 0)); then
    printf 'minislurm: skipped, slurmd needs root\n' >&2
    exit 77
  fi
  export PATH=$PATH:/usr/sbin:/sbin
  for tool in munged slurmctld slurmd sbatch; do
    command -v "$tool" >/dev/null || {
      printf 'minislurm: skipped, %s is not installed\n' "$tool" >&2
      exit 77
    }
  done
  exec "$here/fakenodes.sh" -n "$nodes" -s "$cpus" -- \
    bash "$self" --inside "$nodes" "$cpus" "$@"
}

case ${1-} in
  --inside) shift && run_inside "$@" ;;
  *) run_outside "$@" ;;
esac
