"""Models that do not write: texts to classes, pairs to a score, texts to vectors. Loaded once, asked one at a time."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from wizard.stages.loading import encoder_of, padding, scorer_of, tokenizer_of

BATCH = 16
Talk = Sequence[Mapping[str, Any]]


@dataclass(kw_only=True)
class Scorer:
    """A network whose head has an output for each class, or one alone."""

    name: str
    context: int
    tokenizer: Any
    network: Any
    templated: bool = True  # texts are what a user says, in the model's own template, as in its training
    turn: threading.Lock = field(default_factory=threading.Lock)

    def read(self, texts: Sequence[str | Talk]) -> list[list[int]]:
        """Token ids of each text, or of a conversation."""
        return ids_of(self.tokenizer, texts, templated=self.templated, limit=self.context)

    def scores(self, rows: Sequence[list[int]]) -> list[list[float]]:
        """What the head says of each row of token ids, before any squashing."""
        found: list[list[float]] = []
        for start in range(0, len(rows), BATCH):
            asked = self.tokenizer.pad({"input_ids": rows[start : start + BATCH]}, return_tensors="pt")
            with self.turn, torch.inference_mode():
                found += self.network(**asked.to(self.network.device)).logits.float().tolist()
        return found

    def classes(self, scores: Sequence[float]) -> list[tuple[str, float]]:
        """(class, chance) of each, in their order; a head of one output has its score alone."""
        config = self.network.config
        told = torch.tensor(list(scores))
        if config.problem_type == "regression" or len(scores) == 1:
            return [(config.id2label.get(0, "score"), float(scores[0]))]
        chances = told.sigmoid() if config.problem_type == "multi_label_classification" else told.softmax(-1)
        return [(config.id2label[number], float(chance)) for number, chance in enumerate(chances)]


@dataclass(kw_only=True)
class Encoder:
    name: str
    context: int
    network: Any  # of sentence-transformers
    turn: threading.Lock = field(default_factory=threading.Lock)

    def read(self, texts: Sequence[str]) -> list[list[int]]:
        return [list(ids)[: self.context] for ids in self.network.tokenizer(list(texts))["input_ids"]]

    def vectors(self, texts: Sequence[str]) -> list[list[float]]:
        with self.turn:
            return [row.tolist() for row in self.network.encode(list(texts), batch_size=BATCH, convert_to_numpy=True)]


def ids_of(
    tokenizer: Any, texts: Sequence[str | Talk], *, templated: bool, limit: int | None = None
) -> list[list[int]]:
    """As rows to be scored were made: `templated`, as what a user says in the model's template, where it has one; else
    as they are. `limit`: tokens of each at most."""
    talks = [[{"role": "user", "content": text}] if isinstance(text, str) else text for text in texts]
    if templated and tokenizer.chat_template:
        written = [tokenizer.apply_chat_template(list(talk), tokenize=False) for talk in talks]
        return [ids[:limit] for ids in tokenizer(written, add_special_tokens=False)["input_ids"]]
    plain = ["\n".join(str(turn["content"]) for turn in talk) for talk in talks]
    cut = {"truncation": True, "max_length": limit} if limit else {}
    return [list(ids) for ids in tokenizer(plain, add_special_tokens=not templated, **cut)["input_ids"]]


def scorer(folder: str, name: str, dtype: str, context: int, templated: bool) -> Scorer:
    tokenizer = tokenizer_of(folder)
    network = scorer_of(folder, dtype=dtype).to(device()).eval()
    network.config.pad_token_id = padding(tokenizer)
    return Scorer(name=name, context=context, tokenizer=tokenizer, network=network, templated=templated)


def encoder(folder: str, name: str, dtype: str, context: int) -> Encoder:
    network = encoder_of(folder, context, device=device(), dtype=getattr(torch, dtype, dtype)).eval()
    return Encoder(name=name, context=context, network=network)


def device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"
