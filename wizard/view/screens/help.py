"""Sheets over a screen: what `?` explains about the field under the cursor, exact commands, a log's end."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.visual import VisualType

from wizard.view.widgets import PlainStatic
from wizard.words import say


class Sheet(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,question_mark,f1", "dismiss", show=False),
        Binding("l", "app.language", show=False),
    ]

    def title_text(self) -> str:
        raise NotImplementedError

    def text(self) -> VisualType:
        raise NotImplementedError

    def foot(self) -> str:
        return say("view.sheet.keys")

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="card"):
            yield PlainStatic(self.title_text(), classes="title")
            yield PlainStatic(self.text(), id="sheet-text")
            yield PlainStatic(self.foot(), classes="foot")

    async def speak(self) -> None:
        await self.recompose()


class Help(Sheet):
    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key

    def title_text(self) -> str:
        return say("view.help.title")

    def text(self) -> VisualType:
        return say(self.key)

    def foot(self) -> str:
        return say("view.help.everywhere")


class Leaf(Sheet):
    """A text under a title from the word catalogue. `text` is asked again when the language changes; `copy`: what F4
    copies; the sheet is then as wide as can be."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f4", "copy", show=False)]

    def __init__(self, title: str, text: Callable[[], VisualType], *, copy: str = "") -> None:
        super().__init__(classes="wide" if copy else None)
        self._title_key = title
        self._text = text
        self._copy = copy

    def foot(self) -> str:
        return say("view.sheet.copy") if self._copy else super().foot()

    def action_copy(self) -> None:
        if self._copy:
            self.app.copy_to_clipboard(self._copy)
            self.notify(say("view.sheet.copied"), markup=False)

    def title_text(self) -> str:
        return say(self._title_key)

    def text(self) -> VisualType:
        return self._text()
