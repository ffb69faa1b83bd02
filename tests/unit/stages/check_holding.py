"""Run by the forge: how a base is held, as transformers' own configurations: `check_holding.py FOLDER`, told.json."""

import json
import sys
import types
from pathlib import Path
from typing import get_args, get_type_hints

import torch
from transformers.quantizers.auto import AutoQuantizationConfig
from transformers.utils import quantization_config as library

from wizard.contract.catalogue import Method
from wizard.errors import WizardError
from wizard.stages.holding import quantisation

KINDS = {
    "whole": None,
    "gptq": {"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True},
    "awq": {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm"},
    "fp8": {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [128, 128]},
    "mxfp4": {"quant_method": "mxfp4"},
}


def hold_hqq() -> None:
    """hqq has no wheel: only the class that transformers' configuration asks for stands in."""
    core = types.ModuleType("hqq.core.quantize")
    core.BaseQuantizeConfig = lambda **told: told
    sys.modules |= {"hqq": types.ModuleType("hqq"), "hqq.core": types.ModuleType("hqq.core"), core.__name__: core}
    library.is_hqq_available = lambda: True


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


def main(place: Path) -> None:
    hold_hqq()
    folders = {kind: folder_of(place, kind) for kind in KINDS}
    bases = [base for base in get_args(get_type_hints(Method)["base"]) if base != "fp8"]
    told = {base: {kind: held(base, folder) for kind, folder in folders.items()} for base in bases}
    told["folders"] = {kind: type(AutoQuantizationConfig.from_dict(KINDS[kind])).__name__ for kind in ("gptq", "awq")}
    told["double"] = quantisation("nf4-dq", torch.bfloat16, folders["whole"]).bnb_4bit_use_double_quant
    told["hqq-bits"] = quantisation("hqq", torch.bfloat16, folders["whole"]).quant_config
    (place / "told.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
