"""LoftQ: the adapter begins with the part of the weights that quantising the base has lost (arXiv:2310.08659).

PEFT's own asks for a CUDA card and leaves the scale of the adapter out; this is its one step, on whatever card or CPU
the layer is. The weights are read one by one, as the whole base would not fit beside the quantised one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError


def make_up(model: Any, adapter: str = "default") -> None:
    """`model`: LoRA on a base in 4 bits, loaded from a local folder. Raises loftq-weights-not-found."""
    import torch
    from peft.tuners.lora import Linear4bit

    folder = Path(model.config.name_or_path)
    files, prefix = index_of(folder), f"{model.get_base_model().base_model_prefix}."
    with torch.no_grad():
        for name, layer in model.named_modules():
            if isinstance(layer, Linear4bit):
                key = f"{name.removeprefix('base_model.model.')}.weight"
                key = key if key in files else key.removeprefix(prefix)
                if key not in files:
                    raise WizardError("loftq-weights-not-found", exit_code=ExitCode.FAILED, name=key, path=str(folder))
                _make_up(layer, tensor(files[key], key), adapter)


def _make_up(layer: Any, whole: Any, adapter: str) -> None:
    """Of what was lost, the best of the adapter's rank, split evenly between its two matrices."""
    import torch
    from bitsandbytes.functional import dequantize_4bit

    weight = layer.get_base_layer().weight
    lost = whole.to(weight.device, torch.float32) - dequantize_4bit(weight.data, weight.quant_state).float()
    left, sizes, right = torch.linalg.svd(lost, full_matrices=False)
    rank, scale = layer.r[adapter], layer.scaling[adapter]
    root = (sizes[:rank] / scale).sqrt()
    first, second = layer.lora_A[adapter].weight, layer.lora_B[adapter].weight
    first.copy_(root[:, None] * right[:rank])
    second.copy_(left[:, :rank] * root)


def index_of(folder: Path) -> dict[str, Path]:
    """Each weight's file."""
    from safetensors import safe_open

    index = folder / "model.safetensors.index.json"
    if index.is_file():
        return {name: folder / file for name, file in json.loads(index.read_text("utf-8"))["weight_map"].items()}
    with safe_open(folder / "model.safetensors", "pt") as file:
        return dict.fromkeys(file.keys(), folder / "model.safetensors")


def tensor(path: Path, key: str) -> Any:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return file.get_tensor(key)
