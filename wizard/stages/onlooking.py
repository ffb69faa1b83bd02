"""A transformers model that sees: it answers as one that writes (speaking.py), about the pictures of a request too.

Families differ in what they carry from token to token, so transformers' own `generate` goes from one to the next, in
a thread that ends when nobody listens any more.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import torch
from transformers import GenerationConfig
from transformers.generation.streamers import BaseStreamer

from wizard.data.shape.sight import UNKNOWN, family_of, sight_of
from wizard.stages.answering import end_ids
from wizard.stages.loading import seeing_of
from wizard.stages.looking import NAMED_IN, processor_of
from wizard.stages.safety import read
from wizard.stages.seeing import asked as inputs_of_talk
from wizard.stages.showing import has_pictures, shown
from wizard.stages.speaking import Model, as_trained, with_calls
from wizard.stages.voices import Voices, kept_apart


class Question(list[int]):
    """The ids of a prompt, and all that the model takes for it."""

    def __init__(self, inputs: Mapping[str, Any]) -> None:
        super().__init__(inputs["input_ids"][0].tolist())
        self.inputs = inputs


@dataclass(kw_only=True)
class Onlooker(Model):
    processor: Any
    family: str

    def prompt(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Any] | None = None) -> Question:
        if not has_pictures(messages):
            return Question(inputs_of_talk(self.processor, [as_trained(turn) for turn in messages], tools=tools))
        talk, pictures = shown(messages, self.family)
        return Question(inputs_of_talk(self.processor, [with_calls(turn) for turn in talk], pictures, tools))

    def tokens(self, prompt: Sequence[int], asked: Mapping[str, Any]) -> Iterator[int]:
        inputs = prompt.inputs if isinstance(prompt, Question) else {"input_ids": torch.tensor([list(prompt)])}
        settings = self.settings(asked, self.context - len(prompt))
        with self.turn, self.voices.of(asked.get("model") or self.name) as network:
            writing = Writing(network, inputs, settings, asked.get("seed"))
            try:
                yield from writing.tokens()
            finally:
                writing.end()

    def settings(self, asked: Mapping[str, Any], room: int) -> GenerationConfig:
        temperature = asked.get("temperature")
        warm = 1.0 if temperature is None else float(temperature)
        choosing = {"temperature": warm, "top_p": float(asked.get("top_p") or 1.0), "top_k": 0} if warm > 0 else {}
        return GenerationConfig(
            do_sample=warm > 0, max_new_tokens=room, eos_token_id=list(self.ends), pad_token_id=self.ends[0], **choosing
        )


class Writing(BaseStreamer):  # type: ignore[misc]
    """One answer, token by token, until it ends or is ended."""

    def __init__(self, network: Any, inputs: Mapping[str, Any], settings: GenerationConfig, seed: Any) -> None:
        self.written: SimpleQueue[Any] = SimpleQueue()
        self.asked_to_end = False
        self.begun = False
        self.thread = threading.Thread(target=self._write, args=(network, inputs, settings, seed), daemon=True)
        self.thread.start()

    def _write(self, network: Any, inputs: Mapping[str, Any], settings: GenerationConfig, seed: Any) -> None:
        if seed is not None:
            torch.manual_seed(int(seed))
        try:
            given = {name: moved(value, network) for name, value in inputs.items()}
            network.generate(**given, generation_config=settings, streamer=self, stopping_criteria=[self._ended])
        except Exception as error:
            self.written.put(error)
        self.written.put(None)

    def _ended(self, ids: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        return torch.full((ids.shape[0],), self.asked_to_end, device=ids.device)

    def put(self, value: torch.Tensor) -> None:
        """transformers hands over the prompt first."""
        if self.begun:
            self.written.put(int(value.flatten()[0]))
        self.begun = True

    def tokens(self) -> Iterator[int]:
        while (token := self.written.get()) is not None:
            if isinstance(token, Exception):
                raise token
            yield token

    def end(self) -> None:
        self.asked_to_end = True
        self.thread.join()


def moved(value: Any, network: Any) -> Any:
    """To where the model is; pixels in its number type."""
    if not torch.is_tensor(value):
        return value
    return value.to(network.device, network.dtype if value.is_floating_point() else value.dtype)


def sees(folder: Path) -> bool:
    """Whether its pictures can be made ready: of a known family, and with a processor."""
    known = sight_of(family_of(read(folder / "config.json"))) is not UNKNOWN
    return known and any((folder / file).is_file() for file in NAMED_IN[:2])


def load(folder: str, name: str, dtype: str, context: int) -> Onlooker:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    processor = processor_of(folder)
    voices = Voices(seeing_of(folder, dtype=dtype).to(device).eval(), kept_apart(Path(folder), name), name)
    network = voices.network.eval()
    longest = getattr(network.config.get_text_config(), "max_position_embeddings", context)
    return Onlooker(
        name=name,
        context=min(context, longest),
        tokenizer=processor.tokenizer,
        voices=voices,
        ends=end_ids(Path(folder), processor.tokenizer),
        processor=processor,
        family=family_of(read(Path(folder) / "config.json")),
    )
