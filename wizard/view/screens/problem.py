"""When something breaks: what happened, why, what to do next, and where the details are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from wizard.contract import Problem
from wizard.view import telling
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, PlainStatic
from wizard.view.widgets.log import printable
from wizard.words import say

if TYPE_CHECKING:
    from wizard.session.models import Wanted

TAIL_BYTES = 20_000
WAYS: Mapping[str, tuple[str, Mapping[str, Any]]] = {  # what Enter is called, and what it changes
    "out-of-memory": ("resume_smaller", {"micro_batch": 1}),
    "stage-out-of-memory": ("resume_smaller", {"micro_batch": 1}),
    "port-in-use": ("resume_port", {"port": 0}),
}


class ProblemScreen(Page):
    NAME = "problem"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "next", show=False),
        Binding("d", "details", show=False),
        Binding("l", "app.language", show=False),
        Binding("q", "app.leave", show=False),
    ]

    def __init__(self, problem: Problem, *, run: str = "", title: str = "", log: str = "") -> None:
        super().__init__()
        self.problem = problem
        self.run = run
        self.title_text = title
        self.log_path = log or str(problem.params.get("log", ""))

    def heading(self) -> Content:
        return Content.styled(self.title_text or say("view.problem.title"), "$error bold")

    def body(self) -> ComposeResult:
        for part in ("what", "why", "next"):
            yield PlainStatic(say(f"view.problem.{part}"), classes=f"part-title {part}")
            yield PlainStatic(id=part, classes="part")
        yield PlainStatic(id="log-path")

    def keys(self) -> Sequence[Key]:
        return [
            Key("enter", self._way_on(), "next"),
            *([Key("d", "details", "details")] if self.log_path else []),
            Key("esc", "back", "back"),
            Key("l", "language", "app.language"),
            Key("q", "quit", "app.leave"),
        ]

    @cached_property
    def token(self) -> Wanted | None:
        return self.desk.models.token_for(self.problem)

    def _way_on(self) -> str:
        if self.token:
            return "give_token"
        if not self.run:
            return "ok"
        if self.problem.params.get("changes"):
            return "resume_less"
        return WAYS.get(self.problem.code, ("resume", {}))[0]

    def _less(self) -> Mapping[str, Any]:
        """What the problem itself offers comes first."""
        offered: Mapping[str, Any] = self.problem.params.get("changes") or {}
        return offered or WAYS.get(self.problem.code, ("", {}))[1]

    def fill(self) -> None:
        words = telling.told(self.problem)
        for part in ("what", "why", "next"):
            self.query_one(f"#{part}", PlainStatic).update(words[part])
        where = say("view.problem.log", path=telling.short_path(self.log_path)) if self.log_path else ""
        self.query_one("#log-path", PlainStatic).update(where)

    def action_next(self) -> None:
        if self.token:
            from wizard.view.screens.token import TokenScreen

            self.app.push_screen(TokenScreen(self.token), self._given)
        else:
            self._go_on()

    def _given(self, kept: object) -> None:
        if kept:
            self._go_on()

    def _go_on(self) -> None:
        if self.run:
            changes = self._less()
            self.errand(lambda: self.desk.resume(self.run, **changes), self.window.open_run)
        else:
            self.action_back()

    def action_details(self) -> None:
        if self.log_path:
            self.errand(lambda: tail(Path(self.log_path).expanduser()), self._show)

    def _show(self, text: str) -> None:
        from wizard.view.screens.help import Leaf

        self.app.push_screen(Leaf("view.problem.details", lambda: Content(text or say("view.problem.log_empty"))))


def tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError as error:
        return str(error)
    return "\n".join(printable(line) for line in text.splitlines())
