"""FP8 and INT8 by llm-compressor (github.com/vllm-project/llm-compressor), written as compressed-tensors: what vLLM
reads. FP8 needs no rows; INT8 first moves outliers from activations into weights (SmoothQuant, arXiv:2211.10438)."""

from __future__ import annotations

from typing import Any

from wizard.stages.loading import model_of
from wizard.stages.quantising import Job
from wizard.stages.quantising.groups import hold_blocks

HEAD = ["lm_head"]


def make(job: Job) -> dict[str, Any]:
    if block := job.settings.get("block"):
        hold_blocks(job.source, int(block), job.bench.order.spec["format"])
    import torch
    from llmcompressor import oneshot
    from llmcompressor.modifiers.quantization import QuantizationModifier
    from llmcompressor.modifiers.transform.smoothquant import SmoothQuantModifier

    model = model_of(job.source, dtype=job.dtype, device_map=job.device)
    recipe: list[Any] = [QuantizationModifier(targets=["Linear"], scheme=job.settings["scheme"], ignore=HEAD)]
    if strength := job.settings.get("smoothing"):
        recipe.insert(0, SmoothQuantModifier(smoothing_strength=float(strength)))
    oneshot(model=model, recipe=recipe, **calibration(job))
    model.to(torch.bfloat16).save_pretrained(job.part, save_compressed=True, max_shard_size="5GB")
    return {}


def calibration(job: Job) -> dict[str, Any]:
    """The model lies whole where it is computed, so rows go through all of it at once (`basic`), not layer after layer:
    nothing that SmoothQuant measures depends on layers that are quantised already."""
    if not job.rows:
        return {}
    from datasets import Dataset

    rows = Dataset.from_dict({"input_ids": job.rows, "attention_mask": [[1] * len(row) for row in job.rows]})
    longest = max(len(row) for row in job.rows)
    told = {"pipeline": "basic", "shuffle_calibration_samples": False}
    return {"dataset": rows, **told, "max_seq_length": longest, "num_calibration_samples": len(job.rows)}
