"""Every format that the weights may be written in: who loads it here, or why it cannot be had."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wizard.session import Smaller
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, Keys, PlainStatic
from wizard.words import pick, say

NONE = "-"


class FormatsScreen(Page):
    """Answers with a format's id, "" for none."""

    NAME = "formats"

    def __init__(self, found: Sequence[Smaller], chosen: str) -> None:
        super().__init__()
        self.found, self.chosen = {each.format.id: each for each in found}, chosen

    def compose(self) -> ComposeResult:
        yield self.banner()
        yield OptionList(id="formats", compact=True)
        with Vertical(id="detail"):
            yield PlainStatic(id="why")
        yield Keys()

    def keys(self) -> Sequence[Key]:
        take = [Key("enter", "choose", "take")] if self._able(self._here()) else []
        return [*take, Key("esc", "back", "back"), Key("l", "language", "app.language"), Key("?", "help", "help")]

    def fill(self) -> None:
        options = self.query_one("#formats", OptionList)
        options.clear_options()
        rows = [(NONE, say("view.formats.none"), say("view.formats.none_hint"), "bold")]
        for id, each in self.found.items():
            bits = say("view.formats.bits", bits=f"{round(each.format.bits, 1):g}")
            hint = bits if each.able else say("view.comma").join([bits, say("view.formats.not_here")])
            rows.append((id, pick(each.format.title), hint, "bold" if each.able else "$quiet"))
        width = max(cell_len(name) for _, name, *_ in rows)
        for id, name, hint, style in rows:
            gap = " " * (width - cell_len(name) + 2)
            options.add_option(Option(Content.assemble((name, style), gap, (hint, "$quiet")), id=id))
        ids = [id for id, *_ in rows]
        options.highlighted = ids.index(self.chosen) if self.chosen in ids else 0
        options.focus()

    def _here(self) -> str:
        options = self.query_one("#formats", OptionList)
        at = options.highlighted
        return NONE if at is None or not options.option_count else str(options.get_option_at_index(at).id)

    def _able(self, id: str) -> bool:
        return id == NONE or self.found[id].able

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self.query_one("#why", PlainStatic).update(self._why(str(event.option.id)))
        self.refresh_keys()

    def _why(self, id: str) -> Content:
        if id == NONE:
            return Content(say("view.formats.none_why"))
        each = self.found[id]
        return Content.assemble(pick(each.format.why), "\n", (each.told, "$success" if each.able else "$error"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        id = str(event.option.id)
        if self._able(id):
            self.dismiss("" if id == NONE else id)

    def action_take(self) -> None:
        self.query_one("#formats", OptionList).action_select()
