"""A question with named answers; nothing that cannot be undone happens without one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wizard.view.widgets import PlainStatic
from wizard.words import say


class Confirm(ModalScreen[str]):
    """Words are view.confirm.<name>.question and .<answer>; the first answer is the harmless one, and Enter's."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", show=False)]

    def __init__(self, question: str, answers: Sequence[str], **params: str) -> None:
        super().__init__()
        self.question = question
        self.answers = answers
        self.params = params

    def compose(self) -> ComposeResult:
        with Vertical(classes="card"):
            yield PlainStatic(self._say("question"), classes="title")
            yield OptionList(*(Option(self._say(name), id=name) for name in self.answers), id="answers", compact=True)
            yield PlainStatic(say("view.confirm.keys"), classes="quiet")

    def _say(self, part: str) -> str:
        return say(f"view.confirm.{self.question}.{part}", **self.params)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(str(event.option.id))

    async def speak(self) -> None:
        await self.recompose()
