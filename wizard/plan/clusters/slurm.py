"""A batch script for sbatch (slurm.schedmd.com/sbatch.html): one task a machine, back in the queue when preempted."""

from __future__ import annotations

from wizard.plan.clusters.job import Job
from wizard.plan.clusters.node import SCRIPT, STOPPED

GRACE_SECONDS = 300  # between the warning and the end: a checkpoint is written in it
PORT = 29400


def written(job: Job) -> str:
    cards = [f"#SBATCH --gpus-per-node={job.cards}"] if job.cards else []
    head = [
        "#!/usr/bin/env bash",
        f"#SBATCH --job-name={job.name}",
        f"#SBATCH --nodes={job.nodes}",
        "#SBATCH --ntasks-per-node=1",
        *cards,
        f"#SBATCH --cpus-per-task={job.cpus}",
        f"#SBATCH --mem={job.ram_gib}G",
        f"#SBATCH --time={job.minutes // 60:02d}:{job.minutes % 60:02d}:00",
        "#SBATCH --requeue",
        "#SBATCH --open-mode=append",
        f"#SBATCH --signal=B:TERM@{GRACE_SECONDS}",
        "#SBATCH --output=%x-%j.log",
    ]
    return "\n".join([*head, BODY % {"toml": job.toml, "node": SCRIPT, "port": PORT, "stopped": STOPPED}])


BODY = """\
# sbatch THIS_FILE. Where things lie: YCDY_SCRIPT and YCDY_JOB_HOME, on a disk that all machines see.
# Tokens of hubs are taken from the environment that sbatch was called in (HF_TOKEN, MODELSCOPE_API_TOKEN).
set -u
export YCDY_SCRIPT="${YCDY_SCRIPT:-$HOME/yichuidingyin/yichuidingyin.sh}"
export YCDY_JOB_HOME="${YCDY_JOB_HOME:-$HOME/yichuidingyin-jobs/$SLURM_JOB_NAME}"
export YCDY_RUN_FILE="$YCDY_JOB_HOME/run.toml"
export YCDY_NODE_FILE="$YCDY_JOB_HOME/node.sh"
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export YCDY_RENDEZVOUS="$first:${YCDY_PORT:-%(port)d}"
mkdir -p "$YCDY_JOB_HOME"
cat >"$YCDY_RUN_FILE" <<'END_OF_RUN'
%(toml)s
END_OF_RUN
cat >"$YCDY_NODE_FILE" <<'END_OF_NODE'
%(node)sEND_OF_NODE

stopping=
# shellcheck disable=SC2317,SC2329  # called by the trap
on_term() { # preemption, scancel, or the end of the time: hand it on to the machines, and wait for them
  stopping=1
  scancel --signal=TERM "$SLURM_JOB_ID"
}
trap on_term TERM
# shellcheck disable=SC2016  # each machine has a number of its own
srun --kill-on-bad-exit=0 bash -c 'YCDY_NODE_RANK=$SLURM_NODEID exec bash "$YCDY_NODE_FILE"' &
step=$!
wait "$step"
code=$?
while [ "$code" -gt 128 ] && kill -0 "$step" 2>/dev/null; do
  wait "$step"
  code=$?
done
if [ "$code" = %(stopped)d ] && [ -n "$stopping" ]; then
  scontrol requeue "$SLURM_JOB_ID" # it goes on from the checkpoint
fi
exit "$code"
"""
