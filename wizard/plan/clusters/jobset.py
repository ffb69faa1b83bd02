"""A JobSet (jobset.sigs.k8s.io, v1alpha2): an indexed job with a pod a machine, whose hosts have names of their own."""

from __future__ import annotations

from wizard.plan.clusters import pods, yaml
from wizard.plan.clusters.job import Job
from wizard.plan.clusters.node import STOPPED

TRIES = 10


def written(job: Job) -> str:
    meet = (
        "export YCDY_NODE_RANK=$JOB_COMPLETION_INDEX\n"
        f"export YCDY_RENDEZVOUS={job.name}-node-0-0.{job.name}:{pods.PORT}\n"
    )
    ignored = [  # an eviction, or a stop with a checkpoint, is no failure: the pod is made anew and goes on
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "Ignore", "onExitCodes": {"containerName": "train", "operator": "In", "values": [STOPPED]}},
    ]
    node = {
        "name": "node",
        "replicas": 1,
        "template": {
            "spec": {
                "completionMode": "Indexed",
                "completions": job.nodes,
                "parallelism": job.nodes,
                "backoffLimit": 0,
                "podFailurePolicy": {"rules": ignored},
                "template": {"spec": pods.pod(job, meet, "train", "Never")},
            }
        },
    }
    jobset = {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": {"name": job.name},
        "spec": {
            "network": {"enableDNSHostnames": True},
            "failurePolicy": {"maxRestarts": TRIES},
            "replicatedJobs": [node],
        },
    }
    return pods.ABOUT + yaml.written(pods.settings(job)) + "---\n" + yaml.written(jobset)
