"""How a model is held while it is compared, and how far two of them are apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def held_as(spec: Mapping[str, Any]) -> Any:
    """In fp32 it answers faster, in bf16 it takes half of the memory; both are computed in fp32."""
    import torch

    return getattr(torch, {2: "bfloat16", 4: "float32"}[int(spec.get("weight_bytes", 4))])


def halved(model: Any) -> Any:
    """Its weights in bf16, as they are saved; what it works out for itself, such as rotary frequencies, as it is."""
    import torch

    for weight in model.parameters():
        weight.data = weight.data.to(torch.bfloat16)
    return model


def furthest(ones: Sequence[Any], others: Sequence[Any]) -> float:
    """Between two numbers at the same place of the same tensor; 0 of none."""
    return max((float((one - other).abs().max()) for one, other in zip(ones, others, strict=True)), default=0.0)
