"""A conversation with the served model: what was said, and what is being typed. It outlives the box it is shown in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from wizard.contract import Problem
from wizard.words import problem

Turn = dict[str, str]
Ask = Callable[[Sequence[Turn]], Iterator[str]]


class Talk:
    """`ask` is called in a thread with the whole conversation; what has come so far can be read at any time."""

    def __init__(self, ask: Ask, explain: Callable[[Exception], Problem]) -> None:
        self._ask = ask
        self._explain = explain
        self.turns: list[Turn] = []  # all that is shown
        self._heard: list[Turn] = []  # what the model is told: without turns that failed
        self.busy = False
        self.typed = ""

    def say(self, text: str) -> None:
        question, answer = {"role": "user", "content": text}, {"role": "assistant", "content": ""}
        self.turns += [question, answer]
        self.busy = True
        threading.Thread(target=self._stream, args=(question, answer), daemon=True).start()

    def _stream(self, question: Turn, answer: Turn) -> None:
        try:
            for piece in self._ask([*self._heard, question]):
                answer["content"] += piece
            self._heard += [question, answer]
        except Exception as error:
            fault = self._explain(error)
            words = problem(fault.code, fault.params)
            answer.update(role="problem", content=f"{words['what']}\n{words['next']}")
        finally:
            self.busy = False
