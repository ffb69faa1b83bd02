"""How a method's base is held: whole, quantised as it is loaded, or as its folder says it was quantised before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json

BEFORE = ("gptq", "awq")  # these are made from data, by other programs; the rest is made of a whole model in loading


def quantisation(base: str, dtype: Any, folder: Path) -> Any:
    """transformers' configuration for loading `folder`; None where the folder tells itself, or nothing is quantised.

    Raises base-held-otherwise. https://huggingface.co/docs/transformers/main/en/quantization/overview
    """
    found = held_in(folder)
    if not suits(base, found):
        raise WizardError("base-held-otherwise", exit_code=ExitCode.FAILED, wanted=base, found=found or "whole")
    made = MAKERS.get(base)
    return made(dtype) if made else None


def suits(base: str, found: str) -> bool:
    """A base that stays as its folder holds it may be of any kind that has no method of its own."""
    return found == base if base in BEFORE else not found if base in MAKERS else found not in BEFORE


def held_in(folder: Path) -> str:
    """The kind of quantisation that the folder's config.json names. Empty: none, or one that is undone in loading."""
    told = read_json(folder / "config.json").get("quantization_config") or {}
    kind = str(told.get("quant_method") or ("bitsandbytes" if told else "")).lower()
    return "" if kind == "mxfp4" else kind


def nf4(dtype: Any, *, double: bool = False) -> Any:
    """4-bit normal floats (arXiv:2305.14314); `double`: their scales are quantised too."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=dtype,
    )


def int8(dtype: Any) -> Any:
    """LLM.int8() (arXiv:2208.07339)."""
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(load_in_8bit=True)


def hqq(dtype: Any) -> Any:
    """Half-quadratic quantisation (mobiusml.github.io/hqq_blog): 4 bits in groups of 64, without data."""
    from transformers import HqqConfig

    return HqqConfig(nbits=4, group_size=64)


def eetq(dtype: Any) -> Any:
    """8-bit weights with a scale for each output; its kernels are CUDA's."""
    from transformers import EetqConfig

    return EetqConfig("int8")


MAKERS = {"nf4": nf4, "nf4-dq": lambda dtype: nf4(dtype, double=True), "int8": int8, "hqq": hqq, "eetq": eetq}
