"""The recipe's settings with their defaults and reasons; the memory bar follows each turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable

from wizard.contract import Knobs, Method, Verdict
from wizard.view import telling
from wizard.view.screens.page import Page
from wizard.view.turning import turned, used
from wizard.view.widgets import Key, Keys, Listing, PlainStatic
from wizard.view.widgets.memory import MemoryBar
from wizard.words import known, say


class KnobsScreen(Page):
    NAME = "knobs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "turn(-1)", show=False, priority=True),
        Binding("right,plus,equals_sign", "turn(1)", show=False, priority=True),
        Binding("0", "reset", show=False),
        Binding("l", "app.language", show=False),
    ]

    def __init__(self, verdict: Verdict, method: Method, title: str) -> None:
        super().__init__()
        self.method, self.names = method, used(method)
        self.title_text = title
        self.start = verdict
        self.verdict = verdict
        self.knobs = verdict.knobs
        self.defaults: Knobs | None = None

    def compose(self) -> ComposeResult:
        yield self.banner()
        yield Listing(id="knobs")
        with Vertical(id="detail"):
            yield PlainStatic(id="why")
            yield MemoryBar(id="memory", low_legend=False)
            yield PlainStatic(id="fit")
        yield Keys()

    def keys(self) -> Sequence[Key]:
        return [
            Key("enter", "use", "take"),
            Key("left_right", "turn", "turn(1)"),
            Key("0", "reset", "reset"),
            Key("esc", "discard", "back"),
            Key("?", "help", "help"),
        ]

    def fill(self) -> None:
        table = self.query_one("#knobs", DataTable)
        row = table.cursor_row
        table.clear(columns=True)
        for name in ("knob", "value", "default"):
            table.add_column(Text(say(f"view.knobs.column.{name}") + "   "), key=name)
        for name in self.names:
            table.add_row(*self._cells(name), key=name)
        table.move_cursor(row=row)
        table.focus()
        self._judged(self.verdict)
        if self.defaults is None:
            self.errand(self.desk.catalog, lambda found: self._default(found.recipes[self.start.recipe].knobs))

    def _default(self, knobs: Knobs) -> None:
        self.defaults = knobs
        self._paint()

    def _cells(self, name: str) -> list[Text]:
        value = getattr(self.knobs, name)
        default = getattr(self.defaults, name) if self.defaults else getattr(self.start.knobs, name)
        colours = self.app.theme_variables
        style = f"{colours['primary']} bold" if value != default else "bold"
        return [
            Text(telling.knob_title(name, self.start.task) + "   "),
            Text(f"< {telling.knob_value(value, name)} >   ", style=style),
            Text(telling.knob_value(default, name) + "   ", style=colours["quiet"]),
        ]

    def _paint(self) -> None:
        table = self.query_one("#knobs", DataTable)
        for name in self.names:
            for column, cell in zip(("knob", "value", "default"), self._cells(name), strict=True):
                table.update_cell(name, column, cell, update_width=True)

    def name_here(self) -> str:
        table = self.query_one("#knobs", DataTable)
        return self.names[table.cursor_row]

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        own = f"knob.{self.name_here()}.{self.method.tuner}"  # where the knob turns something else of it
        self.query_one("#why", PlainStatic).update(say(own if known(own) else f"knob.{self.name_here()}.why"))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_take()

    def action_turn(self, by: int) -> None:
        self._set(turned(self.knobs, self.name_here(), by))

    def action_reset(self) -> None:
        if self.defaults:
            self._set(replace(self.knobs, **{self.name_here(): getattr(self.defaults, self.name_here())}))

    def _set(self, knobs: Knobs) -> None:
        if knobs == self.knobs:
            return
        self.knobs = knobs
        self._paint()
        self.errand(lambda: self.desk.judge(self.start.recipe, self.start.model, knobs), self._judged)

    def _judged(self, verdict: Verdict) -> None:
        """Only the newest judgement counts: a slower, older one may come later."""
        if verdict.knobs == self.knobs:
            self.verdict = verdict
            self.query_one(MemoryBar).verdict = verdict
            fit = self.query_one("#fit", PlainStatic)
            fit.set_class(verdict.status == "fits", "hidden")
            fit.show(
                (telling.why_not(verdict), "$error bold")
                if verdict.status == "no"
                else (say("view.knobs.tight"), "$warning")
            )

    def action_take(self) -> None:
        if self.verdict.knobs != self.knobs:
            return
        self.dismiss(self.verdict if self.knobs != self.start.knobs else None)

    def heading(self) -> Content:
        return Content.assemble((say("view.knobs.title"), "$primary bold"), "  ", (self.title_text, "bold"))
