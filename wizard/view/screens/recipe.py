"""What fits this machine, best first; what does not, greyed, with the arithmetic and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable, Input

from wizard.contract import Catalog, Verdict
from wizard.view import telling
from wizard.view.grid import clipped
from wizard.view.screens.page import Page
from wizard.view.widgets import Banner, Key, Keys, Listing, PlainStatic
from wizard.view.widgets.memory import MemoryBar
from wizard.words import pick, say
from wizard.words.units import gib, seconds

COLUMNS = ("model", "method", "needs", "fit", "time", "length", "mark")
NARROW = 76
GAP = 2
EDGES = 3  # padding, and the scroll bar
COLOURS = {"fits": "success", "tight": "warning", "no": "quiet"}


class RecipeStep(Page):
    NAME = "recipe"
    STEP = "recipe"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", show=False),
        Binding("m", "method", show=False),
        Binding("k", "knobs", show=False),
        Binding("g", "only_fitting", show=False),
        Binding("l", "app.language", show=False),
        Binding("q", "app.leave", show=False),
    ]
    verdicts: tuple[Verdict, ...] = ()
    catalog: Catalog
    only_fitting = False
    method = ""
    wanted = ""

    def compose(self) -> ComposeResult:
        yield Banner(self.heading(), self.aside())
        yield Listing(id="offers")
        yield Input(id="search", compact=True, placeholder=say("view.recipe.search"), classes="hidden")
        with Vertical(id="detail"):
            yield MemoryBar(id="memory")
            yield PlainStatic(id="about")
        yield Keys()

    def keys(self) -> Sequence[Key]:
        return [
            Key("enter", "choose", "take"),
            Key("k", "knobs", "knobs"),
            Key("/", "search", "search"),
            Key("m", "method", "method"),
            Key("g", "show_all" if self.only_fitting else "only_fitting", "only_fitting"),
            Key("?", "help", "help"),
        ]

    def fill(self) -> None:
        if self.verdicts:
            self._list()
            return
        self.query_one("#about", PlainStatic).show((say("view.recipe.judging"), "$quiet"))
        task = self.draft.task
        self.errand(lambda: (self.window.offers(task), self.desk.catalog()), self._offered)

    def _offered(self, answer: tuple[tuple[Verdict, ...], Catalog]) -> None:
        self.verdicts, self.catalog = answer
        self._list()

    def on_resize(self) -> None:
        if self.verdicts:
            self._list()

    # the table

    def shown(self) -> list[Verdict]:
        return [self.draft.turned.get((v.recipe, v.model), v) for v in self.verdicts if self._wanted(v)]

    def _wanted(self, verdict: Verdict) -> bool:
        if self.only_fitting and verdict.status == "no":
            return False
        if self.method and verdict.method != self.method:
            return False
        words = f"{self._model(verdict)} {self._method(verdict)} {verdict.recipe}".casefold()
        return all(word in words for word in self.wanted.casefold().split())

    def _list(self) -> None:
        table = self.query_one("#offers", DataTable)
        rows = self.shown()
        before = self._highlighted(table) or self._remembered()
        table.clear(columns=True)
        columns = [name for name in COLUMNS if self.size.width >= NARROW or name not in ("length", "mark")]
        for name in columns:
            table.add_column(Text(say(f"view.recipe.column.{name}") + "  "), key=name)
        cells = [self._cells(verdict) for verdict in rows]
        self._fit(cells, columns)
        for verdict, row in zip(rows, cells, strict=True):
            table.add_row(*(row[name] for name in columns), key=f"{verdict.recipe}|{verdict.model}")
        if not self.query_one("#search", Input).has_focus:
            table.focus()
        if rows:
            keys = [(v.recipe, v.model) for v in rows]
            table.move_cursor(row=keys.index(before) if before in keys else 0)
        else:
            self.query_one(MemoryBar).verdict = None
            self.query_one("#about", PlainStatic).show((say("view.recipe.none"), "$warning"))

    def _fit(self, rows: Sequence[dict[str, Text]], columns: Sequence[str]) -> None:
        """One column gives way, so that none is out of sight; what it loses stands below the table."""
        yielding = "mark" if "mark" in columns else "model"
        others = [name for name in columns if name != yielding]
        heads = {name: cell_len(say(f"view.recipe.column.{name}")) + GAP for name in others}
        used = sum(max([heads[name], *(row[name].cell_len for row in rows)]) for name in others)
        gap = " " * (0 if yielding == columns[-1] else GAP)
        room = self.size.width - used - EDGES - len(gap)
        for row in rows:
            row[yielding].plain = clipped(row[yielding].plain.rstrip(), room) + gap

    def _remembered(self) -> tuple[str, str] | None:
        held = self.draft.verdict
        if held and held.task == self.draft.task:
            return held.recipe, held.model
        return next(((v.recipe, v.model) for v in self.verdicts if v.recommended), None)

    def _highlighted(self, table: DataTable[Text]) -> tuple[str, str] | None:
        verdict = self.current(table)
        return (verdict.recipe, verdict.model) if verdict else None

    def current(self, table: DataTable[Text] | None = None) -> Verdict | None:
        table = table or self.query_one("#offers", DataTable)
        if not table.row_count:
            return None
        key = str(table.coordinate_to_cell_key(table.cursor_coordinate).row_key.value)
        found = next((v for v in self.verdicts if f"{v.recipe}|{v.model}" == key), None)
        return self.draft.turned.get((found.recipe, found.model), found) if found else None

    def _cells(self, verdict: Verdict) -> dict[str, Text]:
        colours = self.app.theme_variables
        grey = colours["quiet"] if verdict.status == "no" else ""
        sign = {"fits": "", "tight": "", "no": "- "}[verdict.status]
        marks = [telling.shortfall(verdict)] if verdict.status == "no" else []
        marks += [say("view.recipe.recommended")] if verdict.recommended else []
        marks += [say("verdict.needs_hub")] if verdict.needs_hub and verdict.status != "no" else []
        marks += [say("view.recipe.yours")] if self.catalog.recipes[verdict.recipe].yours else []
        marks += [say("view.recipe.cards", n=verdict.knobs.n_gpus)] if verdict.knobs.n_gpus > 1 else []
        marks += [say("view.recipe.turned")] if (verdict.recipe, verdict.model) in self.draft.turned else []
        texts = {
            "model": sign + self._model(verdict),
            "method": self._method(verdict),
            "needs": gib(verdict.card_bytes),
            "time": seconds(verdict.seconds, brief=True) if verdict.status != "no" else "-",
            "length": str(verdict.knobs.seq_len),
            "mark": ", ".join(marks),
        }
        cells = {name: Text(f"{text}  ", style=grey, no_wrap=True) for name, text in texts.items()}
        status = f"{colours[COLOURS[verdict.status]]} bold"
        return {**cells, "fit": Text(say(f"verdict.{verdict.status}") + "  ", style=status, no_wrap=True)}

    def _model(self, verdict: Verdict) -> str:
        return self.catalog.models[verdict.model].title

    def _method(self, verdict: Verdict) -> str:
        return self.catalog.methods[verdict.method].title

    # the row under the cursor

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        if verdict := self.told():
            self.query_one(MemoryBar).verdict = verdict
            self.query_one("#about", PlainStatic).update(self.about(verdict))

    def told(self) -> Verdict | None:
        """The row under the cursor with its arithmetic, which takes less than a frame."""
        verdict = self.current()
        return self.desk.explained(verdict) if verdict and not verdict.terms else verdict

    def about(self, verdict: Verdict) -> Content:
        recipe = self.catalog.recipes[verdict.recipe]
        lines: list[Content] = []
        if verdict.status == "no":
            lines.append(Content.styled(telling.why_not(verdict), "$error"))
            if ways := telling.remedies(verdict):
                lines.append(Content.assemble((say("view.recipe.helps"), "$success bold"), "  ", ways))
            return Content("\n").join(lines)
        if changed := telling.gave_up(verdict):
            lines.append(Content.styled(say("view.recipe.gave_up", changed=changed), "$warning"))
        lines.append(Content.assemble((pick(recipe.title), "bold"), "  ", pick(recipe.why)))
        basis = say(f"basis.{verdict.basis}")
        moment = say(f"moment.{verdict.moment}")
        lines.append(Content.styled(say("view.recipe.peak", moment=moment, basis=basis), "$quiet"))
        lines += [Content.styled(telling.told(note)["what"], "$quiet") for note in verdict.engine_notes]
        return Content("\n").join(lines)

    # keys

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_take()

    def action_take(self) -> None:
        verdict = self.told()
        if verdict is None:
            return
        if verdict.status == "no":
            self.notify(say("view.recipe.refused"), severity="warning", markup=False)
            return
        if self.draft.verdict is None or self.draft.verdict.recipe != verdict.recipe:
            self.draft.source = None
        self.draft.verdict = verdict
        from wizard.view.screens.data import DataStep

        self.app.push_screen(DataStep())

    def action_knobs(self) -> None:
        if verdict := self.told():
            from wizard.view.screens.knobs import KnobsScreen

            self.app.push_screen(KnobsScreen(verdict), self._turned)

    def _turned(self, verdict: object) -> None:
        if isinstance(verdict, Verdict):
            self.draft.turned[verdict.recipe, verdict.model] = verdict
            self._list()

    def action_only_fitting(self) -> None:
        self.only_fitting = not self.only_fitting
        self.refresh_keys()
        self._list()

    def action_method(self) -> None:
        methods = ["", *dict.fromkeys(v.method for v in self.verdicts)]
        self.method = methods[(methods.index(self.method) + 1) % len(methods)]
        self._list()

    def action_search(self) -> None:
        box = self.query_one("#search", Input)
        box.remove_class("hidden")
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.wanted = event.value
        if self.verdicts:
            self._list()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.input.set_class(not event.value, "hidden")
        self.query_one("#offers", DataTable).focus()

    def action_back(self) -> None:
        """Esc first ends the search, then goes back a step."""
        box = self.query_one("#search", Input)
        if box.has_class("hidden"):
            self.dismiss(None)
            return
        box.value = ""
        box.add_class("hidden")
        self.query_one("#offers", DataTable).focus()
