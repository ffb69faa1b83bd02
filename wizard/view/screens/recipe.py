"""What fits this machine, best first; what does not, greyed, with the arithmetic and what would help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable, Input

from wizard.contract import Catalog, Verdict
from wizard.session import leading_first, one_a_model, way
from wizard.view import offering
from wizard.view.about import about
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, Keys, Listing, PlainStatic
from wizard.view.widgets.memory import MemoryBar
from wizard.words import say

Offered = tuple[tuple[Verdict, ...], Catalog]
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
    recipe = ""  # the only one that is listed; else one line a model, of the recipe that is advised for it
    wanted = ""
    refused = False  # Enter was pressed on what does not fit

    def compose(self) -> ComposeResult:
        yield self.banner()
        yield PlainStatic(id="filters", classes="hidden")
        yield Listing(id="offers")
        yield Input(id="search", compact=True, placeholder=say("view.recipe.search"), classes="hidden")
        with Vertical(id="detail"):
            yield MemoryBar(id="memory")
            yield PlainStatic(id="about")
        yield Keys()

    def keys(self) -> Sequence[Key]:
        if self.query_one("#search", Input).has_focus:
            return [Key("enter", "keep_search", "leave_box"), Key("esc", "end_search", "back")]
        here = self.current() if self.verdicts else None
        take = [Key("enter", "choose", "take")] if here and here.status != "no" else []
        return [
            *take,
            Key("k", "knobs", "knobs"),
            Key("/", "search", "search"),
            Key("m", "method", "method"),
            Key("g", "show_all" if self.only_fitting else "only_fitting", "only_fitting"),
            Key("esc", "back", "back"),
            Key("?", "help", "help"),
        ]

    def fill(self) -> None:
        if self.verdicts:
            self._list()
            return
        self.query_one("#about", PlainStatic).show((say("view.recipe.judging"), "$quiet"))
        task = self.draft.task
        self.errand(lambda: (self.window.offers(task, leading=True), self.desk.catalog()), self._led)

    def _led(self, answer: Offered) -> None:
        """Those that lead are there at once; the others are judged while they are looked at."""
        if answer[0]:
            self._offered(answer)
        self.errand(lambda: (self.window.offers(self.draft.task), answer[1]), self._offered)

    def _offered(self, answer: Offered) -> None:
        known = len(self.verdicts)
        self.verdicts, self.catalog = answer
        if len(self.verdicts) != known or not known:
            self._list()

    def on_resize(self) -> None:
        if self.verdicts:
            self._list()

    # the table

    def shown(self) -> list[Verdict]:
        narrowed = [verdict for verdict in self.verdicts if self._wanted(verdict)]
        rows = narrowed if self.recipe or self.wanted.strip() else one_a_model(narrowed, self.catalog)
        return [self.draft.turned.get((v.recipe, v.model), v) for v in rows]

    def _wanted(self, verdict: Verdict) -> bool:
        if self.only_fitting and verdict.status == "no":
            return False
        if self.recipe and verdict.recipe != self.recipe:
            return False
        model = self.catalog.models[verdict.model]
        names = [model.title, model.id, *(source.ref for source in model.sources)]
        words = " ".join([*names, self._way(verdict.recipe), verdict.recipe]).casefold()
        return all(word in words for word in self.wanted.casefold().split())

    def _list(self, *, stay: bool = True) -> None:
        """`stay`: under the cursor is what was there; else, after a search, the best of what is left."""
        table = self.query_one("#offers", DataTable)
        rows = self.shown()
        before = (self._highlighted(table) if stay else None) or self._remembered()
        table.clear(columns=True)
        self._tell_filters(len(rows))
        if rows:
            self._fill_table(table, rows)
            keys = [(v.recipe, v.model) for v in rows]
            table.move_cursor(row=keys.index(before) if before in keys else 0)
        else:
            self.query_one(MemoryBar).verdict = None
            self.query_one("#about", PlainStatic).show((self._nothing(), "$warning"))
        if not self.query_one("#search", Input).has_focus:
            table.focus()
        self.refresh_keys()

    def _fill_table(self, table: DataTable[Text], verdicts: Sequence[Verdict]) -> None:
        rows = [offering.row(verdict, self.catalog, turned=self._is_turned(verdict)) for verdict in verdicts]
        widths = offering.laid_out(rows, self.size.width)
        for name in widths:
            table.add_column(Text(offering.head(name, self.draft.task) + "  "), key=name)
        colours = self.app.theme_variables
        for verdict, row in zip(verdicts, rows, strict=True):
            grey = colours["quiet"] if verdict.status == "no" else ""
            styles = {"verdict": f"{colours[COLOURS[verdict.status]]} bold"}
            cells = [
                Text(offering.cell(row, name, width), style=styles.get(name, grey), no_wrap=True)
                for name, width in widths.items()
            ]
            table.add_row(*cells, key=f"{verdict.recipe}|{verdict.model}")

    def _tell_filters(self, count: int) -> None:
        """What is left out of the list is said above it."""
        method = self._way(self.recipe) if self.recipe else ""
        fitting = say("view.do.only_fitting") if self.only_fitting else ""
        told = say("view.comma").join(part for part in (method, fitting, self.wanted.strip()) if part)
        line = self.query_one("#filters", PlainStatic)
        line.set_class(not told, "hidden")
        line.update(say("view.recipe.filtered", filters=told, n=f"{count:,}", all=f"{len(self.verdicts):,}"))

    def _nothing(self) -> str:
        wanted = self.wanted.strip()
        way_on = "ask_hubs" if self.desk.models.may_ask(wanted) else "no_match"
        return say(f"view.recipe.{way_on}", wanted=wanted) if wanted else say("view.recipe.none")

    def _is_turned(self, verdict: Verdict) -> bool:
        return (verdict.recipe, verdict.model) in self.draft.turned

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

    def _model(self, verdict: Verdict) -> str:
        return self.catalog.models[verdict.model].title

    def _way(self, recipe: str) -> str:
        return way(self.catalog.recipes[recipe], self.catalog)

    # the row under the cursor

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self.refused = False
        self._tell_row()
        self.refresh_keys()

    def _tell_row(self) -> None:
        if verdict := self.told():
            self.query_one(MemoryBar).verdict = verdict
            self.query_one("#about", PlainStatic).update(self.about(verdict))

    def told(self) -> Verdict | None:
        """The row under the cursor with its arithmetic, which takes less than a frame."""
        verdict = self.current()
        return self.desk.explained(verdict) if verdict and not verdict.terms else verdict

    def about(self, verdict: Verdict) -> Content:
        return about(verdict, self.catalog, turned=self._is_turned(verdict), refused=self.refused)

    # keys

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_take()

    def action_take(self) -> None:
        verdict = self.told()
        if verdict is None:
            return
        if verdict.status == "no":
            self.refused = True
            self._tell_row()
            return
        if self.draft.verdict is None or self.draft.verdict.recipe != verdict.recipe:
            self.draft.source = None
        self.draft.verdict = verdict
        from wizard.view.screens.data import DataStep

        self.app.push_screen(DataStep())

    def action_knobs(self) -> None:
        if verdict := self.told():
            from wizard.view.screens.knobs import KnobsScreen

            title = f"{self._model(verdict)}  {self._way(verdict.recipe)}"
            method = self.catalog.methods[verdict.method]
            self.app.push_screen(KnobsScreen(verdict, method, title), self._turned)

    def _turned(self, verdict: object) -> None:
        if isinstance(verdict, Verdict):
            self.draft.turned[verdict.recipe, verdict.model] = verdict
            self._list()

    def action_only_fitting(self) -> None:
        self.only_fitting = not self.only_fitting
        self._list()

    def action_method(self) -> None:
        if self.verdicts:
            from wizard.view.screens.ways import WaysScreen

            named = dict.fromkeys(verdict.recipe for verdict in self.verdicts)
            recipes = leading_first(self.catalog.recipes[name] for name in named)
            self.app.push_screen(WaysScreen(recipes, self.catalog, self.recipe), self._of_one)

    def _of_one(self, recipe: object) -> None:
        if isinstance(recipe, str):
            self.recipe = recipe
            self._list(stay=False)

    def action_search(self) -> None:
        box = self.query_one("#search", Input)
        box.remove_class("hidden")
        box.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.wanted = event.value
        if self.verdicts:
            self._list(stay=False)

    def on_descendant_focus(self) -> None:
        self.refresh_keys()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A name that is not in the list may be a hub's id, or a folder."""
        name = self.wanted.strip()
        if self.shown() or not self.desk.models.may_ask(name):
            return self.action_leave_box()
        self.query_one("#about", PlainStatic).show((say("view.recipe.asking_hubs", name=name), "$quiet"))
        self.errand(lambda: self.desk.models.named(name), self._taken_in)

    def _taken_in(self, _: str) -> None:
        self.verdicts = ()
        self.window.look_again()
        self.action_leave_box()
        self.fill()

    def action_leave_box(self) -> None:
        box = self.query_one("#search", Input)
        box.set_class(not box.value, "hidden")
        self.query_one("#offers", DataTable).focus()

    def action_back(self) -> None:
        """Esc first ends the search, then goes back a step."""
        box = self.query_one("#search", Input)
        if box.has_class("hidden"):
            self.dismiss(None)
            return
        box.value = ""
        self.action_leave_box()
