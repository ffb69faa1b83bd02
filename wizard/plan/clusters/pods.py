"""What the Kubernetes forms have in common: the run as a ConfigMap, and the container that works on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.plan.clusters.job import Job
from wizard.plan.clusters.node import SCRIPT

IMAGE = "ubuntu:24.04"  # any with bash, Python and curl: the program brings the rest
CLAIM, SECRET = "yichuidingyin", "yichuidingyin-tokens"
PORT = 29400
GRACE_SECONDS = 300
ABOUT = f"""\
# kubectl apply -f THIS_FILE. Wanted beside it, and yours to name otherwise here:
# - the volume claim `{CLAIM}` (ReadWriteMany where there are several machines): in it the program as
#   yichuidingyin/yichuidingyin.sh, your data where the run below looks for them, and all that is made;
# - if a hub wants a token, the secret `{SECRET}` with HF_TOKEN or MODELSCOPE_API_TOKEN. No secret is in this file.
"""


def settings(job: Job) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": job.name},
        "data": {"run.toml": job.toml, "node.sh": SCRIPT},
    }


def pod(job: Job, command: str, container: str, restart: str = "") -> dict[str, Any]:
    """`command`: lines of bash that come before the machine's own: which of them it is, and where they meet."""
    variables: Mapping[str, str] = {
        "YCDY_SCRIPT": "/work/yichuidingyin/yichuidingyin.sh",
        "YCDY_JOB_HOME": f"/work/jobs/{job.name}",
        "YCDY_RUN_FILE": "/job/run.toml",
    }
    wanted = {"cpu": str(job.cpus), "memory": f"{job.ram_gib}Gi"}
    wanted |= {"nvidia.com/gpu": str(job.cards)} if job.cards else {}
    return {
        **({"restartPolicy": restart} if restart else {}),
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "containers": [
            {
                "name": container,
                "image": IMAGE,
                "command": ["bash", "-c", f"{command}exec bash /job/node.sh"],
                "env": [{"name": name, "value": value} for name, value in variables.items()],
                "envFrom": [{"secretRef": {"name": SECRET, "optional": True}}],
                "ports": [{"name": "rendezvous", "containerPort": PORT}],
                "resources": {"requests": wanted, "limits": wanted},
                "volumeMounts": [
                    {"name": "work", "mountPath": "/work"},
                    {"name": "job", "mountPath": "/job"},
                    {"name": "shared-memory", "mountPath": "/dev/shm"},
                ],
            }
        ],
        "volumes": [
            {"name": "work", "persistentVolumeClaim": {"claimName": CLAIM}},
            {"name": "job", "configMap": {"name": job.name}},
            {"name": "shared-memory", "emptyDir": {"medium": "Memory"}},
        ],
    }
