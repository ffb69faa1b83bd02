"""The wizard as plain questions: the same steps, the same defaults, Enter all the way."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from wizard.contract import Catalog, DataChoice, DataReport, Plan, Problem, Recipe, Verdict
from wizard.errors import WizardError
from wizard.plain import asking, given, rows, tables, wishes
from wizard.plain.data import faces
from wizard.plain.demo import ask
from wizard.plain.ending import finish
from wizard.plain.estimating import teller
from wizard.plain.output import answer, problem, table, tell
from wizard.plain.tokens import with_token
from wizard.session import ASIDE, FAR, Desk, goals, mostly_lost
from wizard.words import language, say, units

SHOWN = 9
UNNAMED = ("data-answer-unnamed", "data-fields-missing")  # of columns


def walk(desk: Desk, options: argparse.Namespace) -> int:
    """`options`: the flags of one's own data and of what is done with the model, which answer their questions."""
    tasks = goals(desk.catalog(), own=bool(options.data))
    task = asking.choose(say("step.goal"), [(say(f"goal.{name}.title"), name) for name in tasks])
    answer(tables.machine(desk.machine()))
    answer(tables.hubs(desk.hubs()))
    verdict = _recipe(desk, task)
    recipe = desk.catalog().recipes[verdict.recipe]
    data, report = _data(desk, verdict, recipe, options)
    plan = _planned(desk, verdict, data, wishes.asked(desk, verdict, data, options))
    if desk.pretend or not _start(desk, plan, report):
        return 0
    name = desk.launch(plan, ask=True)
    return finish(desk, name, argparse.Namespace(json=False))


def _data(
    desk: Desk, verdict: Verdict, recipe: Recipe, options: argparse.Namespace
) -> tuple[DataChoice, DataReport | None]:
    """Where nothing is trained, Enter brings none."""
    if recipe.datasets:
        return _bundled(desk, verdict), None
    if desk.catalog().methods[recipe.method].trains or options.data:
        return _own(desk, verdict, options)
    path = asking.text(say("ask.optional_path"))
    if not path:
        return DataChoice(kind="none", language=language()), None
    return _own(desk, verdict, argparse.Namespace(**{**vars(options), "data": path}))


def _planned(desk: Desk, verdict: Verdict, data: DataChoice, wished: Mapping[str, Any]) -> Plan:
    """Its warnings told; data on a network are offered to be copied first."""
    plan = desk.plan(desk.choose(verdict, data, **wished))
    answer(tables.plan(plan))
    warnings = desk.warnings(plan)
    for warning in warnings:
        problem(warning)
    if any(warning.code in FAR for warning in warnings) and asking.sure(say("ask.copy"), default=False):
        return desk.plan(desk.choose(verdict, replace(data, copied=True), **wished))
    return plan


def _recipe(desk: Desk, task: str) -> Verdict:
    best = desk.best(task)
    fitting = [verdict for verdict in desk.offers(task, terms=False) if verdict.status != "no"][:SHOWN]
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
    found = desk.offers(task, id, terms=False)
    if not found:
        raise WizardError("no-offers", asked=name)
    if fitting := [verdict for verdict in found if verdict.status != "no"]:
        return fitting
    answer(tables.offers(found, desk.catalog(), desk.explained, whole=False))
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
    path: str = options.data or asking.text(say("ask.path"))
    told: dict[str, Any] = {}
    while True:
        report, fault = _looked(desk, verdict, path, told)
        if report and not fault:
            choice = desk.data_choice(path, model=verdict.model, **told)
            return _held_back(given.kept(choice, options), options), report
        told = {} if told else _told_columns(desk, path, report, fault)
        path = path if told else asking.text(say("ask.path"))


def _looked(
    desk: Desk, verdict: Verdict, path: str, told: Mapping[str, Any]
) -> tuple[DataReport | None, Problem | None]:
    """What is there, and why it cannot be used; both are told."""
    try:
        report = desk.inspect(path, model=verdict.model, **told)
    except WizardError as error:
        tell(error)
        return None, error.problem
    answer(rows.told(report, verdict.knobs.seq_len, goals(desk.catalog()), faces(desk, verdict.model, report)))
    if fault := desk.unsuited(report, verdict.task, path):
        problem(fault)
    elif left := desk.aside(report, verdict.task):
        answer(rows.remark(left))
    return report, fault


def _told_columns(desk: Desk, path: str, report: DataReport | None, fault: Problem | None) -> dict[str, Any]:
    """Where the columns say too little by their names, a person says which is which; nothing where none is."""
    if fault is None or fault.code not in UNNAMED:
        return {}
    columns = report.columns if report else desk.columns(path)
    listed = [(say("ask.no_column"), ""), *((column, column) for column in columns)]
    known = report.mapping.get("question", "") if report else ""
    question = known or asking.choose(say("ask.question_column"), listed)
    reply = asking.choose(say("ask.answer_column"), listed) if question else ""
    return {"format": "qa", "mapping": {"question": question, "answer": reply}} if reply else {}


def _held_back(data: DataChoice, options: argparse.Namespace) -> DataChoice:
    wanted = options.validation is None and asking.sure(say("ask.hold_back", share=f"{ASIDE:.0%}"), default=False)
    return replace(data, validation=ASIDE) if wanted else data


def _start(desk: Desk, plan: Plan, report: DataReport | None) -> bool:
    """Where most rows are lost, Enter means no."""
    lost = report is not None and mostly_lost(report)
    question = say("ask.start_anyway" if lost else "ask.start")
    return asking.sure(question, default=not lost, shows={"c": lambda: answer(tables.commands(desk.commands(plan)))})
