#!/bin/bash
# check_slurm.sh PROGRAM: runs a small sweep on a real Slurm of one node, which it starts and ends, and holds it
# against the same sweep without Slurm. Needs root (the daemons do); installs slurm-wlm and munge if they are missing.
set -u
program=$(realpath "$1")
cd "$(dirname "$0")/.." || exit 1
sweep=$PWD/configs/sweeps/demo.yaml
export TILESIM_CONFIGS=$PWD/configs
D=$(mktemp -d /tmp/tilesim-slurm-XXXXXX)
munge_started=""

fail() {
    echo "check-slurm: $1" >&2
    for log in "$D"/log/*.log "$D"/*.log; do
        [ -s "$log" ] && { echo "--- $log" >&2; tail -n 15 "$log" >&2; }
    done
    exit 1
}

# Only what was started here is ended, munged last: the others sign their last messages with it.
end_daemon() { # PIDFILE
    local pid
    pid=$(cat "$1" 2>/dev/null) || return
    kill "$pid" 2>/dev/null
    for _ in $(seq 100); do
        kill -0 "$pid" 2>/dev/null || return
        sleep 0.1
    done
    kill -9 "$pid" 2>/dev/null
}
tear_down() {
    local status=$?
    trap - EXIT INT TERM
    end_daemon "$D/slurmd.pid"
    end_daemon "$D/slurmctld.pid"
    [ -n "$munge_started" ] && end_daemon "$D/munged.pid"
    rm -rf "$D"
    exit $status
}
trap tear_down EXIT INT TERM

if [ "$(id -u)" -ne 0 ]; then
    echo "check-slurm: slurmctld and slurmd need root here; run as root" >&2
    exit 1
fi
if ! { command -v slurmctld && command -v slurmd && command -v sbatch && command -v munged; } >/dev/null; then
    echo "check-slurm: installing slurm-wlm munge"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -q && apt-get install -q -y --no-install-recommends slurm-wlm munge; } >"$D/apt.log" 2>&1 ||
        fail "apt-get failed"
fi

mkdir -p "$D/state" "$D/spool" "$D/log"
chmod 755 "$D" # munged wants every folder above its socket to be closed to others' writing
node=$(hostname -s)
cores=$(nproc)
[ "$cores" -gt 2 ] && cores=2
export SLURM_CONF=$D/slurm.conf # absolute: the daemons change to /
cat >"$SLURM_CONF" <<EOF
ClusterName=tilesim
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=16817
SlurmdPort=16818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
StateSaveLocation=$D/state
SlurmdSpoolDir=$D/spool
SlurmctldPidFile=$D/slurmctld.pid
SlurmdPidFile=$D/slurmd.pid
SlurmctldLogFile=$D/log/slurmctld.log
SlurmdLogFile=$D/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=10000,batch_sched_delay=0,sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
NodeName=$node NodeAddr=127.0.0.1 CPUs=$cores Sockets=1 CoresPerSocket=$cores ThreadsPerCore=1 RealMemory=1000 State=UNKNOWN
PartitionName=sweep Nodes=$node Default=YES MaxTime=INFINITE State=UP
EOF

if ! munge -n >/dev/null 2>&1; then # one that runs is used
    install -d -o munge -g munge -m 0755 /run/munge
    runuser -u munge -- /usr/sbin/munged || fail "munged did not start"
    cp /run/munge/munged.pid "$D/munged.pid"
    munge_started=yes
fi
slurmctld -f "$SLURM_CONF" || fail "slurmctld did not start"
slurmd -f "$SLURM_CONF" || fail "slurmd did not start"
for _ in $(seq 100); do
    sinfo -h -o %t 2>/dev/null | grep -q idle && break
    sleep 0.2
done
sinfo -h -o %t 2>/dev/null | grep -q idle || fail "the node does not become idle"

cd "$D" || exit 1
"$program" sweep "$sweep" --db demo.db --slurm 2 --jobs 1 >job.sh || fail "no script was printed"
timeout 120 sbatch --wait job.sh >sbatch.log 2>&1 || fail "the array failed"
[ "$(ls demo.shard-*-of-2.db | wc -l)" -eq 2 ] || fail "not two databases"
eval "$program $(sed -n 's/^#     tilesim //p' job.sh) --csv slurm.csv" >slurm.txt || fail "the shards were not joined"

"$program" sweep --quiet "$sweep" --db whole.db || fail "the sweep without Slurm failed"
"$program" report whole.db --csv whole.csv >whole.txt || fail "the sweep without Slurm cannot be read"
without_run() { # run_seconds, run_peak_rss_bytes, finished
    sed 's/,[^,]*,[^,]*,[^,]*\(,[0-9a-f]\{32\}\r\)$/\1/' "$1"
}
cmp <(without_run slurm.csv) <(without_run whole.csv) || fail "the results differ"
cmp slurm.txt whole.txt || fail "the tables differ"
echo "check-slurm: $(head -n 1 whole.txt), on Slurm $(sinfo --version | cut -d' ' -f2) in two shards: equal to a run without it"
