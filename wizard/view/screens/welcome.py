"""The first question: what do you want to do?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wizard.contract import Catalog, RunState
from wizard.session import goals
from wizard.view import telling
from wizard.view.folding import folded
from wizard.view.screens.page import Page
from wizard.view.widgets import Key, PlainStatic
from wizard.words import say

LOOK_AGAIN = 2.0


class Welcome(Page):
    NAME = "welcome"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "attach", show=False),
        Binding("r", "runs", show=False),
        Binding("l", "app.language", show=False),
        Binding("q", "app.leave", show=False),
        Binding("enter", "hurry", show=False),
    ]
    going: RunState | None = None
    tasks: tuple[str, ...] = ()
    hurried = False

    def body(self) -> ComposeResult:
        yield PlainStatic(id="tagline")
        yield PlainStatic(id="question", classes="title")
        yield OptionList(id="goals", compact=True)
        yield PlainStatic(id="going")

    def keys(self) -> Sequence[Key]:
        attach = [Key("a", "attach", "attach")] if self.going else []
        return [
            Key("enter", "next", "hurry"),
            *attach,
            Key("r", "runs", "runs"),
            Key("l", "language", "app.language"),
            Key("?", "help", "help"),
            Key("q", "quit", "app.leave"),
        ]

    def fill(self) -> None:
        self.query_one("#tagline", PlainStatic).update(say("view.welcome.tagline"))
        self.query_one("#question", PlainStatic).update(say("view.welcome.question"))
        self._list_goals()
        self._tell_going()
        if not self.tasks:
            self.errand(self.desk.catalog, self._catalogue)
        self.look_at_runs()

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(LOOK_AGAIN, self.look_at_runs)

    def on_screen_resume(self) -> None:
        self.look_at_runs()

    def look_at_runs(self) -> None:
        if self.is_current:
            self.errand(self.desk.runs, self._runs, lambda _: None)

    def _catalogue(self, catalog: Catalog) -> None:
        self.tasks = goals(catalog)
        self._list_goals()
        if self.hurried:
            self.action_hurry()

    def _list_goals(self) -> None:
        options = self.query_one("#goals", OptionList)
        options.clear_options()
        width = max([0, *(cell_len(say(f"goal.{task}.title")) for task in self.tasks)])
        for task in self.tasks:
            title, hint = say(f"goal.{task}.title"), say(f"goal.{task}.hint")
            gap = " " * (width - cell_len(title) + 3)
            line = Content.assemble((title, "bold"), gap, (hint, "dim"))
            if line.cell_length > (room := self.size.width - 6):
                below = folded(Content.styled(hint, "dim"), room - 2).split()
                line = Content("\n  ").join([Content.styled(title, "bold"), *below])
            options.add_option(Option(line, id=task))
        if self.tasks:
            options.highlighted = self.tasks.index(self.draft.task) if self.draft.task in self.tasks else 0
            options.focus()

    def on_resize(self) -> None:
        if self.tasks:
            self._list_goals()

    def _runs(self, runs: Sequence[RunState]) -> None:
        self.going = telling.going(runs)
        self._tell_going()
        self.refresh_keys()

    def _tell_going(self) -> None:
        line = self.query_one("#going", PlainStatic)
        line.set_class(self.going is None, "hidden")
        if self.going:
            text = say(f"view.welcome.{self.going.status}", run=self.going.run)
            line.show(
                (text, "$warning bold"), "\n", telling.progress(self.going), "   ", (say("view.welcome.a"), "$primary")
            )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.draft.task = str(event.option.id)
        from wizard.view.screens.hardware import Hardware

        self.app.push_screen(Hardware())

    def action_hurry(self) -> None:
        """Enter before the list has come is kept, not lost."""
        self.hurried = not self.tasks
        if self.tasks:
            self.query_one("#goals", OptionList).action_select()

    def action_back(self) -> None:
        """There is nothing behind the first screen."""

    def action_attach(self) -> None:
        if self.going:
            self.window.open_run(self.going.run)

    def action_runs(self) -> None:
        from wizard.view.screens.runs import Runs

        self.app.push_screen(Runs())
