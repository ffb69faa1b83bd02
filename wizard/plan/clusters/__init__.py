"""The same plan written for a cluster's scheduler: `export RUN --as slurm|jobset|pytorchjob|ray`.

Every one of them starts the same lines (node.py) once on each machine; they differ in how a machine learns which of
them it is, and in how a job that was stopped comes back. No secret is in them: tokens come from where they run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wizard.plan.clusters import jobset, pytorchjob, ray, slurm
from wizard.plan.clusters.job import Job, job_of

FORMS: Mapping[str, Callable[[Job], str]] = {
    "slurm": slurm.written,
    "jobset": jobset.written,
    "pytorchjob": pytorchjob.written,
    "ray": ray.written,
}

__all__ = ["FORMS", "Job", "job_of"]
