"""Run by the forge: how a base is held, as transformers' own configurations: `check_holding.py FOLDER`, told.json."""

import json
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import torch
from transformers.quantizers.auto import AutoHfQuantizer

from wizard.contract.catalogue import Method
from wizard.errors import WizardError
from wizard.stages.holding import quantisation

KINDS = {
    "whole": None,
    "gptq": {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": False, "sym": True},
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True, "version": "gemm"},
    "fp8": {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]},
    "mxfp4": {"quant_method": "mxfp4"},
}


def folder_of(place: Path, kind: str) -> Path:
    folder = place / kind
    folder.mkdir()
    told = {"model_type": "llama", **({"quantization_config": KINDS[kind]} if KINDS[kind] else {})}
    (folder / "config.json").write_text(json.dumps(told))
    return folder


def held(base: str, folder: Path) -> object:
    try:
        made = quantisation(base, torch.bfloat16, folder)
    except WizardError as error:
        return error.problem.code
    return type(made).__name__ if made else None


def as_loaded(kind: str, folder: Path) -> dict[str, object]:
    """What transformers makes of the folder's own words and of ours."""
    made = AutoHfQuantizer.merge_quantization_configs(dict(KINDS[kind]), quantisation(kind, torch.bfloat16, folder))
    return {
        "kind": type(made).__name__,
        "group_size": made.group_size,
        "backend": str(getattr(made.backend, "value", made.backend)),
    }


def main(place: Path) -> None:
    folders = {kind: folder_of(place, kind) for kind in KINDS}
    bases = [base for base in get_args(get_type_hints(Method)["base"]) if base != "fp8"]
    told = {base: {kind: held(base, folder) for kind, folder in folders.items()} for base in bases}
    told["merged"] = {kind: as_loaded(kind, folders[kind]) for kind in ("gptq", "awq")}
    told["double"] = quantisation("nf4-dq", torch.bfloat16, folders["whole"]).bnb_4bit_use_double_quant
    (place / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
