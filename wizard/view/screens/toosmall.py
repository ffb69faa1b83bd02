"""One line instead of a broken screen where the window is too small."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from wizard.view.widgets import PlainStatic
from wizard.words import say

WIDTH, HEIGHT = 60, 20


class TooSmall(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.leave", show=False)]

    def compose(self) -> ComposeResult:
        yield PlainStatic(id="too-small")

    def on_mount(self) -> None:
        self.tell()

    def on_resize(self) -> None:
        self.tell()

    def tell(self) -> None:
        now = f"{self.app.size.width}x{self.app.size.height}"
        text = say("view.too_small", now=now, needs=f"{WIDTH}x{HEIGHT}")
        self.query_one("#too-small", PlainStatic).update(f"{text}\n{say('view.too_small_ways')}")

    async def speak(self) -> None:
        self.tell()
