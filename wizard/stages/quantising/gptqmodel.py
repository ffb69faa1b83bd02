"""GPTQ (arXiv:2210.17323) and AWQ (arXiv:2306.00978) by GPTQModel, layer after layer."""

from __future__ import annotations

import os
from typing import Any

from wizard.stages.quantising import Job
from wizard.stages.quantising.groups import group_of

LEAST_WORKERS = 2  # GPTQModel 7.7 refuses to start with one, which is all it takes on a machine of two cores


def make(job: Job) -> dict[str, Any]:
    """`group`: weights that share a scale, the largest that divides the layers' sizes."""
    group = group_of(job.source, job.settings["groups"], job.bench.order.spec["format"])
    allow_few_cores()
    from gptqmodel import GPTQModel
    from gptqmodel.quantization.config import AWQConfig, GPTQConfig

    kind = AWQConfig if job.settings["method"] == "awq" else GPTQConfig
    config = kind(
        bits=int(job.settings["bits"]),
        group_size=group,
        device=job.device,
        offload_to_disk_path=str(job.bench.folder / "offloaded"),
        **job.settings.get("more", {}),
    )
    model = GPTQModel.load(str(job.source), config)
    rows = [{"input_ids": list(row), "attention_mask": [1] * len(row)} for row in job.rows]
    model.quantize(rows, batch_size=1, calibration_data_min_length=1)
    model.save(str(job.part))
    return {"group": group}


def allow_few_cores() -> None:
    """Before the library is imported, to write with it or to read what it wrote."""
    os.environ.setdefault("GPTQMODEL_CPU_WORKERS", str(max(LEAST_WORKERS, (os.cpu_count() or 1) - 1)))
