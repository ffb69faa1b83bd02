"""A PyTorchJob (kubeflow.org/v1, the training operator): a master and its workers, which are told where they meet."""

from __future__ import annotations

from typing import Any

from wizard.plan.clusters import pods, yaml
from wizard.plan.clusters.job import Job

TRIES = 10
MEET = 'export YCDY_NODE_RANK="$RANK"\nexport YCDY_RENDEZVOUS="$MASTER_ADDR:$MASTER_PORT"\n'


def written(job: Job) -> str:
    """`ExitCode`: what ended with 128 or more, as a stop with a checkpoint does, is started again."""
    replica = {"restartPolicy": "ExitCode", "template": {"spec": pods.pod(job, MEET, "pytorch")}}
    replicas: dict[str, Any] = {"Master": {"replicas": 1, **replica}}
    if job.nodes > 1:
        replicas["Worker"] = {"replicas": job.nodes - 1, **replica}
    made = {
        "apiVersion": "kubeflow.org/v1",
        "kind": "PyTorchJob",
        "metadata": {"name": job.name},
        "spec": {
            "runPolicy": {"backoffLimit": TRIES, "cleanPodPolicy": "None"},
            "pytorchReplicaSpecs": replicas,
        },
    }
    return pods.ABOUT + yaml.written(pods.settings(job)) + "---\n" + yaml.written(made)
