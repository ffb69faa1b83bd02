"""Bytes of state that an optimizer keeps of one number it steps, where that does not depend on the weight's shape."""

from __future__ import annotations

SCALED = 1 + 4 / 256  # a byte, and an fp32 scale for each 256 of them
OF_ITS_OWN = {  # whatever the number's type; paged states are in no torch counter
    "adamw_bf16": 4.0,
    "adamw_8bit": 2 * SCALED,
    "lion_8bit": SCALED,
    "paged_adamw": 0.0,
    "paged_adamw_8bit": 0.0,
}
ALIKE = {"adamw": 2, "lion": 1, "lisa": 2, "muon": 1, "sgd": 0, "sgd_momentum": 1}  # states in the number's type
FLAT = {"adafactor": 4.0}  # a part of many weights in a row has no columns: a whole second moment, in fp32


def of_number(name: str, number: int) -> float:
    return OF_ITS_OWN[name] if name in OF_ITS_OWN else float(ALIKE[name] * number)


def of_part(name: str, number: int) -> float:
    """As DeepSpeed has its optimizer step: all that a card holds of the weights, one after another."""
    return FLAT[name] if name in FLAT else of_number(name, number)
