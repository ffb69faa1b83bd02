"""The last lines of what happened, filterable; it follows the end until a person scrolls away from it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
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
        self.empty = ""
        self.wanted = ""

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="log-scroll", can_focus=False):
            yield PlainStatic(id="log-lines")
        with Horizontal(id="log-wanted", classes="hidden"):
            yield PlainStatic(id="log-label")
            yield Input(self.wanted, id="log-filter", compact=True)

    def on_mount(self) -> None:
        self._paint()

    def tell(self, lines: Sequence[Line], empty: str) -> None:
        """`empty`: what stands there while there are none."""
        if (tuple(lines), empty) != (self.lines, self.empty):
            self.lines, self.empty = tuple(lines), empty
            self._paint()

    def ask_filter(self) -> None:
        self.query_one("#log-label", PlainStatic).update(say("view.watch.filter"))
        self.query_one("#log-wanted").remove_class("hidden")
        self.query_one("#log-filter", Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.wanted = event.value
        self._paint()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.keep_filter()

    def keep_filter(self) -> None:
        """What it holds keeps filtering, in sight; an empty one is gone."""
        self.query_one("#log-wanted").set_class(not self.wanted, "hidden")
        self.screen.set_focus(None)

    def end_filter(self) -> bool:
        """Whether there was one."""
        was_open = not self.query_one("#log-wanted").has_class("hidden")
        self.query_one("#log-filter", Input).value = ""
        self.wanted = ""
        self.keep_filter()
        return was_open

    def _paint(self) -> None:
        wanted = self.wanted.casefold()
        kept = [Content.styled(text, style) for text, style in self.lines if wanted in text.casefold()]
        scroll = self.query_one("#log-scroll", VerticalScroll)
        follow = scroll.scroll_y >= scroll.max_scroll_y - 1
        empty = Content.styled(say("view.watch.no_line") if self.lines else self.empty, "$quiet")
        self.query_one("#log-lines", PlainStatic).update(Content("\n").join(kept) if kept else empty)
        if follow:
            scroll.scroll_end(animate=False)
