"""A checkpoint whose weights are quantised already: its config's `quantization_config`, as a base of the law."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.errors import WizardError
from wizard.fit.reading.keys import text_of
from wizard.fit.reading.numbers import shown

PACKED = {"gptq", "awq", "auto-round"}  # whole numbers in groups that share a scale
FLOATS = {"fp8", "fbgemm_fp8"}
UNPACKED = {"mxfp4"}  # transformers turns it into bf16 to train it, and without its kernels
BY_BITS = {(4, "int"): "int4", (8, "int"): "int8", (8, "float"): "fp8"}


def held_in(config: Mapping[str, Any]) -> str:
    """Empty where the weights are plain numbers. Raises config-unread-quantised."""
    told = config.get("quantization_config") or text_of(config).get("quantization_config")
    if not told:
        return ""
    found = _base(told) if isinstance(told, Mapping) else None
    if found is None:
        raise WizardError("config-unread-quantised", found=shown(told))
    return found


def _base(told: Mapping[str, Any]) -> str | None:
    method = str(told.get("quant_method") or "bitsandbytes").lower()
    if method in UNPACKED:
        return ""
    if method in FLOATS:
        return "fp8"
    if method == "bitsandbytes":
        return _of_bitsandbytes(told)
    if method == "compressed-tensors":
        return _of_groups(told.get("config_groups"))
    return _by_bits(told.get("bits"), "int") if method in PACKED else None


def _of_bitsandbytes(told: Mapping[str, Any]) -> str | None:
    if told.get("load_in_8bit"):
        return "int8"
    if told.get("load_in_4bit"):
        return "nf4-dq" if told.get("bnb_4bit_use_double_quant") else "nf4"
    return None


def _of_groups(groups: Any) -> str | None:
    """All layers have to be of one kind."""
    weights = [group.get("weights") for group in groups.values()] if isinstance(groups, Mapping) else []
    if not weights or not all(isinstance(each, Mapping) for each in weights):
        return None
    found = {_by_bits(each.get("num_bits"), each.get("type")) for each in weights}
    return found.pop() if len(found) == 1 else None


def _by_bits(bits: Any, kind: Any) -> str | None:
    return BY_BITS.get((bits, kind)) if isinstance(bits, int) and isinstance(kind, str) else None
