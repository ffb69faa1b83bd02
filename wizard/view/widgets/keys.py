"""The bottom line: what each key does here, wrapped rather than cut, and clickable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.widgets import Static

from wizard.view.grid import flow
from wizard.words import known, say


@dataclass(frozen=True, slots=True)
class Key:
    """`key` as a person presses it (the word `view.key.<key>`, or itself), what it does, the action behind it."""

    key: str
    label: str
    action: str


class Keys(Static):
    def __init__(self) -> None:
        super().__init__(id="keys", markup=False)
        self._keys: Sequence[Key] = ()

    def offer(self, keys: Sequence[Key]) -> None:
        self._keys = keys
        self._lay()

    def on_resize(self) -> None:
        self._lay()

    def _lay(self) -> None:
        self.update(flow([_hint(key) for key in self._keys], self.app.size.width - 2))


def _hint(key: Key) -> Content:
    word = f"view.key.{key.key}"
    name = say(word) if known(word) else key.key
    action = key.action if "." in key.action else f"screen.{key.action}"
    label = say(f"view.do.{key.label}")
    return Content.from_markup(f"[b $primary]$name[/] [@click={action}]$label[/]", name=name, label=label)
