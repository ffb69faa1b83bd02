"""What each machine of a job does: begin the run or go on with it, and stop it with a checkpoint when asked to."""

from __future__ import annotations

STOPPED = 143  # as a program that SIGTERM ended: the scheduler may start it again, and it goes on

SCRIPT = """\
# YCDY_SCRIPT: the program; YCDY_JOB_HOME: a folder that outlives the job, on a disk that it comes back to.
# YCDY_NODE_RANK, YCDY_RENDEZVOUS: which of the machines this is, and where they meet.
set -u
export YCDY_HOME="$YCDY_JOB_HOME/node-$YCDY_NODE_RANK"
mkdir -p "$YCDY_HOME"
asked=
# shellcheck disable=SC2317,SC2329  # called by the trap
stop() {
  asked=1
  bash "$YCDY_SCRIPT" stop --all --json >&2 || true
}
trap stop TERM INT
bash "$YCDY_SCRIPT" run "$YCDY_RUN_FILE" --yes --json &
pid=$!
wait "$pid"
code=$?
while [ "$code" -gt 128 ] && kill -0 "$pid" 2>/dev/null; do # a signal ends a wait, not what was waited for
  wait "$pid"
  code=$?
done
[ -z "$asked" ] || exit 143
exit "$code"
"""
