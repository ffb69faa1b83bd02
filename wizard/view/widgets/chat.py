"""A box to talk to the served model in; answers appear as they are made."""

from __future__ import annotations

from itertools import zip_longest

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from wizard.view.folding import folded
from wizard.view.talk import Talk, Turn
from wizard.view.widgets.plain import PlainStatic
from wizard.words import say

PAINTS_PER_SECOND = 10
NARROW, GAP = 56, "  "
STYLES = {"user": "$secondary bold", "assistant": "$primary bold", "problem": "$error bold", "note": "$quiet"}
VOICES = (("tuned", "$primary bold"), ("base", "$secondary bold"))


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
        amount = sum(len(turn["content"]) + len(turn.get("base", "")) + 1 for turn in turns) + (not self.talk.busy)
        if not turns or amount == self._painted:
            return
        self._painted = amount
        width = self.size.width - 4
        lines = [_pair(turn, width) if "base" in turn else _line(turn) for turn in turns]
        self.query_one("#chat-lines", PlainStatic).update(Content("\n").join(lines))
        self.call_after_refresh(self.query_one("#chat-scroll", VerticalScroll).scroll_end, animate=False)


def _line(turn: Turn) -> Content:
    return Content.assemble((say(f"view.chat.{turn['role']}"), STYLES[turn["role"]]), "  ", turn["content"] or "...")


def _pair(turn: Turn, width: int) -> Content:
    """The tuned model's answer and the base's side by side; one below the other where it is narrow."""
    names = [(say(f"chat.voice.{voice}").strip(), style) for voice, style in VOICES]
    texts = [turn["content"] or "...", turn["base"] or "..."]
    if width < NARROW:
        told = [Content.assemble(name, "  ", text) for name, text in zip(names, texts, strict=True)]
        return Content("\n").join(told)
    half = (width - len(GAP)) // 2
    left, right = (
        [Content.assemble(name), *folded(Content(text), half).split(allow_blank=True)]
        for name, text in zip(names, texts, strict=True)
    )
    blank = Content("")
    rows = zip_longest(left, right, fillvalue=blank)
    return Content("\n").join(
        [Content.assemble(one, " " * (half - one.cell_length), GAP, other) for one, other in rows]
    )
