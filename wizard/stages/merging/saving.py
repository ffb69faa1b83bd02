"""The model that is served, written in bf16: whole or not there, since the next stage trusts what it finds."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

SHARD = "5GB"  # what is written at once waits in RAM


def save(model: Any, tokenizer: Any, part: Path) -> Path:
    write(model, part)
    tokenizer.save_pretrained(part)
    return part


def write(model: Any, part: Path) -> Path:
    """Weights and configurations."""
    import torch

    shutil.rmtree(part, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(part, max_shard_size=SHARD)
    return part


def in_place(part: Path, merged: Path) -> Path:
    shutil.rmtree(merged, ignore_errors=True)
    return part.rename(merged)
