"""A hub wants a token: where one is made, and a line to paste it into that does not show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.widgets import Input

from wizard.view.screens.page import Page
from wizard.view.widgets import Key, PlainStatic
from wizard.view.widgets.field import Answer
from wizard.words import say

if TYPE_CHECKING:
    from wizard.session.models import Wanted


class TokenScreen(Page):
    """Dismissed with True once a token is kept."""

    NAME = "token"

    def __init__(self, wanted: Wanted) -> None:
        super().__init__()
        self.wanted = wanted

    def body(self) -> ComposeResult:
        for part in ("why", "page", "where"):
            yield PlainStatic(id=part, classes="part")
        yield Answer(id="token", password=True, compact=True, placeholder=say("view.token.placeholder"))

    def keys(self) -> Sequence[Key]:
        return [
            Key("enter", "keep_token", "keep"),
            Key("esc", "back", "back"),
            Key("?", "help", "help"),
            Key("F2", "language", "app.language"),
        ]

    def fill(self) -> None:
        hub = say(f"hub.{self.wanted.hub}")
        texts = {
            "why": say("token.why", hub=hub, model=self.wanted.model),
            "page": say("token.page", page=self.wanted.page),
            "where": say("token.where", made_at=self.wanted.made_at),
        }
        for part, text in texts.items():
            self.query_one(f"#{part}", PlainStatic).update(text)
        self.query_one("#token", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_keep()

    def action_keep(self) -> None:
        hub, token = self.wanted.hub, self.query_one("#token", Input).value
        self.errand(lambda: self.desk.models.keep_token(hub, token), self._kept)

    def _kept(self, _: None) -> None:
        self.dismiss(True)
