"""Names and values in two columns; a long value wraps within its own column."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from wizard.view.widgets.plain import PlainStatic

Fact = tuple[str, str | Content]


class Facts(Vertical):
    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._rows: tuple[Fact, ...] = ()

    def tell(self, rows: Sequence[Fact]) -> None:
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self.refresh(recompose=True)

    def compose(self) -> ComposeResult:
        for name, value in self._rows:
            with Horizontal(classes="fact"):
                yield PlainStatic(name, classes="fact-name")
                yield PlainStatic(value, classes="fact-value")
