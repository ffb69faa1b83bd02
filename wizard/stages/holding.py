"""How a method's base is held: whole, quantised as it is loaded, or as its folder says it was quantised before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json

BEFORE = ("gptq", "awq")  # these are made from data, by other programs; the rest is made of a whole model here
MADE = ("nf4", "nf4-dq", "int8", "hqq")
TRAINABLE = "auto_trainable"


def quantisation(base: str, dtype: Any, folder: Path) -> Any:
    """transformers' configuration for loading `folder`; None where nothing is quantised, or not by transformers.

    Raises base-held-otherwise. https://huggingface.co/docs/transformers/main/en/quantization/overview
    """
    found = held_in(folder)
    if not suits(base, found):
        raise WizardError("base-held-otherwise", exit_code=ExitCode.FAILED, wanted=base, found=found or "whole")
    made = MAKERS.get(base)
    return made(dtype) if made else None


def suits(base: str, found: str) -> bool:
    """A base that stays as its folder holds it may be of any kind that has no method of its own."""
    return found == base if base in BEFORE else not found if base in MADE else found not in BEFORE


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


def gptq(dtype: Any) -> Any:
    """The folder says the rest; of GPTQModel's kernels those that have a backward."""
    from transformers import GPTQConfig

    return GPTQConfig(bits=4, backend=TRAINABLE)


def awq(dtype: Any) -> Any:
    from transformers import AwqConfig

    return AwqConfig(bits=4, backend=TRAINABLE)


def computed_in(model: Any, dtype: Any) -> None:
    """What is not packed: on a card transformers makes it fp16 beside AWQ, whatever is asked for."""
    for weight in model.parameters():
        if weight.is_floating_point():
            weight.data = weight.data.to(dtype)


MAKERS = {
    "nf4": nf4, "nf4-dq": lambda dtype: nf4(dtype, double=True), "int8": int8, "gptq": gptq, "awq": awq,
}  # fmt: skip
