"""What every screen shares: banner above, keys below, errands to the desk, help, and speaking the other language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen

from wizard.contract import Problem
from wizard.view.errands import Returned, send
from wizard.view.widgets import Banner, Key, Keys
from wizard.view.widgets.banner import step, steps
from wizard.words import say

if TYPE_CHECKING:
    from wizard.session import Desk
    from wizard.view.app import WizardApp
    from wizard.view.draft import Draft

T = TypeVar("T")


class Page(Screen[object]):
    """A screen fills itself in `fill`, which runs again when the language changes; `compose` only lays out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("question_mark", "help", show=False),
        Binding("down", "roll(1)", show=False),
        Binding("up", "roll(-1)", show=False),
        Binding("pagedown", "roll_page(1)", show=False),
        Binding("pageup", "roll_page(-1)", show=False),
    ]
    AUTO_FOCUS = ""  # a hidden box must not swallow letters; each screen says what is focused
    NAME: ClassVar[str] = ""
    STEP: ClassVar[str] = ""
    late: list[Returned] | None = None

    @property
    def window(self) -> WizardApp:
        from wizard.view.app import WizardApp

        assert isinstance(self.app, WizardApp)
        return self.app

    @property
    def desk(self) -> Desk:
        return self.window.desk

    @property
    def draft(self) -> Draft:
        return self.window.draft

    # layout

    def compose(self) -> ComposeResult:
        yield self.banner()
        with VerticalScroll(id="body", can_focus=False):
            yield from self.body()
        yield from self.foot()
        yield Keys()

    def banner(self) -> Banner:
        return Banner(self.heading(), self.aside(), step(self.STEP) if self.STEP else None)

    def body(self) -> ComposeResult:
        yield from ()

    def foot(self) -> ComposeResult:
        """What stays in sight while the body is scrolled."""
        yield from ()

    def heading(self) -> Content:
        return steps(self.STEP) if self.STEP else Content.styled(say(f"view.{self.NAME}.title"), "$primary bold")

    def aside(self) -> str:
        return say("view.pretending", board=self.desk.pretend) if self.desk.pretend else ""

    def keys(self) -> Sequence[Key]:
        return ()

    def fill(self) -> None:
        """Put in what is known by now."""

    def on_mount(self) -> None:
        self.refresh_keys()
        self.fill()

    def refresh_keys(self) -> None:
        for line in self.query(Keys):
            line.offer(self.keys())

    async def speak(self) -> None:
        """The same screen in the language that was just chosen, with the cursor where it was."""
        focused, self.late = self.focused.id if self.focused else None, []
        await self.recompose()
        self.refresh_keys()
        self.fill()
        late, self.late = self.late, None
        for message in late:
            self.on_returned(message)
        if focused and (found := self.query(f"#{focused}")):
            found.first().focus()

    # errands

    def errand(
        self, work: Callable[[], T], then: Callable[[T], None], failed: Callable[[Problem], None] | None = None
    ) -> None:
        send(self, work, then, failed or self.window.explain, self.desk.home.logs)

    def on_returned(self, message: Returned) -> None:
        """What comes while the screen is laid out anew waits for it: what it is told to may not be there."""
        message.stop()
        if self.late is not None:
            self.late.append(message)
        else:
            message.then(message.value)

    # keys everybody has

    def action_back(self) -> None:
        self.dismiss(None)

    def list_runs(self, run: str) -> None:
        """From a run to the list it stands in."""
        from wizard.view.screens.runs import Runs

        window = self.window
        window.go_home()
        window.push_screen(Runs(run))

    def action_roll(self, by: int) -> None:
        for body in self.query("#body").results(VerticalScroll):
            body.scroll_relative(y=by, animate=False)

    def action_roll_page(self, by: int) -> None:
        for body in self.query("#body").results(VerticalScroll):
            body.scroll_relative(y=by * max(1, body.size.height - 1), animate=False)

    def help_key(self) -> str:
        """The word key of what the cursor stands on: the nearest widget with an id that has help, else the screen."""
        from wizard.words import known

        node = self.focused
        while node is not None and node is not self:
            if node.id and known(key := f"view.help.{self.NAME}.{node.id}"):
                return key
            node = node.parent if hasattr(node.parent, "id") else None  # type: ignore[assignment]
        return f"view.help.{self.NAME}.screen"

    def action_help(self) -> None:
        from wizard.view.screens.help import Help

        self.app.push_screen(Help(self.help_key()))
