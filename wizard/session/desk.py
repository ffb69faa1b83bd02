"""One object with every question a front end may ask and every order it may give."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from wizard import catalog as drawers
from wizard import fit
from wizard import run as engine_room
from wizard.contract import (
    Catalog,
    Choice,
    DataChoice,
    DataReport,
    Environment,
    Knobs,
    Machine,
    Model,
    Plan,
    Problem,
    RunState,
    Verdict,
)
from wizard.errors import WizardError
from wizard.journal import Home, RunFolder, Watch
from wizard.session import (
    after,
    care,
    choosing,
    estimating,
    far,
    measured,
    naming,
    outcome,
    present,
    pushing,
    reach,
    recordings,
    runs,
    serving,
    sources,
    starting,
    trying,
)
from wizard.session.amount import UNKNOWN, Amount
from wizard.session.belongings import belongings
from wizard.session.data_desk import DataDesk
from wizard.session.evaluations import Evaluations
from wizard.session.fronts import Fronts
from wizard.session.jobs import Progress, unheard
from wizard.session.models import Models
from wizard.session.using.desk import UsingDesk
from wizard.session.wishing import WishDesk


class Desk(WishDesk, DataDesk, UsingDesk):
    """`pretend`: a board id such as rtx-4090 or a100-80gx8; then everything can be looked at and nothing is run."""

    def __init__(
        self, home: Home | None = None, *, pretend: str | None = None, catalog_folder: Path | None = None
    ) -> None:
        self.home = home or Home.from_environment(os.environ)
        self.pretend = pretend
        self._catalog_folder = catalog_folder
        self._machine: Machine | None = None
        self._reports: dict[str, DataReport] = {}
        self._answers: dict[str | None, DataReport] = {}
        self._hubs: reach.Hubs | None = None

    # what is here, and what fits it

    @cached_property
    def _drawers(self) -> Catalog:
        if self._catalog_folder and not self._catalog_folder.is_dir():
            raise WizardError("catalog-no-folder", path=str(self._catalog_folder))
        own = [self.home.catalog, *([self._catalog_folder] if self._catalog_folder else [])]
        return drawers.load([drawers.builtin(), *[folder for folder in own if folder.is_dir()]])

    def catalog(self) -> Catalog:
        return self._drawers

    @cached_property
    def models(self) -> Models:
        return Models(self)

    @cached_property
    def fronts(self) -> Fronts:
        return Fronts(self.home)

    @cached_property
    def evaluations(self) -> Evaluations:
        return Evaluations(self)

    def take_in(self, model: Model) -> None:
        """Into the catalogue of this process."""
        self._drawers = replace(self._drawers, models={**self._drawers.models, model.id: model})

    def machine(self, refresh: bool = False, **options: Any) -> Machine:
        """`patience`: seconds that disks never measured before may take."""
        if self._machine is None or refresh:
            from wizard import detect

            boards = self.catalog().boards
            real = detect.detect(self.home.store, boards, **options)
            self._machine = detect.pretend(self.pretend, boards, real) if self.pretend else real
        return self._machine

    _locks = drawers.builtin() / "engines" / "locks"

    def lock_text(self, name: str) -> str:
        return (self._locks / name).read_text(encoding="utf-8")

    def _here(self) -> frozenset[str]:
        """What need not be downloaded or built again; a pretended machine is empty."""
        return frozenset() if self.pretend else present.here(self.home, self.catalog(), self.machine(), self._locks)

    def _known(self) -> dict[str, Any]:
        """What this machine adds to every judgement: what is here, and what was measured on it."""
        if self.pretend:
            return {"here": frozenset()}
        records = measured.corrections(self.home, self.catalog(), self._locks)
        return {"here": self._here(), "known": fit.Known(records=records, simulated=estimating.simulated(self.home))}

    def hubs(self) -> Mapping[str, float | None]:
        """Seconds that each model hub took to answer, None for one that did not. Takes up to three seconds."""
        from wizard.session import hubs

        self._hubs = hubs.reached(os.environ)
        return self._hubs

    def _far(self) -> frozenset[str]:
        """Models that cannot be had now; on a machine that is pretended nobody knows."""
        return reach.out_of_reach(self.catalog(), self._here(), None if self.pretend else self._hubs)

    def within_reach(self, verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
        """Ordered by what the hubs have answered since these were judged."""
        return reach.ordered(verdicts, self._far())

    def unbuilt(self, plan: Plan) -> tuple[Environment, ...]:
        return plan.environments if self.pretend else present.unbuilt(self.home, plan)

    def warnings(self, plan: Plan) -> tuple[Problem, ...]:
        """What speaks against starting it now."""
        return (*reach.warnings(plan.forecast, self.catalog()), *far.away(plan, self.home, self.machine().disks))

    def offers(
        self, task: str = "", model: str = "", *, terms: bool = True, leading: bool = False
    ) -> tuple[Verdict, ...]:
        """`model`: its id, a hub's or a family; `terms`: False leaves out what only `explained` tells; `leading`: the
        recipes alone that a first run is advised to take, in a fraction of the time."""
        asked = naming.wanted(self.catalog(), model) if model else ""
        given = {"task": task, "model": asked, "terms": terms, "leading": leading, **self._known()}
        with recordings.carried(self.home):
            found = fit.offers(self.machine(), self.catalog(), **given)
        return self.within_reach(found)

    def explained(self, verdict: Verdict) -> Verdict:
        """One of the offers with the terms of its peak, and for a `no` what would help. Takes some milliseconds."""
        told = self.judge(verdict.recipe, verdict.model)
        if verdict.status == told.status == "no":
            return told
        return replace(verdict, moment=told.moment, terms=told.terms, basis=told.basis, remedies=told.remedies)

    def judge(
        self, recipe: str, model: str, knobs: Knobs | None = None, amount: Amount = UNKNOWN, **settings: Any
    ) -> Verdict:
        catalog = after.with_settings(self.catalog(), recipe, settings)
        found = fit.judge(self.machine(), catalog, recipe, model, knobs, **self._known(), **amount._asdict())
        return reach.marked(found, self._far())

    def estimate(
        self, model: str, case: Mapping[str, Any], *, simulate: bool, progress: Progress
    ) -> estimating.Estimate:
        """`model`: an id of the catalogue or of a hub, a folder or a config.json; `case`: as in `estimate --cases`."""
        return estimating.estimate(self, model, case, simulate, progress)

    def cases(self, lines: Iterable[str]) -> Iterator[tuple[Any, dict[str, Any] | Problem]]:
        return estimating.cases(self, lines)

    def best(self, task: str, models: Collection[str] = ()) -> Verdict:
        """What Enter takes, or the Problem that nothing fits. `models`: only one of these."""
        judged = self.offers(task, terms=False)
        wanted = [verdict for verdict in judged if not models or verdict.model in models]
        return self.explained(choosing.best(wanted, self.catalog(), task, self.explained))

    # from a choice to a run

    def choose(self, verdict: Verdict, data: DataChoice, **wishes: Any) -> Choice:
        """`wishes`: serve, quantise, evaluate."""
        return starting.choose(verdict, data, self.catalog(), self._reports.get(data.ref), **wishes)

    def _compiled(self, choice: Choice) -> tuple[Plan, Mapping[str, str]]:
        choice = replace(choice, data=sources.here(self, choice.data))
        machine, engines = self.machine(), dict(choice.engines)
        serving.hold_draft(choice, self.catalog())
        catalog = after.widened(self.catalog(), choice, fit.capability(machine))
        engines = after.fitting(engines, choice, catalog)
        known = self._known()
        known["here"] -= choice.requirements.keys()  # a replay builds from lists of its own
        known |= {**self._amount(choice)._asdict(), "guesser": choice.serving.draft}
        known["here"] |= present.replayed(self.home, {} if self.pretend else choice.requirements)

        def judged(knobs: Knobs, terms: bool = True) -> Verdict:
            asked = after.with_settings(catalog, choice.recipe, choice.settings)
            return fit.judge(machine, asked, choice.recipe, choice.model, knobs, engines, terms=terms, **known)

        choice, told = serving.of_context(choice, catalog, lambda knobs: judged(knobs, terms=False))
        verdict = reach.marked(judged(choice.knobs), self._far())
        verdict = replace(verdict, engine_notes=(*verdict.engine_notes, *told))
        rungs = [judged(replace(verdict.knobs, **changes)) for changes in verdict.rungs]
        plan, requirements = starting.compile_choice(
            choice, verdict, machine, catalog, self.home, choice.data.language, self._locks, rungs
        )
        return replace(plan, pretend=self.pretend), requirements

    def plan(self, choice: Choice) -> Plan:
        return self._compiled(choice)[0]

    def commands(self, plan: Plan) -> tuple[tuple[str, str], ...]:
        """The exact line that runs each stage, as it can be typed."""
        return tuple(starting.commands(plan, self.home))

    def launch(self, plan: Plan, *, ask: bool = False) -> str:
        """Start it. The plan may come from a screen shown a while ago: the machine is looked at once more.
        `ask`: somebody is there to be asked, should a rehearsal find that it needs more memory than there is."""
        machine = self.machine(refresh=not self.pretend)
        fresh, requirements = self._compiled(plan.choice)
        starting.refuse_if_changed(plan, fresh, machine)
        after.questions_here(fresh.choice, self.catalog(), self.home.store, self.hubs)
        self.models.keep(plan.choice.model)
        report = self.report_on(plan.choice)
        return starting.launch(replace(plan, concede="ask" if ask else "self"), requirements, self.home, report)

    # runs

    def runs(self) -> tuple[RunState, ...]:
        return tuple(runs.state_of(RunFolder(self.home.runs / name)) for name in runs.names(self.home))

    def going(self) -> tuple[str, ...]:
        """Runs with a process at work, supervised or not."""
        return runs.going(self.home)

    def folder(self, run: str) -> RunFolder:
        return runs.resolve(self.home, run)

    def plan_of(self, run: str) -> Plan:
        return runs.plan_of(self.folder(run))

    def watch(self, run: str) -> Watch:
        return Watch(self.folder(run))

    def stop(self, run: str, after_checkpoint: bool = False) -> None:
        engine_room.stop(self.folder(run), after_checkpoint=after_checkpoint)

    def resume(self, run: str, *, yes: bool = False, **changes: Any) -> str:
        return runs.resume(self.folder(run), changes, yes=yes)

    def unfinished(self, task: str) -> str | None:
        """The newest run for this task, where it neither ended well nor was stopped on purpose."""
        recipes = {recipe.id for recipe in self.catalog().recipes.values() if recipe.task == task}
        return runs.unfinished(self.home, lambda choice: choice.recipe in recipes, runs.BROKEN_OFF)

    def alike(self, alike: Callable[[Choice], bool]) -> str | None:
        """The newest run of such a choice, where it did not end well: the same command goes on with it."""
        return runs.unfinished(self.home, alike, runs.UNFINISHED)

    # what came of a run

    def tried(self, run: str, text: str) -> str:
        """What a model that does not write says of a text."""
        return trying.tried(self.endpoint(run), self.head(run), text, self.outcome(run).texts)

    def outcome(self, run: str) -> outcome.Outcome:
        folder = self.folder(run)
        return outcome.read(folder, runs.plan_of(folder), runs.told_whole(folder))

    def push(self, run: str, target: str, progress: Progress = unheard, *, public: bool = False) -> pushing.Pushed:
        return pushing.push(self, run, target, progress, public=public)

    # keeping house

    def export(self, run: str, form: str = "", nodes: int = 0) -> str:
        """As one TOML, or in the `form` of a cluster's scheduler, for so many machines."""
        return runs.exported_as(self.folder(run), form, nodes) if form else runs.exported(self.folder(run))

    def replay(self, file: Path, progress: Progress = unheard) -> Choice:
        """Its model may be one that only a hub or a folder knows."""
        choice = starting.replay(file)
        return replace(choice, model=self.models.one(choice.model, progress).id)

    def doctor(self) -> tuple[care.Check, ...]:
        return tuple(care.examine(self.home, self.machine(), self.catalog(), os.environ.get("YCDY_UV", "")))

    def uninstall(self, dry_run: bool = False) -> tuple[Path, ...]:
        return belongings(self.home) if dry_run else care.remove(self.home)
