"""Settings of trainers that are one of a few words: TRL looks at them only when it trains, after all was downloaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SPOKEN = ("nll", "dft")
REWARDED = ("grpo", "bnpo", "dr_grpo", "dapo", "luspo", "cispo", "sapo", "vespo")
LOSSES: Mapping[str, tuple[str, ...]] = {  # `loss_type` by a recipe's trainer, as the classes of the pinned TRL have it
    "sft": SPOKEN,
    "vision": SPOKEN,
    "dpo": (
        "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot", "aot_unpaired",
        "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm",
    ),
    "kto": ("kto", "apo_zero_unpaired"),
    "cpo": ("sigmoid", "hinge", "ipo", "simpo"),
    "grpo": REWARDED,
}  # fmt: skip
LEVELS = ("token", "sequence")


def known_words(trainer: str) -> Mapping[str, tuple[str, ...]]:
    losses = {"loss_type": LOSSES[trainer]} if trainer in LOSSES else {}
    return {**losses, **({"importance_sampling_level": LEVELS} if trainer == "grpo" else {})}


def misspelt(trainer: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(name, what stands there, what may stand there) of each setting that is none of its words. DPO takes several."""
    for name, known in known_words(trainer).items():
        told = settings.get(name)
        for each in told if isinstance(told, list) else [told]:
            if name in settings and each not in known:
                yield name, str(each), known
