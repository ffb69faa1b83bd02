"""All recipes of a goal, those that lead first: one of them may fill the list instead of the advised ones."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wizard.contract import Catalog, Recipe
from wizard.session import way
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, Keys, PlainStatic
from wizard.words import pick, say

ADVISED = "advised"


class WaysScreen(Page):
    """Answers with a recipe's id, none for the advised ones."""

    NAME = "ways"

    def __init__(self, recipes: Sequence[Recipe], catalog: Catalog, chosen: str) -> None:
        super().__init__()
        self.recipes, self.catalog, self.chosen = recipes, catalog, chosen

    def compose(self) -> ComposeResult:
        yield self.banner()
        yield OptionList(id="ways", compact=True)
        with Vertical(id="detail"):
            yield PlainStatic(id="whom")
        yield Keys()

    def keys(self) -> Sequence[Key]:
        return [Key("enter", "choose", "take"), Key("esc", "back", "back"), Key("?", "help", "help")]

    def fill(self) -> None:
        options = self.query_one("#ways", OptionList)
        options.clear_options()
        named = [(recipe.id, way(recipe, self.catalog), pick(recipe.title)) for recipe in self.recipes]
        named.insert(0, (ADVISED, say("view.ways.advised"), say("view.ways.advised_hint")))
        width = max(cell_len(name) for _, name, _ in named)
        for id, name, title in named:
            gap = " " * (width - cell_len(name) + 2)
            options.add_option(Option(Content.assemble((name, "bold"), gap, (title, "dim")), id=id))
        ids = [id for id, *_ in named]
        options.highlighted = ids.index(self.chosen) if self.chosen in ids else 0
        options.focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        recipe = self.catalog.recipes.get(str(event.option.id))
        self.query_one("#whom", PlainStatic).update(pick(recipe.why) if recipe else say("view.ways.advised_why"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        id = str(event.option.id)
        self.dismiss("" if id == ADVISED else id)

    def action_take(self) -> None:
        self.query_one("#ways", OptionList).action_select()

    def heading(self) -> Content:
        return Content.styled(say("view.ways.title"), "$primary bold")
