"""A box to talk to the served model in; answers appear as they are made."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from wizard.view.talk import Talk, Turn
from wizard.view.widgets.plain import PlainStatic
from wizard.words import say

PAINTS_PER_SECOND = 10


class ChatBox(Vertical):
    """As high as what was said, up to a limit. Enter in the empty box asks the question that is shown there."""

    class Typed(Message):
        """The box holds something else than before."""

    def __init__(self, talk: Talk, *, id: str) -> None:
        super().__init__(id=id)
        self.talk = talk
        self._painted = -1

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="chat-scroll", can_focus=False):
            yield PlainStatic(id="chat-lines")
        yield Input(self.talk.typed, id="chat-input", compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        self._painted = -1
        self.suggest(say("view.chat.placeholder"))
        self.set_interval(1 / PAINTS_PER_SECOND, self._paint)

    def greet(self, hello: str) -> None:
        """What stands there until something is said."""
        if not self.talk.turns:
            self.query_one("#chat-lines", PlainStatic).update(Content.styled(hello, "$quiet"))

    def suggest(self, question: str) -> None:
        self.query_one(Input).placeholder = question

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.talk.typed = event.value
        self.post_message(self.Typed())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not self.talk.busy:
            self.talk.say(event.value.strip() or event.input.placeholder)
            event.input.value = ""

    def _paint(self) -> None:
        turns = self.talk.turns
        amount = sum(len(turn["content"]) + 1 for turn in turns) + (0 if self.talk.busy else 1)
        if not turns or amount == self._painted:
            return
        self._painted = amount
        self.query_one("#chat-lines", PlainStatic).update(Content("\n").join([_line(turn) for turn in turns]))
        self.call_after_refresh(self.query_one("#chat-scroll", VerticalScroll).scroll_end, animate=False)


def _line(turn: Turn) -> Content:
    style = {"user": "$secondary bold", "assistant": "$primary bold", "problem": "$error bold"}[turn["role"]]
    waiting = "..." if not turn["content"] else ""
    return Content.assemble((say(f"view.chat.{turn['role']}"), style), "  ", turn["content"] or waiting)
