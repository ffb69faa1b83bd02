"""A program for `ray job submit` (docs.ray.io): a task holds each machine, and is tried again where one is lost."""

from __future__ import annotations

from wizard.plan.clusters.job import Job
from wizard.plan.clusters.node import SCRIPT

TRIES = 10
PORT = 29400


def written(job: Job) -> str:
    facts = {"name": job.name, "nodes": job.nodes, "cards": job.cards, "cpus": job.cpus}
    told = {**facts, "port": PORT, "tries": TRIES, "toml": job.toml, "script": SCRIPT}
    return PROGRAM % {name: repr(value) for name, value in told.items()}


PROGRAM = '''\
"""ray job submit --working-dir . -- python THIS_FILE. Where things lie on each machine: YCDY_SCRIPT and YCDY_JOB_HOME.

Tokens of hubs are taken from the machines' own environment (HF_TOKEN, MODELSCOPE_API_TOKEN).
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

NAME, NODES, CARDS, CPUS, PORT, TRIES = %(name)s, %(nodes)s, %(cards)s, %(cpus)s, %(port)s, %(tries)s
RUN = %(toml)s
NODE = %(script)s
HOME = os.environ.get("YCDY_JOB_HOME", os.path.expanduser(f"~/yichuidingyin-jobs/{NAME}"))
SCRIPT = os.environ.get("YCDY_SCRIPT", os.path.expanduser("~/yichuidingyin/yichuidingyin.sh"))


@ray.remote(num_cpus=CPUS, num_gpus=CARDS)
def address():
    return ray.util.get_node_ip_address()


@ray.remote(num_cpus=CPUS, num_gpus=CARDS, max_retries=TRIES)
def node(rank, rendezvous):
    """The machine's own lines; a wish to stop is handed on, and waited for."""
    home = Path(HOME)
    home.mkdir(parents=True, exist_ok=True)
    told = {"YCDY_SCRIPT": SCRIPT, "YCDY_JOB_HOME": HOME, "YCDY_RUN_FILE": str(home / f"run-{rank}.toml")}
    told |= {"YCDY_NODE_RANK": str(rank), "YCDY_RENDEZVOUS": rendezvous}
    Path(told["YCDY_RUN_FILE"]).write_text(RUN, encoding="utf-8")
    process = subprocess.Popen(["bash", "-c", NODE], env={**os.environ, **told})
    try:
        return process.wait()
    except KeyboardInterrupt:  # how ray cancels a task
        process.send_signal(signal.SIGTERM)
        return process.wait()


def main():
    ray.init()
    group = placement_group([{"CPU": CPUS, **({"GPU": CARDS} if CARDS else {})}] * NODES, strategy="STRICT_SPREAD")
    ray.get(group.ready())

    def placed(task, rank):
        place = PlacementGroupSchedulingStrategy(placement_group=group, placement_group_bundle_index=rank)
        return task.options(scheduling_strategy=place)

    rendezvous = f"{ray.get(placed(address, 0).remote())}:{PORT}"
    tasks = [placed(node, rank).remote(rank, rendezvous) for rank in range(NODES)]
    signal.signal(signal.SIGTERM, lambda *_: [ray.cancel(task) for task in tasks])
    return max(ray.get(tasks))


if __name__ == "__main__":
    sys.exit(main())
'''
