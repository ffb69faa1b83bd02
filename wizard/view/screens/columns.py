"""What a source is read as, turned by hand: its format, its encoding, a column for each role. Rows follow at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable

from wizard.contract import Dataset
from wizard.view import findings, telling
from wizard.view.columns import Entry, entries, turned
from wizard.view.draft import Told
from wizard.view.looking import Looking
from wizard.view.reading import Look, reading
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, Keys, Listing, PlainStatic
from wizard.view.widgets.rows import rendered
from wizard.words import known, say

TITLES = ("role", "column", "about")


class Values(Listing):
    """Its keys come in the order they were pressed, which those of the screen itself would not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,minus", "screen.turn(-1)", show=False),
        Binding("right,plus,equals_sign", "screen.turn(1)", show=False),
    ]


class ColumnsScreen(Page):
    """Ends with the Look that came of it, or with nothing when it is left as it was."""

    NAME = "columns"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u,ctrl+z", "undo", show=False),
        Binding("l", "app.language", show=False),
    ]

    def __init__(self, look: Look, dataset: Dataset | None) -> None:
        super().__init__()
        self.look = look
        self.dataset = dataset
        self.before: list[Told] = []
        self._looking = Looking()
        self._settled = True

    def on_mount(self) -> None:
        self.start = self.shown = self.draft.told  # `shown`: what the rows on the screen are of
        super().on_mount()

    def on_unmount(self) -> None:
        self._looking.leave()

    def compose(self) -> ComposeResult:
        yield self.banner()
        yield Values(id="columns")
        with VerticalScroll(id="detail", can_focus=False):
            yield PlainStatic(id="found")
            yield PlainStatic(id="rows")
        yield Keys()

    def keys(self) -> Sequence[Key]:
        return [
            Key("enter", "use", "take"),
            Key("left_right", "turn", "turn(1)"),
            *([Key("u", "undo", "undo")] if self.before else []),
            Key("esc", "discard", "back"),
            Key("?", "help", "help"),
        ]

    def fill(self) -> None:
        table = self.query_one("#columns", DataTable)
        row = table.cursor_row
        table.clear(columns=True)
        for name in TITLES:
            table.add_column(Text(say(f"view.columns.column.{name}") + "   "), key=name)
        for entry in entries(self.look, self.draft.told):
            table.add_row(*self._cells(entry))
        table.move_cursor(row=row)
        table.focus()
        self._tell()
        self.refresh_keys()

    def _cells(self, entry: Entry) -> list[Text]:
        colours = self.app.theme_variables
        told = self.draft.told.mapping.get(entry.name) if entry.role else getattr(self.draft.told, entry.name)
        style = f"{colours['primary']} bold" if told else "bold"
        about = f"data.role.{entry.name}" if entry.role else f"view.columns.about.{entry.name}"
        need = [say("view.columns.needed")] if entry.required else []
        words = [say(about)] if known(about) else []
        return [
            Text((entry.name if entry.role else say(f"data.{entry.name}")) + "   "),
            Text(f"< {entry.value or '-'} >   ", style=style),
            Text(say("view.comma").join([*words, *need]), style=colours["quiet"]),
        ]

    def _tell(self) -> None:
        found, look = self.query_one("#found", PlainStatic), self.look
        if not self._settled:
            found.show((say("view.data.reading", n=f"{self._looking.rows:,}"), "$quiet"))
        elif look.problem:
            words = telling.told(look.problem)
            found.show((words["what"], "$error bold"), "\n", telling.risen(words["next"]))
        elif look.report:
            found.show((findings.recognised(look.report), "$success"))
        self.query_one("#rows", PlainStatic).update(rendered(look.faces))

    # turning

    def action_turn(self, by: int) -> None:
        """The roles of another format are not known before its rows are."""
        told, place = self.draft.told, self.query_one("#columns", DataTable).cursor_row
        if not entries(self.look, told)[place].role or told.format == self.shown.format:
            self._say(turned(self.look, told, place, by))

    def _say(self, told: Told) -> None:
        if told != self.draft.told:
            self.before.append(self.draft.told)
            self._read(told)

    def action_undo(self) -> None:
        if self.before:
            self._read(self.before.pop())

    def _read(self, told: Told) -> None:
        self.draft.told, self._settled = told, False
        self.errand(
            reading(self.desk, self.draft, self.dataset, self._looking.begin()),
            lambda look: self._looked(told, look),
            lambda problem: self._looked(told, Look(problem=problem)),
        )
        self.fill()

    def _looked(self, told: Told, look: Look | None) -> None:
        if look is None or told != self.draft.told:
            return
        self.look, self.shown, self._settled = look, told, True
        self.fill()

    # leaving

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_take()

    def action_take(self) -> None:
        if self._settled:
            self.dismiss(self.look)

    def action_back(self) -> None:
        self.draft.told = self.start
        self.dismiss(None)
