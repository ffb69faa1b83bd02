"""What came out: the answers before and after, the served model to talk to, and where everything is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from wizard.contract import CHAT, Problem, RunState
from wizard.errors import WizardError
from wizard.session import Endpoint, Onward, Outcome
from wizard.view import measures, telling
from wizard.view.draft import going_on
from wizard.view.errands import unexpected
from wizard.view.pasting import continued
from wizard.view.screens.page import Page
from wizard.view.talk import Talk
from wizard.view.widgets import Key, PlainStatic
from wizard.view.widgets.chat import ChatBox
from wizard.view.widgets.compare import Compare
from wizard.view.widgets.facts import Fact, Facts
from wizard.words import known, say
from wizard.words.units import seconds

LOOK_AGAIN = 1.0
WAYS = {"quantise": "z", "evaluate": "e"}  # their keys
Found = tuple[Outcome, Endpoint | None, Mapping[str, str], float, tuple[str, ...]]  # snippets by form, time, ways on
PATHS = ("adapter", "trained", "merged", "quantised", "config", "report", "evaluation")


class Done(Page):
    NAME = "done"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,enter", "chat", show=False),
        Binding("f3", "key", show=False),
        Binding("f4", "copy", show=False),
        Binding("f5", "form", show=False),
        Binding("s", "stop", show=False),
        Binding("x", "expose", show=False),
        Binding("z", "onward('quantise')", show=False),
        Binding("e", "onward('evaluate')", show=False),
        Binding("l", "app.language", show=False),
        Binding("q", "app.leave", show=False),
    ]
    outcome: Outcome | None = None
    endpoint: Endpoint | None = None
    key_shown = False
    took = 0.0
    ways: tuple[str, ...] = ()  # on from here: quantise, evaluate

    def __init__(self, run: str) -> None:
        super().__init__()
        self.run = run
        self.snippets: Mapping[str, str] = {}
        self.form = 0
        self.head = CHAT
        self.talk = Talk(self._ask, self._explain, lambda: self.desk.base_of(self.run))

    def _ask(self, messages: Sequence[Mapping[str, Any]], more: Mapping[str, Any]) -> Iterator[str]:
        if self.head == CHAT:
            return self.desk.chat(self.run, messages, **more)
        return iter([self.desk.tried(self.run, messages[-1]["content"])])

    def aside(self) -> str:
        return self.run

    def body(self) -> ComposeResult:
        yield PlainStatic(id="headline")
        yield Facts(id="where")
        yield Compare(id="compare")
        yield PlainStatic(id="snippet")
        yield Facts(id="paths")
        yield PlainStatic(id="next")

    def foot(self) -> ComposeResult:
        yield ChatBox(self.talk, id="chat")

    def _explain(self, error: Exception) -> Problem:
        return error.problem if isinstance(error, WizardError) else unexpected(error, self.desk.home.logs)

    def keys(self) -> Sequence[Key]:
        onward = [Key(WAYS[name], name, f"onward('{name}')") for name in self.ways]
        if not self.endpoint:
            return [
                *onward,
                Key("l", "language", "app.language"),
                Key("?", "help", "help"),
                Key("esc", "runs", "back"),
                Key("q", "quit", "app.leave"),
            ]
        keys = [
            Key("F3", "hide_key" if self.key_shown else "show_key", "key"),
            Key("F4", "copy_snippet", "copy"),
            Key("F5", "next_form", "form"),
            Key("pgdn", "more", "roll_page(1)"),
        ]
        if isinstance(self.focused, Input):
            send = "send" if self.talk.typed.strip() else "send_example"
            return [
                Key("enter", send, "chat"),
                *keys,
                Key("F2", "language", "app.language"),
                Key("esc", "leave_chat", "back"),
            ]
        return [
            Key("tab", "type", "chat"),
            *keys,
            Key("x", "expose", "expose"),
            *onward,
            Key("s", "stop_server", "stop"),
            Key("l", "language", "app.language"),
            Key("esc", "runs", "back"),
            Key("q", "quit", "app.leave"),
        ]

    def on_mount(self) -> None:
        self.query_one(ChatBox).add_class("hidden")
        super().on_mount()

    def fill(self) -> None:
        if self.outcome:
            self._tell(self.outcome)
        else:
            self.query_one("#headline", PlainStatic).show((say("view.done.reading"), "$quiet"))
            self._read()

    def _read(self) -> None:
        self.errand(self._results, self._came)

    def _results(self) -> Found:
        outcome = self.desk.outcome(self.run)
        try:
            endpoint = self.desk.endpoint(self.run)
            self.head = self.desk.head(self.run)
            question = self.question(outcome)
            forms = self.desk.snippet_forms(self.run)
            snippets = {form: self.desk.snippet(self.run, form, question) for form in forms}
        except WizardError:
            endpoint, snippets = None, {}
        return outcome, endpoint, snippets, took(self.desk.watch(self.run).poll()), self.desk.ways_on(self.run)

    def _came(self, answer: Found) -> None:
        first = self.outcome is None
        self.outcome, self.endpoint, self.snippets, self.took, self.ways = answer
        self._tell(self.outcome)
        chat = self.query_one(ChatBox)
        chat.set_class(self.endpoint is None, "hidden")
        if first and self.endpoint:
            chat.query_one(Input).focus()
        self.refresh_keys()
        if self.endpoint and len(self.outcome.after) < len(self.outcome.questions):
            self.set_timer(LOOK_AGAIN, self._read)

    def _tell(self, outcome: Outcome) -> None:
        head = f"view.done.serving.{self.head}" if self.endpoint else "view.done.finished"
        self.query_one("#headline", PlainStatic).show((say(head, time=seconds(self.took)), "$success bold"))
        self.query_one(Compare).tell(
            outcome.questions,
            outcome.before,
            outcome.after,
            waiting=self.endpoint is not None,
        )
        self.query_one("#where", Facts).tell(list(self._where(outcome)))
        self.query_one("#paths", Facts).tell([*self._learned(outcome), *self._paths(outcome)])
        self.query_one("#snippet", PlainStatic).update(self._snippet())
        self.query_one("#next", PlainStatic).update(self._next())
        chat = self.query_one(ChatBox)
        chat.set_class(self.endpoint is None, "hidden")
        chat.suggest(self.question(outcome))
        chat.greet(say(f"view.chat.hello.{self.head}"))

    def question(self, outcome: Outcome) -> str:
        return outcome.questions[0] if outcome.questions else say("view.chat.placeholder")

    def _snippet(self) -> Content:
        if not self.snippets:
            return Content("")
        form, text = self._shown(0)
        if form == "curl":
            text = continued(text, max(40, self.size.width - 6))
        title = say("view.done.snippet", form=form, next=self._shown(1)[0])
        return Content.assemble((title, "$secondary"), "\n", text)

    def _shown(self, further: int) -> tuple[str, str]:
        return list(self.snippets.items())[(self.form + further) % len(self.snippets)]

    def _where(self, outcome: Outcome) -> Iterator[tuple[str, str]]:
        if self.endpoint:
            key = self.endpoint.key if self.key_shown else say("view.done.key_hidden")
            yield say("outcome.endpoint"), self.endpoint.url
            yield say("view.done.model"), f"{outcome.model}  ({outcome.engine})"
            yield say("view.done.key"), key
            if outcome.prompts.get("talks"):
                yield say("outcome.prompts"), telling.prompts(outcome.prompts, trained=outcome.trained)

    def _learned(self, outcome: Outcome) -> Iterator[Fact]:
        if outcome.losses:
            yield say("outcome.held_back"), telling.losses(outcome.losses)
        if outcome.quantised:
            style = "$error" if telling.is_worse(outcome.quantised) else ""
            yield say("outcome.quantised"), Content.styled(telling.quantised(outcome.quantised), style)
        yield from measures.lines(outcome.measured)

    def _paths(self, outcome: Outcome) -> Iterator[tuple[str, str]]:
        named = [name for name in PATHS if name in outcome.paths]
        for name in [*named, *(other for other in outcome.paths if other not in named)]:
            label = say(f"path.{name}") if known(f"path.{name}") else name
            yield label, telling.short_path(outcome.paths[name])

    def _next(self) -> Content:
        served = ["bench", "expose", "stop"] if self.endpoint else []
        shown = [say(f"view.done.next.{name}", run=self.run) for name in ("export", "again", *self.ways, *served)]
        return Content.assemble((say("view.done.what_next"), "$primary bold"), *(f"\n- {line}" for line in shown))

    def on_resize(self) -> None:
        if self.outcome:
            self._tell(self.outcome)

    def on_descendant_focus(self) -> None:
        self.refresh_keys()

    def on_descendant_blur(self) -> None:
        self.refresh_keys()

    # keys

    def action_chat(self) -> None:
        if self.endpoint:
            self.query_one("#chat-input", Input).focus()

    def action_key(self) -> None:
        self.key_shown = not self.key_shown
        self.refresh_keys()
        self.fill()

    def on_chat_box_typed(self) -> None:
        self.refresh_keys()

    def action_copy(self) -> None:
        """Through the terminal (OSC 52), so it arrives at the machine a person sits at."""
        if self.snippets:
            form, text = self._shown(0)
            self.app.copy_to_clipboard(text)
            self.notify(say("view.done.copied", form=form), markup=False)

    def action_form(self) -> None:
        """The same in the next language."""
        self.form += 1
        self.query_one("#snippet", PlainStatic).update(self._snippet())

    def action_onward(self, name: str) -> None:
        """To the review of a run that takes what this one made."""
        if name in self.ways:
            self.errand(lambda: self.desk.onward(self.run), lambda found: self._onward(name, found))

    def _onward(self, name: str, found: Onward) -> None:
        from wizard.view.screens.review import Review

        self.window.draft = going_on(found, evaluate=name == "evaluate")
        self.app.push_screen(Review(choosing=name == "quantise"))

    def action_stop(self) -> None:
        if self.endpoint:
            from wizard.view.screens.confirm import Confirm

            self.app.push_screen(Confirm("stop_serving", ["no", "now"], run=self.run), self._stop)

    def action_expose(self) -> None:
        if self.endpoint:
            from wizard.view.screens.expose import ExposeScreen

            self.app.push_screen(ExposeScreen(self.run))

    def _stop(self, answer: str | None) -> None:
        if answer == "now":
            self.errand(lambda: self.desk.stop(self.run), lambda _: self.list_runs(self.run))

    def action_back(self) -> None:
        """Esc leaves the box to type in first, so that the letter keys work; then it goes to the list of runs."""
        if isinstance(self.focused, Input):
            self.set_focus(None)
        else:
            self.list_runs(self.run)


def took(state: RunState) -> float:
    """From the run's start to its last word of a stage done or a server ready."""
    ends = [stage.ended for stage in state.stages if stage.status in ("done", "ready", "stopped")]
    return max([state.started, *ends]) - state.started
