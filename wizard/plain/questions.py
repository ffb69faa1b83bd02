"""The wizard as plain questions: the same steps, the same defaults, Enter all the way."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from wizard.contract import DataChoice, Verdict
from wizard.errors import WizardError
from wizard.plain import tables
from wizard.plain.demo import ask
from wizard.plain.ending import finish
from wizard.plain.output import answer, tell
from wizard.session import Desk, goals
from wizard.words import say, units

SHOWN = 9


def walk(desk: Desk) -> int:
    task = _choose(say("step.goal"), [(say(f"goal.{name}.title"), name) for name in goals(desk.catalog())])
    answer(tables.machine(desk.machine()))
    verdict = _recipe(desk, task)
    data = _bundled(desk, verdict) if desk.catalog().recipes[verdict.recipe].datasets else _own(desk)
    plan = desk.plan(desk.choose(verdict, data))
    answer(tables.plan(plan, desk.commands(plan)))
    if desk.pretend or not _confirm(say("ask.start")):
        return 0
    name = desk.launch(plan, ask=True)
    return finish(desk, name, argparse.Namespace(json=False))


def _recipe(desk: Desk, task: str) -> Verdict:
    best = desk.best(task)
    fitting = [verdict for verdict in desk.offers(task) if verdict.status != "no"][:SHOWN]
    ordered = [best, *[verdict for verdict in fitting if verdict != best]]
    catalog = desk.catalog()
    rows = [
        (
            f"{catalog.models[v.model].title}  {catalog.methods[v.method].title}  "
            f"{units.gib(v.safe_bytes)} / {units.gib(v.capacity_bytes)}  {units.seconds(v.seconds)}",
            v,
        )
        for v in ordered
    ]
    chosen: Verdict = _choose(say("step.recipe"), rows)
    return chosen


def _bundled(desk: Desk, verdict: Verdict) -> DataChoice:
    choice = desk.bundled_choice(verdict.recipe)
    return replace(choice, params={key: ask(key, default) for key, default in choice.params.items()})


def _own(desk: Desk) -> DataChoice:
    """Asks until a file is understood; each refusal says what is wrong with it."""
    while True:
        try:
            return desk.data_choice(_text(say("ask.path"), ""))
        except WizardError as error:
            tell(error)


def _choose(question: str, rows: list[tuple[str, Any]]) -> Any:
    import questionary

    choices = [questionary.Choice(title=title, value=value) for title, value in rows]
    return _given(questionary.select(question, choices=choices).ask())


def _text(question: str, default: str) -> str:
    import questionary

    return str(_given(questionary.text(question, default=default).ask())).strip()


def _confirm(question: str) -> bool:
    import questionary

    return bool(_given(questionary.confirm(question, default=True).ask()))


def _given(reply: Any) -> Any:
    """questionary answers None to Ctrl-C."""
    if reply is None:
        raise KeyboardInterrupt
    return reply
