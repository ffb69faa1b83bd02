"""The bottom line: what each key does here, wrapped rather than cut, and clickable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widgets import Static

from wizard.words import known, say

NO_BREAK = "\u00a0"


@dataclass(frozen=True, slots=True)
class Key:
    """`key` as a person presses it (the word `view.key.<key>`, or itself), what it does, the action behind it."""

    key: str
    label: str
    action: str


class Keys(Static):
    def __init__(self) -> None:
        super().__init__(id="keys", markup=False)

    def offer(self, keys: Sequence[Key]) -> None:
        hints = [self._hint(key) for key in keys]
        self.update(Content("  ").join(hints))

    def _hint(self, key: Key) -> Content:
        word = f"view.key.{key.key}"
        name = say(word) if known(word) else key.key
        action = f"screen.{key.action}" if "." not in key.action else key.action
        label = say(f"view.do.{key.label}").replace(" ", NO_BREAK)
        return Content.from_markup(f"[@click={action}][b $primary]$name[/]{NO_BREAK}$label[/]", name=name, label=label)
