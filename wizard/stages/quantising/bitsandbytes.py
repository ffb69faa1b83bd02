"""NF4 and INT8 by bitsandbytes (QLoRA, arXiv:2305.14314; LLM.int8(), arXiv:2208.07339), through transformers."""

from __future__ import annotations

from typing import Any

from wizard.stages.loading import model_of
from wizard.stages.quantising import Job


def make(job: Job) -> dict[str, Any]:
    import torch
    from transformers import BitsAndBytesConfig

    settings = dict(job.settings)
    if settings.get("load_in_4bit"):
        settings["bnb_4bit_compute_dtype"] = job.dtype
    told = BitsAndBytesConfig(**settings)
    model = model_of(job.source, dtype=torch.bfloat16, device_map=job.device, quantization_config=told)
    model.save_pretrained(job.part, max_shard_size="5GB")
    return {}
