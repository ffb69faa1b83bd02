"""The wizard as plain questions: the same steps, the same defaults, Enter all the way."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from wizard.contract import Catalog, DataChoice, DataReport, Plan, Verdict
from wizard.errors import WizardError
from wizard.plain import asking, given, rows, tables
from wizard.plain.data import faces
from wizard.plain.demo import ask
from wizard.plain.ending import finish
from wizard.plain.estimating import teller
from wizard.plain.output import answer, problem, table, tell
from wizard.plain.tokens import with_token
from wizard.session import ASIDE, FAR, Desk, goals, mostly_lost
from wizard.view import telling
from wizard.words import say, units

SHOWN = 9


def walk(desk: Desk, options: argparse.Namespace) -> int:
    """`options`: the flags of one's own data, which answer their questions."""
    task = asking.choose(say("step.goal"), [(say(f"goal.{name}.title"), name) for name in goals(desk.catalog())])
    answer(tables.machine(desk.machine()))
    answer(tables.hubs(desk.hubs()))
    verdict = _recipe(desk, task)
    recipe = desk.catalog().recipes[verdict.recipe]
    data, report = (_bundled(desk, verdict), None) if recipe.datasets else _own(desk, verdict, options)
    plan = _planned(desk, verdict, data)
    if desk.pretend or not _start(desk, plan, report):
        return 0
    name = desk.launch(plan, ask=True)
    return finish(desk, name, argparse.Namespace(json=False))


def _planned(desk: Desk, verdict: Verdict, data: DataChoice) -> Plan:
    """Its warnings told; data on a network are offered to be copied first."""
    plan = desk.plan(desk.choose(verdict, data))
    answer(tables.plan(plan))
    warnings = desk.warnings(plan)
    for warning in warnings:
        problem(warning)
    if any(warning.code in FAR for warning in warnings) and asking.sure(say("ask.copy"), default=False):
        return desk.plan(desk.choose(verdict, replace(data, copied=True)))
    return plan


def _recipe(desk: Desk, task: str) -> Verdict:
    best = desk.best(task)
    fitting = [verdict for verdict in desk.offers(task) if verdict.status != "no"][:SHOWN]
    ordered = [best, *[verdict for verdict in fitting if verdict != best]]
    other: list[tuple[str, Verdict | None]] = [(say("ask.other_model"), None)] if _open(desk, task) else []
    while True:
        listed = zip(_titles(ordered, desk.catalog()), ordered, strict=True)
        if verdict := asking.choose(say("step.recipe"), [*listed, *other]):
            return verdict
        try:
            ordered = _of_another_model(desk, task)[:SHOWN]
        except WizardError as error:
            tell(error)


def _open(desk: Desk, task: str) -> bool:
    recipes = [recipe for recipe in desk.catalog().recipes.values() if recipe.task == task]
    return any({"*", "yours"} & set(recipe.models) for recipe in recipes)


def _of_another_model(desk: Desk, task: str) -> list[Verdict]:
    """By any id of a hub, or a folder."""
    name = asking.text(say("ask.model"))
    id = with_token(desk, argparse.Namespace(json=False), lambda: desk.models.named(name, teller()))
    found = desk.offers(task, id)
    if not found:
        raise WizardError("no-offers", asked=name)
    if fitting := [verdict for verdict in found if verdict.status != "no"]:
        return fitting
    answer(tables.offers(found, desk.catalog(), whole=False))
    raise WizardError("nothing-here-fits", model=name)


def _titles(verdicts: Sequence[Verdict], catalog: Catalog) -> list[str]:
    rows = [
        (
            catalog.models[verdict.model].title,
            tables.method_of(verdict, catalog),
            f"{units.gib(verdict.card_bytes)} / {units.gib(verdict.capacity_bytes)}",
            units.seconds(verdict.seconds),
            tables.marks(verdict),
        )
        for verdict in verdicts
    ]
    return table(rows).splitlines()


def _bundled(desk: Desk, verdict: Verdict) -> DataChoice:
    choice = desk.bundled_choice(verdict.recipe)
    return replace(choice, params={key: ask(key, default) for key, default in choice.params.items()})


def _own(desk: Desk, verdict: Verdict, options: argparse.Namespace) -> tuple[DataChoice, DataReport]:
    """Asks until a source is understood; each refusal says what is wrong with it, each report what is used of it."""
    given_path = options.data
    while True:
        path, given_path = given_path or asking.text(say("ask.path")), None
        try:
            report = desk.inspect(path, model=verdict.model)
            answer(rows.told(report, verdict.knobs.seq_len, goals(desk.catalog()), faces(desk, verdict.model, report)))
            if fault := desk.unsuited(report, verdict.task, path):
                problem(fault)
            else:
                if left := desk.aside(report, verdict.task):
                    answer("! " + telling.sentence(telling.told(left)["what"], telling.told(left)["next"]))
                return _held_back(given.kept(desk.data_choice(path, model=verdict.model), options), options), report
        except WizardError as error:
            tell(error)


def _held_back(data: DataChoice, options: argparse.Namespace) -> DataChoice:
    wanted = options.validation is None and asking.sure(say("ask.hold_back", share=f"{ASIDE:.0%}"), default=False)
    return replace(data, validation=ASIDE) if wanted else data


def _start(desk: Desk, plan: Plan, report: DataReport | None) -> bool:
    """Where most rows are lost, Enter means no."""
    lost = report is not None and mostly_lost(report)
    question = say("ask.start_anyway" if lost else "ask.start")
    return asking.sure(question, default=not lost, shows={"c": lambda: answer(tables.commands(desk.commands(plan)))})
