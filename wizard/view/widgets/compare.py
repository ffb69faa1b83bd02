"""Each question with its answer before and after, side by side; one below the other where it is narrow."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from wizard.view.widgets.plain import PlainStatic
from wizard.words import say

LONGEST = {True: 400, False: 140}  # signs of an answer, in a wide window and in others
WIDE = 110


class Compare(Vertical):
    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._rows: tuple[tuple[str, str, str], ...] = ()
        self._compared = True

    def tell(
        self,
        questions: Sequence[str],
        before: Sequence[str],
        after: Sequence[str],
        *,
        waiting: bool,
    ) -> None:
        """`before`: none of a model that had no head to answer with."""
        later = say("view.done.asking") if waiting else "-"
        self._compared = bool(before)
        longest = LONGEST[self.app.size.width >= WIDE]
        rows = tuple(
            (question, _at(before, place, "-", longest), _at(after, place, later, longest))
            for place, question in enumerate(questions)
        )
        if rows != self._rows or not self.children:
            self._rows = rows
            self.refresh(recompose=True)

    def compose(self) -> ComposeResult:
        for question, before, after in self._rows:
            yield PlainStatic(Content.assemble(("? ", "$primary bold"), (question, "bold")), classes="question")
            with Horizontal(classes="answers"):
                if self._compared:
                    yield Answer("before", before)
                yield Answer("after", after)


class Answer(Horizontal):
    """When it was given, and beside that, in a column of its own, what it says."""

    def __init__(self, when: str, text: str) -> None:
        super().__init__(classes=f"answer {when}")
        self.when = when
        self.text = text

    def compose(self) -> ComposeResult:
        yield PlainStatic(say(f"outcome.{self.when}").strip(), classes="when")
        yield PlainStatic(self.text, classes="said")


def _at(answers: Sequence[str], place: int, otherwise: str, longest: int) -> str:
    if place >= len(answers):
        return otherwise
    text = " ".join(answers[place].split())
    return text if len(text) <= longest else text[:longest].rstrip() + " ..."
