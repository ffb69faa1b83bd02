"""Which attention a model computes with here, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

HOPPER, AMPERE = (9, 0), (8, 0)  # what FlashAttention 3 and 2 are compiled for (their READMEs)


class Attention(NamedTuple):
    """`name`: of transformers' `attn_implementation`, None where it is left to choose by the model itself; `why`: code
    of a note."""

    name: str | None
    why: str


def attention_of(knobs: Mapping[str, Any], device: str, halves: bool) -> Attention:
    """FlashAttention where its package is in the environment and the card can; SDPA else, which brings a copy of it in
    torch. Sequences that cards share must be told: left alone, a model might take what they cannot."""
    asked = str(knobs.get("attention", "auto"))
    shared = int(knobs.get("sequence_parallel", 1)) > 1
    if asked in ("sdpa", "eager"):
        return Attention(asked, "attention-asked")
    flash = flash_here(device, halves)
    if flash:
        return Attention(flash, "attention-flash")
    if asked == "flash":
        return Attention("sdpa", "attention-no-flash")
    return Attention("sdpa" if shared else None, "attention-own")


def flash_here(device: str, halves: bool) -> str:
    """`halves`: computed in 16 bits, the only numbers it knows."""
    if device != "cuda" or not halves:
        return ""
    import torch
    from transformers.utils import is_flash_attn_2_available, is_flash_attn_3_available

    capability = torch.cuda.get_device_capability()
    if capability[0] == HOPPER[0] and is_flash_attn_3_available():
        return "flash_attention_3"
    return "flash_attention_2" if capability >= AMPERE and is_flash_attn_2_available() else ""


def loaded(load: Any, chosen: Attention, **settings: Any) -> tuple[Any, Attention]:
    """A model that does not know FlashAttention is loaded with what it knows; what it then computes with is told."""
    named = {"attn_implementation": chosen.name} if chosen.name else {}
    try:
        model = load(**settings, **named)
    except (ValueError, ImportError) as error:
        if not named or ("attention" not in str(error).lower() and "attn" not in str(error).lower()):
            raise
        model, chosen = load(**settings), Attention(None, "attention-unknown")
    return model, Attention(str(getattr(model.config, "_attn_implementation", "") or "eager"), chosen.why)
