"""`demo`: two questions (or none), then the whole way from a bundled model to a tuned one that answers."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from wizard.contract import DataChoice, Verdict
from wizard.errors import ExitCode, WizardError
from wizard.plain import asking, ending, tables
from wizard.plain.follow import follow
from wizard.plain.output import answer, print_json, talk
from wizard.plain.talking import converse
from wizard.session import Desk
from wizard.words import say

TASK = "identity"


def demo(desk: Desk, options: argparse.Namespace) -> int:
    for flag, text in (("--name", options.name), ("--author", options.author)):
        if text is not None and not text.strip():
            raise WizardError("text-empty", flag=flag)
    named = bool(options.name or options.author)
    data = _data(desk, options) if named else None
    if not desk.pretend and (name := _unfinished(desk, data)):
        talk(say("plain.demo_goes_on", run=name))
        return _to_the_end(desk, desk.resume(name), options)
    plan = desk.plan(desk.choose(demo_verdict(desk), data or _data(desk, options)))
    if desk.pretend:
        print_json(plan) if options.json else answer(tables.plan(plan, desk.commands(plan)))
        return ExitCode.OK
    name = desk.launch(plan)
    talk(say("plain.started", run=name))
    return _to_the_end(desk, name, options)


def _unfinished(desk: Desk, data: DataChoice | None) -> str | None:
    """With names given, a run of those names; without, the newest. The knobs follow from the machine, not from them."""
    if data is None:
        return desk.unfinished(TASK)
    bundled, wanted = bundled_models(desk), (data.ref, data.params, data.language)
    return desk.alike(lambda c: c.model in bundled and (c.data.ref, c.data.params, c.data.language) == wanted)


def demo_verdict(desk: Desk) -> Verdict:
    """The bundled model on whatever this machine has: the one case that needs no hub."""
    return desk.best(TASK, bundled_models(desk))


def bundled_models(desk: Desk) -> set[str]:
    models = desk.catalog().models.values()
    return {model.id for model in models if any(source.kind == "bundled" for source in model.sources)}


def _data(desk: Desk, options: argparse.Namespace) -> DataChoice:
    recipe = next(recipe.id for recipe in desk.catalog().recipes.values() if recipe.task == TASK and recipe.datasets)
    choice = desk.bundled_choice(recipe, name=options.name, author=options.author)
    given = {"name": options.name, "author": options.author}
    if sys.stdin.isatty() and not (options.yes or options.json or desk.pretend):
        asked = {key: default if given.get(key) else ask(key, default) for key, default in choice.params.items()}
        return replace(choice, params=asked)
    return choice


def ask(key: str, default: str) -> str:
    return asking.text(say(f"ask.{key}"), default) or default


def _to_the_end(desk: Desk, name: str, options: argparse.Namespace) -> int:
    try:
        state = follow(desk, name, quiet=options.json)
    except KeyboardInterrupt:
        talk(say("plain.detached", run=name))
        return ExitCode.INTERRUPTED
    try:
        code = ending.conclude(desk, name, state, options, kept=options.keep)
        if state.status == "serving" and sys.stdin.isatty() and not (options.json or options.yes):
            talk(say("demo.chat"))
            converse(desk, name)
        return code
    finally:
        if state.status == "serving" and not options.keep:
            desk.stop(name)
