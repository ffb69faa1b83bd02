"""Greedy answers and logits of a loaded model, with the served template."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from wizard.stages.client import said
from wizard.stages.loading import tokenizer_of


class Speaker:
    def __init__(self, folder: Path, device: str, max_new_tokens: int) -> None:
        self.tokenizer = tokenizer_of(folder)
        self.device = device
        self.ends = end_ids(folder, self.tokenizer)
        pad = self.tokenizer.pad_token_id
        self.settings = GenerationConfig(
            do_sample=False,
            max_new_tokens=max_new_tokens,
            eos_token_id=self.ends,
            pad_token_id=self.ends[0] if pad is None else pad,
        )

    def prompt(self, question: str) -> Any:
        encoded = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        return encoded["input_ids"].to(self.device)

    def continued(self, model: Any, prompt: Any) -> Any:
        """The prompt and the greedy answer after it, as one row of token ids."""
        with torch.inference_mode():
            return model.generate(prompt, attention_mask=torch.ones_like(prompt), generation_config=self.settings)

    def answer(self, model: Any, question: str) -> str:
        prompt = self.prompt(question)
        ids = self.continued(model, prompt)[0, prompt.shape[1] :]
        return said(self.tokenizer.decode(ids, skip_special_tokens=True))

    def logits(self, model: Any, rows: Sequence[Any]) -> list[Any]:
        with torch.inference_mode():
            return [model(row).logits[0].float() for row in rows]


def end_ids(folder: Path, tokenizer: Any) -> list[int]:
    """All tokens that end an answer: what the served engine reads from generation_config.json too."""
    named = (
        GenerationConfig.from_pretrained(folder).eos_token_id if (folder / "generation_config.json").is_file() else None
    )
    found = [*(named if isinstance(named, list) else [named]), tokenizer.eos_token_id]
    return sorted({end for end in found if end is not None})
