"""The plan before anything starts: stages with time, memory and disk, what is fetched, where results go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from wizard.contract import Catalog, Plan, Problem, Verdict
from wizard.session import ASIDE, FAR, Smaller, split, way
from wizard.view import telling
from wizard.view.draft import Draft
from wizard.view.pasting import continued
from wizard.view.screens.page import Page
from wizard.view.staging import stages
from wizard.view.widgets import Key, Pick, PlainStatic
from wizard.view.widgets.facts import Facts
from wizard.words import pick, say
from wizard.words.units import gb

NARROW = 76


Planned = tuple[Plan, Sequence[Problem], Catalog, bool]


class Review(Page):
    NAME = "review"
    STEP = "review"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", show=False),
        Binding("c", "commands", show=False),
        Binding("s", "turn('serve')", show=False),
        Binding("z", "formats", show=False),
        Binding("e", "turn('evaluate')", show=False),
        Binding("v", "turn('validation')", show=False),
        Binding("n", "turn('copied')", show=False),
        Binding("l", "app.language", show=False),
        Binding("q", "app.leave", show=False),
    ]
    plan: Plan | None = None
    warnings: Sequence[Problem] = ()
    catalog: Catalog
    starting = False
    evaluates = False

    def __init__(self, *, choosing: bool = False) -> None:
        """`choosing`: the list of formats is opened first."""
        super().__init__()
        self.choosing = choosing

    def body(self) -> ComposeResult:
        yield PlainStatic(id="what")
        yield PlainStatic(id="plan-stages")
        yield from self._wishes()
        self.share = self.draft.validation or ASIDE
        choices = [
            ("no", say("view.review.learn_all" if self._trains else "view.review.use_all")),
            ("yes", say("view.review.hold_back", share=f"{self.share:.0%}")),
        ]
        yield Pick(choices, value="yes" if self.draft.validation else "no", id="validation")
        choices = [("no", say("view.review.read_there")), ("yes", say("view.review.copy_first"))]
        yield Pick(choices, value="yes" if self.draft.copied else "no", id="copied")
        yield Facts(id="plan-facts")

    def _wishes(self) -> ComposeResult:
        """What is done with the model when it is there."""
        ending = say("view.review.no_serve" if self._trains else "view.review.end_here")
        choices = [("yes", say("view.review.serve")), ("no", ending)]
        yield Pick(choices, value="yes" if self.draft.serve else "no", id="serve")
        yield Pick(self._formats(), value="yes" if self.draft.quantise else "no", id="quantise")
        choices = [("no", say("view.review.unmeasured")), ("yes", say("view.review.evaluate"))]
        yield Pick(choices, value="yes" if self.draft.evaluate else "no", id="evaluate")

    def _formats(self) -> list[tuple[str, str]]:
        format = self.desk.catalog().formats.get(self.draft.quantise)
        told = say("view.review.smaller", format=pick(format.title)) if format else say("view.review.smaller_open")
        return [("no", say("view.review.as_trained")), ("yes", told)]

    @property
    def _trains(self) -> bool:
        catalog, verdict = self.desk.catalog(), self.draft.verdict
        return verdict is None or catalog.methods[verdict.method].trains

    def foot(self) -> ComposeResult:
        yield PlainStatic(id="ready", classes="title")

    def keys(self) -> Sequence[Key]:
        start = [] if self.desk.pretend else [Key("enter", "start", "start")]
        return [
            *start,
            Key("c", "commands", "commands"),
            Key("s", "serve", "turn('serve')"),
            *([Key("z", "quantise", "formats")] if self.desk.catalog().formats else []),
            *([Key("e", "evaluate", "turn('evaluate')")] if self.evaluates else []),
            *([Key("v", "validation", "turn('validation')")] if self._own else []),
            *([Key("n", "copied", "turn('copied')")] if self._far else []),
            Key("esc", "back", "back"),
            Key("l", "language", "app.language"),
            Key("?", "help", "help"),
        ]

    @property
    def _own(self) -> bool:
        """Rows of which some can be kept aside: to check what is learnt, or a format, with what it has not seen."""
        return self.draft.source not in ("bundled", "none") and (self._trains or bool(self.draft.quantise))

    @property
    def _far(self) -> bool:
        return self.draft.copied or any(fault.code in FAR for fault in self.warnings)

    def fill(self) -> None:
        self._arrange()
        if self.choosing:
            self.choosing = False
            self.action_formats()
        if not isinstance(self.focused, Pick):
            self.query_one("#serve", Pick).focus()
        if self.plan:
            self._tell(self.plan)
        else:
            self._compile()

    def _arrange(self) -> None:
        self.query_one("#quantise").set_class(not self.desk.catalog().formats, "hidden")
        self.query_one("#evaluate").set_class(not self.evaluates, "hidden")
        self.query_one("#validation").set_class(not self._own, "hidden")
        self.query_one("#copied").set_class(not self._far, "hidden")
        self.refresh_keys()

    def _compile(self) -> None:
        """The plan for the answers as they are; Enter waits until it is on the screen."""
        self.plan = None
        self.query_one("#ready", PlainStatic).show((say("view.review.planning"), "$quiet"))
        desk, draft = self.desk, self.draft
        verdict = draft.verdict
        assert verdict is not None

        def compile_plan() -> Planned:
            catalog = desk.catalog()
            data = draft.data(desk, catalog)
            plan = desk.plan(desk.choose(verdict, data, **draft.wishes()))
            return plan, desk.warnings(plan), catalog, desk.evaluates(verdict.recipe, verdict.model)

        self.errand(compile_plan, self._planned, self._not_planned)

    def _not_planned(self, problem: Problem) -> None:
        """What a switch asks too much for is said where it can be turned back."""
        asked = self.draft.wishes().items()
        if all(Draft().wishes().get(name, value) == value for name, value in asked):
            return self.window.explain(problem)
        told = say("view.review.not_so", what=telling.told(problem)["what"])
        self.query_one("#ready", PlainStatic).show((told, "$error bold"))

    def _planned(self, answer: Planned) -> None:
        self.plan, self.warnings, self.catalog, self.evaluates = answer
        self._arrange()
        self._tell(self.plan)

    def _tell(self, plan: Plan) -> None:
        self.query_one("#what", PlainStatic).update(self._what(plan))
        self.query_one("#plan-stages", PlainStatic).update(stages(plan, engines=self.size.width >= NARROW))
        self.query_one(Facts).tell(list(self._facts(plan)))
        ready = say("view.review.pretending") if plan.pretend else say("view.review.ready")
        self.query_one("#ready", PlainStatic).update(ready)

    def _what(self, plan: Plan) -> Content:
        verdict: Verdict = plan.forecast
        model, method = (
            self.catalog.models[verdict.model].title,
            way(self.catalog.recipes[verdict.recipe], self.catalog),
        )
        return Content.assemble((f"{model}  {method}", "bold"), "  ", (plan.run, "$quiet"))

    def _facts(self, plan: Plan) -> Iterator[tuple[str, str]]:
        for fault in self.warnings:
            yield say("view.review.warning"), telling.sentence(*telling.told(fault).values())
        yield say("view.review.data"), self._data(plan)
        if rewarded := telling.rewarded(plan):
            yield say("view.review.rewarded"), rewarded
        yield say("view.review.fetched"), "\n".join(self._fetched(plan))
        yield say("view.review.results"), telling.short_path(self.desk.home.runs / plan.run)

    def _data(self, plan: Plan) -> str:
        data = plan.choice.data
        if data.kind == "none":
            return say("view.review.no_rows")
        if data.kind == "bundled":
            return say("view.review.bundled", values=say("view.comma").join(data.params.values()))
        report = self.desk.taken(data) or self.draft.report
        if not report:
            return data.ref
        learnt, held = split(report, data.validation)
        told = say("view.review.split", n=learnt, held=held) if held else say("view.review.rows", n=learnt)
        return f"{data.ref}  {told}"

    def _fetched(self, plan: Plan) -> Iterator[str]:
        for stage in plan.stages:
            sources = stage.spec.get("sources") or ()
            if stage.name == "fetch" and sources:
                best = sources[0]
                place = say(f"view.review.source.{best['kind']}")
                ref = "" if best["kind"] == "bundled" else best["ref"]
                yield say("view.review.model_from", size=gb(best.get("bytes") or 0), place=place, ref=ref).strip()
        programs = []
        for environment in self.desk.unbuilt(plan):
            engine = self.catalog.engines[environment.engine]
            programs.append(f"{engine.title} {gb(engine.disk_bytes.get(environment.accelerator, 0))}")
        if programs:
            yield say("view.review.programs", programs=say("view.comma").join(programs))

    # keys

    def on_pick_picked(self, event: Pick.Picked) -> None:
        wanted, name = event.value == "yes", event.pick.id
        if name == "quantise" and wanted:
            return self.action_formats()
        if name == "quantise":
            self.draft.quantise = ""
        elif name == "validation":
            self.draft.validation = self.share if wanted else 0.0
        else:
            setattr(self.draft, str(name), wanted)
        self._compile()

    def action_formats(self) -> None:
        """Every format, and what speaks against some of them here."""
        draft, desk = self.draft, self.desk
        if draft.verdict and desk.catalog().formats:
            verdict, rows, serve = draft.verdict, draft.source != "none", draft.serve
            self.errand(lambda: desk.smaller(verdict.recipe, verdict.model, rows=rows, serve=serve), self._show_formats)

    def _show_formats(self, found: Sequence[Smaller]) -> None:
        from wizard.view.screens.formats import FormatsScreen

        self.app.push_screen(FormatsScreen(found, self.draft.quantise), self._of_format)

    def _of_format(self, format: object) -> None:
        """Esc leaves it as it was."""
        changed = isinstance(format, str) and format != self.draft.quantise
        if isinstance(format, str):
            self.draft.quantise = format
        self.query_one("#quantise", Pick).offer(self._formats(), "yes" if self.draft.quantise else "no")
        if changed:
            self._compile()

    def action_turn(self, name: str) -> None:
        pick = self.query_one(f"#{name}", Pick)
        if pick.display:
            pick.action_turn(1)

    def action_commands(self) -> None:
        if plan := self.plan:
            self.errand(lambda: self.desk.commands(plan), self._show_commands)

    def _show_commands(self, commands: Sequence[tuple[str, str]]) -> None:
        from wizard.view.screens.help import Leaf

        typed = [(name, telling.short_paths(line)) for name, line in commands]

        def lines() -> Content:
            heads = [(f"# {say(f'stage.{name}')}", "$secondary bold") for name, _ in typed]
            told = [continued(line, self.size.width - 6) for _, line in typed]
            pairs = zip(heads, told, strict=True)
            return Content("\n\n").join([Content.assemble(head, "\n", line) for head, line in pairs])

        whole = "\n".join(line for _, line in typed)
        self.app.push_screen(Leaf("view.review.commands", lines, copy=whole))

    def action_start(self) -> None:
        plan = self.plan
        if plan is None or plan.pretend or self.starting:
            return
        self.starting = True
        self.query_one("#ready", PlainStatic).show((say("view.review.starting"), "$primary"))
        self.errand(lambda: self.desk.launch(plan, ask=True), self._started, self._not_started)

    def _started(self, run: str) -> None:
        self.window.open_run(run, fresh=True)

    def _not_started(self, problem: object) -> None:
        self.starting = False
        if self.plan:
            self._tell(self.plan)
        self.window.explain(problem)  # type: ignore[arg-type]
