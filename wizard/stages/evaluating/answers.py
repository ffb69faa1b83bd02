"""Greedy answers to prompts that are token ids, several at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from wizard.stages.answering import Speaker
from wizard.stages.client import said
from wizard.stages.preparing.spellings import spoken

TOGETHER = 8


def answered(
    network: Any, folder: Path, prompts: Sequence[Sequence[int]], most: int, done: Callable[[int], None]
) -> list[str]:
    """One for each prompt, in order. `most`: tokens of an answer. `done` is told how many there are."""
    speaker = Speaker(folder, str(network.device), most)
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))  # alike in length, little padding
    told: dict[int, str] = {}
    for start in range(0, len(order), TOGETHER):
        places = order[start : start + TOGETHER]
        texts = together(network, speaker, [prompts[place] for place in places])
        told.update(zip(places, texts, strict=True))
        done(len(told))
    return [told[place] for place in range(len(prompts))]


def together(network: Any, speaker: Speaker, prompts: Sequence[Sequence[int]]) -> list[str]:
    longest, pad = max(map(len, prompts)), int(speaker.settings.pad_token_id)
    ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts], device=network.device)
    seen = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=ids.device)
    with torch.inference_mode():
        written = network.generate(ids, attention_mask=seen, generation_config=speaker.settings)
    texts = speaker.tokenizer.batch_decode(written[:, longest:], skip_special_tokens=True)
    return [spoken(said(text)) for text in texts]
