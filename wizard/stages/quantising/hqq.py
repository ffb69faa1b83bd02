"""Half-quadratic quantisation (mobiusml.github.io/hqq_blog): 4 bits without data, by the hqq package; its weights are
kept as safetensors, where the package itself would pickle them. transformers 5.23 reads no HQQ: `opened` does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wizard.stages.loading import config_of, model_of
from wizard.stages.quantising import Job
from wizard.stages.quantising.groups import HEADS, group_of

METHOD = "hqq"


def make(job: Job) -> dict[str, Any]:
    group = group_of(job.source, job.settings["groups"], job.bench.order.spec["format"])
    import torch
    from safetensors.torch import save_file

    model = model_of(job.source, dtype=torch.bfloat16, device_map=job.device)
    pack(model, group, torch.bfloat16, job.device, int(job.settings["bits"]), int(job.settings["axis"]))
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        weights.pop("lm_head.weight", None)
    save_file(weights, job.part / "model.safetensors", {"format": "pt"})
    told = {"quant_method": METHOD, "bits": job.settings["bits"], "group_size": group, "axis": job.settings["axis"]}
    plain = model.config.to_diff_dict() | {"architectures": [type(model).__name__], "quantization_config": told}
    (job.part / "config.json").write_text(json.dumps(plain, indent=2, default=str), encoding="utf-8")
    return {"group": group}


def pack(model: Any, group: int, number: Any, device: str, bits: int = 4, axis: int = 1) -> None:
    """Its linear layers, one after another; `number`: that their products are computed in."""
    from hqq.core.quantize import BaseQuantizeConfig, HQQLinear

    config = BaseQuantizeConfig(nbits=bits, group_size=group, axis=axis)
    for name, linear in linears(model):
        model.set_submodule(name, HQQLinear(linear, config, compute_dtype=number, device=device))


def linears(model: Any) -> list[tuple[str, Any]]:
    import torch

    found = [(name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    return [(name, module) for name, module in found if not any(head in name for head in HEADS)]


def opened(folder: Path, dtype: Any = "auto", device_map: str = "cpu") -> Any:
    """As it was written, with its layers' own arithmetic."""
    import torch
    from accelerate import init_empty_weights
    from hqq.core.quantize import HQQLinear
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM

    config = config_of(folder)
    del config.quantization_config
    number = (config.dtype or torch.float32) if dtype == "auto" else getattr(torch, str(dtype).removeprefix("torch."))
    with init_empty_weights(include_buffers=False):
        model = AutoModelForCausalLM.from_config(config, dtype=number)
    weights = load_file(folder / "model.safetensors", device=device_map)
    for name in [key.removesuffix(".W_q") for key in weights if key.endswith(".W_q")]:
        model.set_submodule(name, HQQLinear(None, None, compute_dtype=number, device=device_map, initialize=False))
    model.load_state_dict(weights, strict=False, assign=True)
    model.tie_weights()
    return computed_in(model, number).to(device_map)


def computed_in(model: Any, number: Any) -> Any:
    """What is not packed, as this number: it may be another than was written."""
    for module in model.modules():
        for name, tensor in getattr(module, "meta", {}).items():
            if name in ("scale", "zero"):
                module.meta[name] = tensor.to(number)
    for weight in model.parameters():
        if weight.is_floating_point():
            weight.data = weight.data.to(number)
    return model
