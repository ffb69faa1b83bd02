"""The window: which screen is shown, the language, and a calm way out. What is on the screens is theirs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import App
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.scrollbar import ScrollBar

from wizard import words
from wizard.contract import Machine, Problem, Verdict
from wizard.view import telling
from wizard.view.draft import Draft
from wizard.view.errands import Once, OnceEach, Returned, send, unexpected
from wizard.view.palette import SIXTEEN, THEME, PlainScrollBar
from wizard.view.screens.page import Page
from wizard.view.screens.toosmall import HEIGHT, WIDTH, TooSmall
from wizard.view.screens.welcome import Welcome
from wizard.words import say

if TYPE_CHECKING:
    from wizard.session import Desk


class WizardApp(App[int]):
    """`attach`: the run to show at once instead of the first question; `draft`: answers that are given already."""

    CSS_PATH: ClassVar[list[str | PurePath]] = ["frame.tcss", "steps.tcss", "run.tcss"]
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", show=False, priority=True),
        Binding("f2", "language", show=False, priority=True),
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    def __init__(self, desk: Desk, *, attach: str = "", draft: Draft | None = None) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-medium"), (110, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-middling"), (36, "-high")]
        theme = SIXTEEN if self.console.color_system in ("standard", "windows") else THEME
        self.register_theme(theme)
        self.theme = theme.name
        self.title = say("view.welcome.title")
        self.desk = desk
        self.draft = draft or Draft()
        self.run_in_sight = attach
        self.plain_signs = os.environ.get("TERM") == "linux" or "utf" not in (sys.stderr.encoding or "utf").lower()
        self.machine: Callable[[], Machine] = Once(desk.machine)
        self._offers = OnceEach(self._judge)
        ScrollBar.renderer = PlainScrollBar

    def on_mount(self) -> None:
        self.push_screen(Welcome())
        if self.run_in_sight:
            self.open_run(self.run_in_sight)
        self.on_resize()
        send(self, self.machine, lambda _: None, lambda _: None, self.desk.home.logs)

    # answers worked out once, whoever asks

    def offers(self, task: str, *, leading: bool = False) -> tuple[Verdict, ...]:
        """Without the terms, which a row tells when it is looked at. Blocks until the machine is known; for errands."""
        return self.desk.within_reach(self._offers(task, leading))

    def _judge(self, task: str, leading: bool) -> tuple[Verdict, ...]:
        self.machine()
        return self.desk.offers(task, terms=False, leading=leading)

    def look_again(self) -> None:
        self.machine = Once(lambda: self.desk.machine(refresh=True))
        self._offers = OnceEach(self._judge)
        self.draft.turned.clear()

    # where to go

    def open_run(self, run: str, *, fresh: bool = False) -> None:
        from wizard.view.screens.watch import WatchScreen

        self.go_home()
        if fresh:
            self.draft = Draft()
        self.run_in_sight = run
        self.push_screen(WatchScreen(self.desk, run))

    def go_home(self) -> None:
        while len(self.screen_stack) > 2:
            self.pop_screen()

    def explain(self, problem: Problem) -> None:
        from wizard.view.screens.problem import ProblemScreen

        self.push_screen(ProblemScreen(problem))

    def on_returned(self, message: Returned) -> None:
        message.then(message.value)

    def on_resize(self, event: Resize | None = None) -> None:
        size = event.size if event else self.size
        small = size.width < WIDTH or size.height < HEIGHT
        shown = isinstance(self.screen, TooSmall)
        if small and not shown and len(self.screen_stack) > 1:  # the size is told before the first screen too
            self.push_screen(TooSmall())
        elif shown and not small:
            self.pop_screen()

    # keys that work everywhere

    def action_help(self) -> None:
        if isinstance(self.screen, Page):
            self.screen.action_help()

    async def action_language(self) -> None:
        words.use("en" if words.language() == "zh" else "zh")
        for screen in self.screen_stack:
            if hasattr(screen, "speak"):
                await screen.speak()

    def action_interrupt(self) -> None:
        """Ctrl-C copies where something is selected, as terminals do; else it leaves."""
        if selected := self.screen.get_selected_text():
            self.copy_to_clipboard(selected)
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Nothing that runs is ended; the last line says how to come back."""
        last = Text(say("plain.detached", run=self.run_in_sight)) if self.run_in_sight else None
        self.exit(0, message=last)

    def _fatal_error(self) -> None:
        """A fault of ours shows its path, not its traceback (with locals, as Textual would)."""
        error = sys.exc_info()[1]
        assert isinstance(error, Exception)
        told = telling.told(unexpected(error, self.desk.home.logs))
        self._exit_renderables.append(Text("\n".join(told.values())))
        self._close_messages_no_wait()

    def _print_error_renderables(self) -> None:
        """Not folded at the window's edge: a path has to be whole to be opened."""
        for told in self._exit_renderables:
            self.error_console.print(told, soft_wrap=True)
        self._exit_renderables.clear()
