"""A talk with a served model: what was said, and how the next question is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wizard.session.using.looking import url_of

TUNED, BASE = "tuned", "base"
Message = dict[str, Any]


@dataclass
class Exchange:
    question: Message
    answers: dict[str, str] = field(default_factory=dict)  # voice -> what it said


@dataclass
class Conversation:
    """Each voice hears its own answers; where it gave none, the tuned one's. What failed was never said."""

    system: str = ""
    sampling: dict[str, Any] = field(default_factory=dict)  # as the API names them
    base: str = ""  # the name that the base is served by, where it answers beside
    pictures: dict[Path, str] = field(default_factory=dict)  # file -> data URL, for the next question
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def voices(self) -> tuple[str, ...]:
        return (TUNED, BASE) if self.base else (TUNED,)

    def show(self, path: Path) -> None:
        """With the next question. Raises chat-picture-unreadable."""
        self.pictures[path] = url_of(path)

    def asked(self, text: str) -> Exchange:
        """The question with the pictures that wait for it: they are then no longer waiting."""
        shown = [{"type": "image_url", "image_url": {"url": url}} for url in self.pictures.values()]
        self.pictures.clear()
        content = [*shown, {"type": "text", "text": text}] if shown else text
        return Exchange(question={"role": "user", "content": content})

    def messages(self, exchange: Exchange, voice: str = TUNED) -> list[Message]:
        """What `voice` is to answer to now, as OpenAI's `messages`."""
        heard: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        for past in self.exchanges:
            answer = past.answers.get(voice, past.answers.get(TUNED, ""))
            heard += [past.question, {"role": "assistant", "content": answer}]
        return [*heard, exchange.question]

    def options(self, voice: str = TUNED) -> Mapping[str, Any]:
        """Further keys of the request."""
        return {**self.sampling, "model": self.base} if voice == BASE else dict(self.sampling)

    def keep(self, exchange: Exchange) -> None:
        if exchange.answers.get(TUNED):
            self.exchanges.append(exchange)

    def clear(self) -> None:
        self.exchanges.clear()
        self.pictures.clear()

    def as_row(self) -> dict[str, Any]:
        """As a row of data: it can be learnt from."""
        heard: list[Message] = [{"role": "system", "content": self.system}] if self.system else []
        for past in self.exchanges:
            heard += [past.question, {"role": "assistant", "content": past.answers[TUNED]}]
        return {"messages": heard}
