"""A conversation with the served model: what was said, and what is being typed. It outlives the box it is shown in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from wizard.contract import Problem
from wizard.session.using import BASE, TUNED, Conversation, Exchange, is_order, obey
from wizard.words import problem, say

Turn = dict[str, str]  # role user, assistant, note or problem; content; of an answer, `base`: what the base said
Ask = Callable[[Sequence[Mapping[str, Any]], Mapping[str, Any]], Iterator[str]]


class Talk:
    """`ask` is called in a thread with messages and further keys of the request; what has come so far can be read at
    any time. `bases` tells the name of the base, where it answers too."""

    def __init__(self, ask: Ask, explain: Callable[[Exception], Problem], bases: Callable[[], str]) -> None:
        self._ask = ask
        self._explain = explain
        self._bases = bases
        self.held = Conversation()  # what the model is told: without turns that failed
        self.turns: list[Turn] = []  # all that is shown
        self.busy = False
        self.typed = ""

    def say(self, text: str) -> None:
        self.turns.append({"role": "user", "content": text})
        answer = {"role": "note" if is_order(text) else "assistant", "content": ""}
        self.turns.append(answer)
        self.busy = True
        work = self._obey if is_order(text) else self._answer
        threading.Thread(target=self._told, args=(work, text, answer), daemon=True).start()

    def _told(self, work: Callable[[str, Turn], None], text: str, answer: Turn) -> None:
        try:
            work(text, answer)
        except Exception as error:
            answer.pop("base", None)
            answer.update(role="problem", content=self._sorry(error))
        finally:
            self.busy = False

    def _obey(self, text: str, answer: Turn) -> None:
        reply = obey(text, self.held, self._bases)
        key = "view.chat.help" if reply.code == "help" else f"chat.{reply.code}"  # the box has few lines
        answer["content"] = say(key, **reply.params)

    def _answer(self, text: str, answer: Turn) -> None:
        exchange = self.held.asked(text)
        beside = None
        if self.held.base:
            answer["base"] = ""
            beside = threading.Thread(target=self._base, args=(exchange, answer), daemon=True)
            beside.start()
        for piece in self._ask(self.held.messages(exchange), self.held.options()):
            answer["content"] += piece
        exchange.answers[TUNED] = answer["content"]
        if beside:
            beside.join()
        self.held.keep(exchange)

    def _base(self, exchange: Exchange, answer: Turn) -> None:
        """Its trouble is told where its answer would stand: the talk is with the other."""
        said = ""
        try:
            for piece in self._ask(self.held.messages(exchange, BASE), self.held.options(BASE)):
                said += piece
                answer["base"] = said
            exchange.answers[BASE] = said
        except Exception as error:
            answer["base"] = self._sorry(error)

    def _sorry(self, error: Exception) -> str:
        fault = self._explain(error)
        words = problem(fault.code, fault.params)
        return f"{words['what']}\n{words['next']}"
