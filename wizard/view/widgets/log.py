"""The last lines of what happened, filterable; it follows the end until a person scrolls away from it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input

from wizard.view.widgets.plain import PlainStatic
from wizard.words import say

Line = tuple[str, str]  # text and style
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


def printable(text: str) -> str:
    """A log line without escape sequences; of a redrawn progress bar, its last state."""
    return CONTROL.sub("", text.rstrip("\r\n").rsplit("\r", 1)[-1]).expandtabs(4)


class LogTail(Vertical):
    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.lines: tuple[Line, ...] = ()
        self.wanted = ""

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="log-scroll", can_focus=False):
            yield PlainStatic(id="log-lines")
        yield Input(id="log-filter", compact=True, classes="hidden")

    def on_mount(self) -> None:
        self._paint()

    def tell(self, lines: Sequence[Line]) -> None:
        if tuple(lines) != self.lines:
            self.lines = tuple(lines)
            self._paint()

    def ask_filter(self) -> None:
        box = self.query_one("#log-filter", Input)
        box.placeholder = say("view.watch.filter")
        box.remove_class("hidden")
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.wanted = event.value
        self._paint()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.close_filter()

    def close_filter(self) -> bool:
        """Whether it was open. What it holds keeps filtering; an empty one filters nothing."""
        box = self.query_one("#log-filter", Input)
        was_open = not box.has_class("hidden")
        box.set_class(not box.value, "hidden")
        if box.has_focus:
            self.screen.set_focus(None)
            return True
        if was_open and box.value:
            box.value = ""
            box.add_class("hidden")
        return was_open

    def _paint(self) -> None:
        wanted = self.wanted.casefold()
        kept = [Content.styled(text, style) for text, style in self.lines if wanted in text.casefold()]
        scroll = self.query_one("#log-scroll", VerticalScroll)
        follow = scroll.scroll_y >= scroll.max_scroll_y - 1
        empty = Content.styled(say("view.watch.nothing_yet"), "$quiet")
        self.query_one("#log-lines", PlainStatic).update(Content("\n").join(kept) if kept else empty)
        if follow:
            scroll.scroll_end(animate=False)
