"""A transformers model that writes answers piece by piece, one at a time."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from transformers import DynamicCache

from wizard.stages.answering import end_ids
from wizard.stages.client import UNFINISHED
from wizard.stages.loading import model_of, tokenizer_of
from wizard.stages.prompts import templated
from wizard.stages.refusing import Refusal
from wizard.stages.voices import Voices, kept_apart


@dataclass(kw_only=True)
class Model:
    name: str
    context: int
    tokenizer: Any
    voices: Voices
    ends: Sequence[int]
    turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def network(self) -> Any:
        return self.voices.network

    def prompt(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None = None) -> list[int]:
        return templated(self.tokenizer, [as_trained(turn) for turn in messages], tools or None)

    def pieces(
        self, prompt: Sequence[int], limit: int, asked: Mapping[str, Any]
    ) -> Iterator[tuple[str, int, str | None]]:
        """(new text, tokens so far, why it ended): stop at an end token, length at the limit."""
        written: list[int] = []
        told = ""
        for token in self.tokens(prompt, asked):
            ended = token in self.ends
            if not ended:
                written.append(token)
            reason = "stop" if ended else "length" if len(written) >= limit else None
            text = self.tokenizer.decode(written, skip_special_tokens=True)
            new = text[len(told) :]
            if reason or (new and not new.endswith(UNFINISHED)):
                told = text
                yield new.rstrip(UNFINISHED), len(written), reason
            if reason:
                return

    def tokens(self, prompt: Sequence[int], asked: Mapping[str, Any]) -> Iterator[int]:
        temperature = asked.get("temperature")
        temperature, top_p = 1.0 if temperature is None else float(temperature), float(asked.get("top_p") or 1.0)
        dice = torch.Generator().manual_seed(int(asked["seed"])) if asked.get("seed") is not None else None
        cache = DynamicCache(config=self.network.config)
        ids = torch.tensor([list(prompt)], device=self.network.device)
        with self.turn, self.voices.of(asked.get("model") or self.name) as network:
            while True:
                with torch.inference_mode():
                    out = network(ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
                token = choose(out.logits[0, -1].float().cpu(), temperature, top_p, dice)
                yield token
                ids = torch.tensor([[token]], device=self.network.device)


def as_trained(turn: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's form may send what is said in parts, and sends the arguments of a call as a text: here they are as in
    rows of data, from which the template's own form is made."""
    if isinstance(content := turn.get("content"), list):
        if unread := [part.get("type") for part in content if part.get("type") != "text"]:
            raise Refusal(400, f"This model reads text alone; a part of the type {str(unread[0])[:40]!r} was sent.")
        turn = {**turn, "content": "\n".join(part["text"] for part in content)}
    return with_calls(turn)


def with_calls(turn: Mapping[str, Any]) -> dict[str, Any]:
    calls = [
        {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"] or "{}")}}
        for call in turn.get("tool_calls") or ()
    ]
    return {**turn, "tool_calls": calls} if calls else dict(turn)


def choose(logits: torch.Tensor, temperature: float, top_p: float, dice: torch.Generator | None) -> int:
    if temperature <= 0:
        return int(logits.argmax())
    chances, order = torch.softmax(logits / temperature, -1).sort(descending=True)
    kept = chances * ((chances.cumsum(-1) - chances) < top_p)
    return int(order[torch.multinomial(kept, 1, generator=dice)])


def load(folder: str, name: str, dtype: str, context: int) -> Model:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = tokenizer_of(folder)
    voices = Voices(model_of(folder, dtype=dtype, device_map=device).eval(), kept_apart(Path(folder), name), name)
    network = voices.network.eval()
    longest = getattr(network.config, "max_position_embeddings", context)
    ends = end_ids(Path(folder), tokenizer)
    return Model(name=name, context=min(context, longest), tokenizer=tokenizer, voices=voices, ends=ends)
