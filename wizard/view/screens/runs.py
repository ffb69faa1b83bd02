"""The runs of this machine: opened, gone on with, stopped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from wizard.contract import RunState
from wizard.view import telling
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, Keys, Listing, PlainStatic
from wizard.words import say

NARROW = 76
LOOK_AGAIN = 2.0
GOING = ("running", "serving")
COLOURS = {"running": "primary", "serving": "success", "done": "success", "failed": "error"}


class Runs(Page):
    NAME = "runs"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", show=False),
        Binding("l", "app.language", show=False),
        Binding("q", "app.leave", show=False),
    ]
    states: tuple[RunState, ...] | None = None

    def __init__(self, run: str = "") -> None:
        """`run`: the one under the cursor at first."""
        super().__init__()
        self.run = run

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(LOOK_AGAIN, self.look_again)

    def compose(self) -> ComposeResult:
        yield self.banner()
        yield Listing(id="runs")
        yield PlainStatic(id="about")
        yield Keys()

    def keys(self) -> Sequence[Key]:
        state = self.current()
        return [
            *([Key("enter", "open", "open")] if state else []),
            *([Key("s", "stop", "stop")] if state and state.status in GOING else []),
            Key("esc", "back", "back"),
            Key("l", "language", "app.language"),
            Key("?", "help", "help"),
        ]

    def fill(self) -> None:
        if self.states is None:
            self.query_one("#about", PlainStatic).show((say("view.runs.looking"), "$quiet"))
            self.errand(lambda: tuple(self.desk.runs()), self._found)
        else:
            self._found(self.states)

    def on_resize(self) -> None:
        if self.states:
            self._found(self.states)

    def on_screen_resume(self) -> None:
        self.look_again()

    def look_again(self) -> None:
        if self.is_current:
            self.errand(lambda: tuple(self.desk.runs()), self._look_at, lambda _: None)

    def _look_at(self, states: tuple[RunState, ...]) -> None:
        if states != self.states:
            self._found(states)

    def _found(self, states: tuple[RunState, ...]) -> None:
        here = self.current()
        self.run = here.run if here else self.run
        self.states = states
        table = self.query_one("#runs", DataTable)
        table.clear(columns=True)
        for name in ("run", "status", "progress"):
            table.add_column(Text(say(f"column.{name}") + "  "), key=name)
        colours = self.app.theme_variables
        for state in states:
            colour = colours[COLOURS.get(state.status, "warning")]
            cells = [Text(state.run + "  "), Text(say(f"status.{state.status}") + "  ", style=colour)]
            table.add_row(*cells, Text(telling.progress(state, short=self.size.width < NARROW)), key=state.run)
        names = [state.run for state in states]
        table.move_cursor(row=names.index(self.run) if self.run in names else 0)
        table.focus()
        self._tell_row()
        if not states:
            self.query_one("#about", PlainStatic).update(say("plain.no_runs"))

    def current(self) -> RunState | None:
        row = self.query_one("#runs", DataTable).cursor_row
        return self.states[row] if self.states and 0 <= row < len(self.states) else None

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self._tell_row()

    def _tell_row(self) -> None:
        self.refresh_keys()
        if state := self.current():
            problem = telling.told(state.problem)["what"] if state.problem else ""
            self.query_one("#about", PlainStatic).update(problem or state.endpoint)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        if state := self.current():
            self.window.open_run(state.run)

    def action_stop(self) -> None:
        state = self.current()
        if state is None or state.status not in GOING:
            return
        from wizard.view.screens.confirm import Confirm

        run = state.run

        def stop(answer: str | None) -> None:
            if answer in ("now", "after_checkpoint"):
                later = answer == "after_checkpoint"
                self.errand(lambda: self.desk.stop(run, after_checkpoint=later), lambda _: self.on_screen_resume())

        if state.status == "serving":
            self.app.push_screen(Confirm("stop_serving", ["no", "now"], run=run), stop)
        else:
            self.app.push_screen(Confirm("stop", ["no", "after_checkpoint", "now"], run=run), stop)
