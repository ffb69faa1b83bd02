"""A box to talk to the served model in; answers appear as they are made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input

from wizard.contract import Problem
from wizard.view.widgets.plain import PlainStatic
from wizard.words import problem, say

Turn = dict[str, str]
Ask = Callable[[Sequence[Turn]], Iterator[str]]
PAINTS_PER_SECOND = 10


class ChatBox(Vertical):
    """`ask` is called in a thread with the whole conversation; the window repaints what has come so far."""

    def __init__(self, ask: Ask, explain: Callable[[Exception], Problem], *, id: str) -> None:
        super().__init__(id=id)
        self._ask = ask
        self._explain = explain
        self.turns: list[Turn] = []  # all that is shown
        self._talk: list[Turn] = []  # what the model is told: without turns that failed
        self.busy = False
        self._painted = -1

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="chat-scroll", can_focus=False):
            yield PlainStatic(Content.styled(say("view.chat.hello"), "$quiet"), id="chat-lines")
        yield Input(id="chat-input", compact=True, placeholder=say("view.chat.placeholder"))

    def on_mount(self) -> None:
        self._painted = -1
        self.set_interval(1 / PAINTS_PER_SECOND, self._paint)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        if not text or self.busy:
            return
        event.input.value = ""
        question, answer = {"role": "user", "content": text}, {"role": "assistant", "content": ""}
        self.turns += [question, answer]
        self.busy = True
        threading.Thread(target=self._stream, args=(question, answer), daemon=True).start()

    def _stream(self, question: Turn, answer: Turn) -> None:
        try:
            for piece in self._ask([*self._talk, question]):
                answer["content"] += piece
            self._talk += [question, answer]
        except Exception as error:
            fault = self._explain(error)
            words = problem(fault.code, fault.params)
            answer.update(role="problem", content=f"{words['what']}\n{words['next']}")
        finally:
            self.busy = False

    def _paint(self) -> None:
        amount = sum(len(turn["content"]) + 1 for turn in self.turns) + (0 if self.busy else 1)
        if not self.turns or amount == self._painted:
            return
        self._painted = amount
        self.query_one("#chat-lines", PlainStatic).update(Content("\n").join([self._line(turn) for turn in self.turns]))
        self.query_one("#chat-scroll", VerticalScroll).scroll_end(animate=False)

    def _line(self, turn: Turn) -> Content:
        style = {"user": "$secondary bold", "assistant": "$primary bold", "problem": "$error bold"}[turn["role"]]
        waiting = "..." if not turn["content"] else ""
        return Content.assemble((say(f"view.chat.{turn['role']}"), style), "  ", turn["content"] or waiting)
