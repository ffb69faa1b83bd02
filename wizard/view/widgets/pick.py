"""One of a few, on one line: `(o) bundled  ( ) a file`; left and right move, Enter stays for going on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Pick(Widget, can_focus=True):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", show=False),
        Binding("right,space", "turn(1)", show=False),
    ]
    chosen: reactive[int] = reactive(0)

    class Picked(Message):
        def __init__(self, pick: Pick, value: str) -> None:
            super().__init__()
            self.pick = pick
            self.value = value

        @property
        def control(self) -> Pick:
            return self.pick

    def __init__(self, choices: Sequence[tuple[str, str]], *, value: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.choices = choices
        values = [name for name, _ in choices]
        self.set_reactive(Pick.chosen, values.index(value) if value in values else 0)

    def offer(self, choices: Sequence[tuple[str, str]], value: str) -> None:
        """Other words, with this one of them chosen; nobody is told."""
        self.choices = choices
        self.chosen = [name for name, _ in choices].index(value)
        self.refresh(layout=True)

    @property
    def value(self) -> str:
        return self.choices[self.chosen][0]

    def render(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for place, (_, label) in enumerate(self.choices):
            sign = "(o)" if place == self.chosen else "( )"
            style = "$primary bold" if place == self.chosen else "$quiet"
            parts += [(f"{sign} {label}", style), "   "]
        return Content.assemble(*parts)

    def action_turn(self, by: int) -> None:
        self.chosen = (self.chosen + by) % len(self.choices)
        self.post_message(self.Picked(self, self.value))

    def on_click(self, event: Click) -> None:
        self.action_turn(1)
