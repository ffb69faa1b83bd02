"""INT8 weights by EETQ (github.com/NetEase-FuXi/EETQ), through transformers, which fetches the kernel from the hub."""

from __future__ import annotations

from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.loading import model_of
from wizard.stages.quantising import Job


def make(job: Job) -> dict[str, Any]:
    if job.device != "cuda":
        raise WizardError("quantise-needs-card", exit_code=ExitCode.NO_DEVICE, format=job.bench.order.spec["format"])
    import torch
    from transformers import EetqConfig

    told = EetqConfig(**job.settings)
    model = model_of(job.source, dtype=torch.float16, device_map=job.device, quantization_config=told)
    model.save_pretrained(job.part, max_shard_size="5GB")
    return {}
