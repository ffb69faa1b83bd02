"""A run as it goes: stages, curve, gauges and notes. Leaving this screen stops nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input

from wizard.contract import Plan, RunState, StageState
from wizard.view import telling
from wizard.view.pulse import EVERY, Pulse
from wizard.view.screens.page import Page
from wizard.view.widgets import Banner, Key, Keys, PlainStatic
from wizard.view.widgets.chart import Chart
from wizard.view.widgets.instruments import Instruments
from wizard.view.widgets.log import LogTail, printable
from wizard.view.widgets.stages import StageList
from wizard.words import say
from wizard.words.units import seconds

if TYPE_CHECKING:
    from wizard.session import Desk

METRICS = ("reward", "loss", "completions/mean_length", "kl", "learning_rate", "grad_norm", "tokens_per_second")
REDRAW_SECONDS = 1.0  # numbers move no faster than they are read, and a slow line keeps up
ENDED = ("failed", "stopped", "interrupted")
LEVELS = {"info": "", "warning": "$warning", "error": "$error bold"}


class WatchScreen(Page):
    NAME = "watch"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "resume", show=False),
        Binding("q", "app.leave", show=False),
        Binding("s", "stop", show=False),
        Binding("slash", "filter", show=False),
        Binding("f", "full_log", show=False),
        Binding("p", "plots", show=False),
        Binding("d", "details", show=False),
        Binding("l", "app.language", show=False),
    ]

    def __init__(self, desk: Desk, run: str) -> None:
        super().__init__()
        self.run = run
        self.pulse = Pulse(desk, run)
        self.painted: RunState | None = None
        self.painted_at = 0.0
        self.painted_log: Sequence[str] | None = None
        self.told_problem: object = None
        self.plotted = ""  # chosen by the person, else what leads

    def compose(self) -> ComposeResult:
        yield self.banner()
        yield StageList(id="stages")
        yield PlainStatic(id="now")
        with Horizontal(id="middle"):
            with Vertical(id="curve"):
                yield PlainStatic(id="chart-title")
                yield Chart(plain=self.window.plain_signs, id="chart")
            yield Instruments(id="instruments")
        yield LogTail(id="log")
        yield Keys()

    def heading(self) -> Content:
        return Content.styled(self.run, "$primary bold")

    def keys(self) -> Sequence[Key]:
        if isinstance(self.focused, Input):
            return [Key("enter", "keep_filter", "keep_filter"), Key("esc", "end", "back")]
        state = self.painted
        ended = state is not None and state.status in ENDED
        first = [Key("enter", "resume", "resume")] if ended else []
        first += [Key("d", "details", "details")] if ended and state and state.problem else []
        leave = [Key("q", "quit" if ended else "detach", "app.leave"), Key("esc", "runs", "back")]
        stop = [] if ended else [Key("s", "stop", "stop")]
        log = Key("f", "notes" if self.pulse.wants_log else "full_log", "full_log")
        look = [Key("/", "filter", "filter"), log, Key("p", "plots", "plots"), Key("?", "help", "help")]
        return [*first, *leave, *stop, *look]

    def on_descendant_focus(self) -> None:
        self.refresh_keys()

    def on_descendant_blur(self) -> None:
        self.refresh_keys()

    def on_mount(self) -> None:
        super().on_mount()
        self.pulse.start()
        self.set_interval(EVERY, self.paint)

    def on_unmount(self) -> None:
        self.pulse.stop()

    def fill(self) -> None:
        self.painted = None
        self.paint()

    def paint(self) -> None:
        """Only what changed since the last look is drawn again."""
        pulse = self.pulse
        if pulse.problem and self.is_current and self.told_problem is not pulse.problem:
            self.told_problem = pulse.problem
            self.window.explain(pulse.problem)
        state, plan = pulse.state, pulse.plan
        if state is None or plan is None or not self.query("#log"):
            return
        changed = self.painted is None or (self.painted.status, self.painted.stage) != (state.status, state.stage)
        due = time.monotonic() - self.painted_at >= REDRAW_SECONDS
        read = pulse.wants_log and pulse.log is not self.painted_log
        if changed or (due and (state is not self.painted or read)) or (read and self.painted_log is None):
            self.painted, self.painted_at, self.painted_log = state, time.monotonic(), pulse.log
            self._paint(plan, state)
            if changed:
                self.refresh_keys()
        if self.is_current:
            self._move_on(state)

    def _paint(self, plan: Plan, state: RunState) -> None:
        self.query_one(Banner).tell(self.heading(), self._to_come(plan, state))
        self.query_one(StageList).tell(state.stages)
        self.query_one("#now", PlainStatic).update(now(state))
        self.query_one("#curve").set_class(all(stage.name != "train" for stage in plan.stages), "hidden")
        self._paint_chart(state)
        self.query_one(Instruments).tell(plan, state)
        reading = self.pulse.wants_log and self.pulse.log is None
        self.query_one(LogTail).tell(self._lines(state), say(f"view.watch.{'reading' if reading else 'nothing_yet'}"))

    def _paint_chart(self, state: RunState) -> None:
        chart = self.query_one(Chart)
        chart.metric = self.plotted or state.leading
        drawn = ((metric.step, metric.values.get(chart.metric)) for metric in state.series)
        chart.points = tuple((float(step), value) for step, value in drawn if value is not None)
        value = state.latest.get(chart.metric)
        shown = telling.loss_value if chart.metric == "loss" else "{:.4g}".format
        chart.over = over = state.stage != "train" and value is not None
        title: list[str | tuple[str, str]] = [
            (f"{say('view.watch.learned')}  ", "$quiet") if over else "",
            (say(f"metric.{chart.metric}"), "bold"),
            f" {shown(value)}" if value is not None else "",
        ]
        if chart.metric == "loss" and state.best_loss is not None:
            title.append((f"  {say('view.watch.best', loss=shown(state.best_loss))}", "$quiet"))
        self.query_one("#chart-title", PlainStatic).show(*title)

    def _to_come(self, plan: Plan, state: RunState) -> str:
        if state.status != "running":
            return say(f"status.{state.status}")
        left = telling.remaining(plan, state)
        late = telling.late(plan, state)
        if left is None or (late and not left):
            return ""
        return say("view.watch.left_at_least" if late else "view.watch.left", time=seconds(left))

    def _lines(self, state: RunState) -> list[tuple[str, str]]:
        if self.pulse.wants_log:
            return [(printable(line), "") for line in self.pulse.log or ()]
        return [(telling.note(note), LEVELS[note.level]) for note in state.notes]

    def _move_on(self, state: RunState) -> None:
        """To the answers when it serves or is done; to what happened when it broke."""
        serve = telling.stage_of(state, "serve")
        if state.status == "done" or (state.status == "serving" and serve and serve.status == "ready"):
            from wizard.view.screens.done import Done

            self.app.switch_screen(Done(self.run))
        elif state.status == "failed" and state.problem and state.problem != self.told_problem:
            self.told_problem = state.problem
            self._tell_problem(state)

    def _tell_problem(self, state: RunState) -> None:
        if state.problem:
            from wizard.view.screens.problem import ProblemScreen

            screen = ProblemScreen(state.problem, run=self.run, title=stopped_at(state), log=self.log_path(state.stage))
            self.app.push_screen(screen)

    def log_path(self, stage: str) -> str:
        plan = self.pulse.plan
        folder = next((item.folder for item in plan.stages if item.name == stage), "") if plan else ""
        return str(self.desk.home.runs / self.run / folder / "log.txt")

    # keys

    def action_resume(self) -> None:
        if self.painted and self.painted.status in ENDED:
            self.told_problem = self.painted.problem
            self.errand(lambda: self.desk.resume(self.run), lambda run: self.window.open_run(run))

    def action_details(self) -> None:
        if self.painted:
            self._tell_problem(self.painted)

    def action_keep_filter(self) -> None:
        self.query_one(LogTail).keep_filter()

    def action_stop(self) -> None:
        if self.painted is None or self.painted.status in ENDED:
            return
        from wizard.view.screens.confirm import Confirm

        self.app.push_screen(Confirm("stop", ["no", "after_checkpoint", "now"], run=self.run), self._stop)

    def _stop(self, answer: str | None) -> None:
        if answer in ("now", "after_checkpoint"):
            later = answer == "after_checkpoint"
            words = say("view.watch.stopping_later" if later else "view.watch.stopping")
            self.notify(words, markup=False)
            self.errand(lambda: self.desk.stop(self.run, after_checkpoint=later), lambda _: None)

    def action_filter(self) -> None:
        self.query_one(LogTail).ask_filter()

    def action_full_log(self) -> None:
        self.pulse.show_log(not self.pulse.wants_log)
        self.refresh_keys()
        self.fill()

    def action_plots(self) -> None:
        chart = self.query_one(Chart)
        told = self.painted.latest if self.painted else {}
        if not (known := [name for name in METRICS if name in told]):
            return  # the curve that leads is not known yet
        self.plotted = known[(known.index(chart.metric) + 1) % len(known)] if chart.metric in known else known[0]
        self.fill()

    def action_back(self) -> None:
        """Esc ends the filter first; then it goes to the list of runs, and the run goes on."""
        if not self.query_one(LogTail).end_filter():
            self.list_runs(self.run)


def now(state: RunState) -> Content:
    """What is being done this moment, with a bar where it can be counted."""
    stage = telling.stage_of(state)
    if stage is None:
        return Content.styled(say("view.watch.waiting"), "$quiet")
    text: list[str | tuple[str, str]] = [(say(f"stage.{stage.name}"), "bold"), "  "]
    if stage.name == "train" and state.total and stage.status == "running":
        text.append(f"{state.step}/{state.total}")
    else:
        text.append(telling.phase(stage))
    share = state.step / state.total if stage.name == "train" and state.total else _share(stage)
    if share and stage.status in ("running", "building"):
        filled = round(20 * min(1.0, share))
        text += ["  ", ("[", "$quiet"), ("#" * filled, "$primary"), ("." * (20 - filled), "$rule"), ("]", "$quiet")]
    return Content.assemble(*text)


def _share(stage: StageState) -> float:
    return stage.done / stage.total if stage.total else 0.0


def stopped_at(state: RunState) -> str:
    name = say(f"stage.{state.stage}") if state.stage else state.run
    if state.stage == "train" and state.step:
        return say("view.problem.stopped_at", stage=name, step=state.step)
    return say("view.problem.stopped", stage=name)
