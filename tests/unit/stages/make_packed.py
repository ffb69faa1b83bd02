"""Writes a tiny model as GPTQ or AWQ keeps it, rounded to the nearest: `python make_packed.py FOLDER MODEL KIND`.

What the two libraries write, without the data and the minutes that they take: 4 bits in groups that share a scale."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

GROUP, WORD, ZERO = 32, 8, 8  # numbers to a scale, to an int32, and the one that stands for nothing
ORDER = {"gptq": range(WORD), "awq": (0, 2, 4, 6, 1, 3, 5, 7)}  # of the numbers in a word, the lowest bits first
TOLD: dict[str, dict[str, Any]] = {
    "gptq": {"bits": 4, "group_size": GROUP, "desc_act": False, "sym": True, "checkpoint_format": "gptq"},
    "awq": {"bits": 4, "group_size": GROUP, "zero_point": True, "version": "gemm"},
}


def words(numbers: Any, kind: str) -> Any:
    """Eight neighbours of the last side in one int32."""
    each = numbers.reshape(*numbers.shape[:-1], -1, WORD).to(torch.int64)
    packed = sum(each[..., place] << 4 * shift for shift, place in enumerate(ORDER[kind]))
    return torch.where(packed >= 1 << 31, packed - (1 << 32), packed).to(torch.int32)


def packed(weight: Any, kind: str) -> dict[str, Any]:
    """(out, in) of a linear layer; GPTQ's first format keeps zeros less one, and packs along what is read."""
    into = weight.float().T
    groups = into.reshape(-1, GROUP, into.shape[1])
    scales = (groups.abs().amax(1) / (ZERO - 1)).half()
    numbers = ((groups / scales[:, None].float()).round() + ZERO).clamp(0, 15).reshape(into.shape)
    zeros = torch.full(scales.shape, ZERO - (kind == "gptq"))
    found = {"scales": scales, "qzeros": words(zeros, kind)}
    if kind == "awq":
        return {**found, "qweight": words(numbers, kind)}
    order = torch.arange(into.shape[0], dtype=torch.int32) // GROUP
    return {**found, "qweight": words(numbers.T, kind).T, "g_idx": order}


def main(folder: Path, model: Path, kind: str) -> None:
    shutil.copytree(model, folder)
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": kind, **TOLD[kind]}
    (folder / "config.json").write_text(json.dumps(config))
    weights: dict[str, Any] = {}
    for name, weight in load_file(folder / "model.safetensors").items():
        if "_proj." in name:
            layer = name.removesuffix("weight")
            weights |= {layer + part: told.contiguous() for part, told in packed(weight, kind).items()}
        else:
            weights[name] = weight.half()
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
