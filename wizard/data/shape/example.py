"""One row as a training reads it, whatever it looked like in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from wizard.contract import Rejected

Message = dict[str, Any]  # role, content; where there are: tool_calls, reasoning_content, loss, name, tool_call_id
Messages = list[Message]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """`messages` is the conversation with its answer, if it has one; a text to read on is a lone assistant turn."""

    messages: Messages
    rejected: Messages = field(
        default_factory=list
    )  # preference: the worse turns in place of those behind the last user's
    label: bool | int | float | str | list[Any] | None = None  # kto, reward, classification, embedding
    positives: list[Messages] = field(default_factory=list)  # embedding, reranker
    negatives: list[Messages] = field(default_factory=list)
    tools: list[Mapping[str, Any]] = field(default_factory=list)  # OpenAI's function descriptions
    images: list[Any] = field(default_factory=list)  # a path, an address, a data: address, or {"bytes", "path"}
    videos: list[Any] = field(default_factory=list)
    audios: list[Any] = field(default_factory=list)
    objects: Mapping[str, Any] = field(default_factory=dict)  # grounding: ref, bbox, bbox_type
    extra: Mapping[str, Any] = field(default_factory=dict)  # columns for rewards, margin, rejected_images

    def as_json(self) -> dict[str, Any]:
        """What is there, by name; a rejected answer that is one turn is its text."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        if len(self.rejected) == 1 and self.rejected[0]["role"] == "assistant" and set(self.rejected[0]) <= PLAIN:
            found["rejected"] = self.rejected[0]["content"]
        return {name: value for name, value in found.items() if value is not None and value != [] and value != {}}

    @property
    def modality(self) -> tuple[str, ...]:
        """text, then image, video and audio where there are."""
        if not (self.images or self.videos or self.audios):
            return TEXT
        return (*TEXT, *(name for name in ("image", "video", "audio") if getattr(self, f"{name}s")))


TEXT = ("text",)
PLAIN = {"role", "content"}
Converted = Example | Rejected
