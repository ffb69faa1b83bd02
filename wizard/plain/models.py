"""`models search|show|add|download|remove`: what is here, what can be had, and how it comes and goes."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.plain import asking, shelves
from wizard.plain.estimating import teller
from wizard.plain.follow import PROGRESS_SECONDS
from wizard.plain.output import answer, print_json, talk
from wizard.plain.tokens import with_token
from wizard.session import Desk
from wizard.session.models import held_of
from wizard.words import say, units


def models(desk: Desk, options: argparse.Namespace) -> int:
    return ACTIONS[options.what](desk, options)


def search(desk: Desk, options: argparse.Namespace) -> int:
    words = " ".join(options.names)
    found = desk.models.search(words, teller())
    if options.json:
        told = [shelves.data(model, held_of(found.held, model.id)) for model in found.models]
        known = desk.catalog().models
        others = [asdict(each) for each in found.held.values() if not words and each.model not in known]
        more = {"hubs": found.hubs, "silent": found.silent, "nearest": found.nearest}
        print_json({"models": told, "others_here": others, **more})
    else:
        answer(shelves.found(found, words))
    return ExitCode.OK


def show(desk: Desk, options: argparse.Namespace) -> int:
    name = _one(options)
    shown = with_token(desk, options, lambda: desk.models.show(name, teller()))
    if options.json:
        file = str(shown.file) if shown.file else None
        print_json({**shelves.data(shown.model, shown.held), "file": file, "smallest_card_gib": dict(shown.cards)})
    else:
        answer(shelves.shown(shown))
    return ExitCode.OK


def add(desk: Desk, options: argparse.Namespace) -> int:
    name = _one(options)
    added = with_token(desk, options, lambda: desk.models.add(name, teller()))
    if options.json:
        print_json({"id": added.model.id, "path": str(added.path) if added.path else None, "new": added.new})
    elif added.path:
        talk(say("models.added" if added.new else "models.known", model=added.model.title, id=added.model.id))
        answer(str(added.path))
    else:
        talk(say("models.built_in", model=added.model.title, id=added.model.id))
    return ExitCode.OK


def download(desk: Desk, options: argparse.Namespace) -> int:
    name, tell = _one(options), (lambda event: None) if options.json else Told()
    found = with_token(desk, options, lambda: desk.models.download(name, options.hub, teller(), tell))
    model, path, told = found
    if options.json:
        print_json({"id": model.id, "path": str(path), **told})
    else:
        source = say(f"view.review.source.{told['source']}")
        talk(say("models.downloaded", model=model.title, size=units.gb(told["bytes"]), source=source))
        answer(str(path))
    return ExitCode.OK


def remove(desk: Desk, options: argparse.Namespace) -> int:
    held = desk.models.here(_one(options))
    if not options.yes:
        if not sys.stdin.isatty():
            raise WizardError("confirm-needed")
        size = units.gb(held.own_bytes)
        if not asking.sure(say("models.remove_sure", model=held.id, size=size, path=held.path), default=False):
            return ExitCode.INTERRUPTED
    freed = desk.models.remove(held)
    if options.json:
        print_json({"id": held.id, "path": str(held.path), "freed_bytes": freed})
    else:
        talk(say("models.removed", model=held.id, size=units.gb(freed)))
    return ExitCode.OK


ACTIONS: Mapping[str, Callable[[Desk, argparse.Namespace], int]] = {
    "search": search,
    "show": show,
    "add": add,
    "download": download,
    "remove": remove,
}


def _one(options: argparse.Namespace) -> str:
    if not options.names:
        raise WizardError("usage-lacks", what="NAME", command=f" models {options.what}")
    if len(options.names) > 1:
        raise WizardError("usage-too-much", what=options.names[1], command=f" models {options.what}")
    return str(options.names[0])


class Told:
    """The fetch stage's events as lines; bytes every few seconds."""

    def __init__(self) -> None:
        self._at = 0.0

    def __call__(self, event: dict[str, Any]) -> None:
        kind, now = event.get("kind"), time.monotonic()
        if kind == "phase":
            talk(say(f"phase.{event['code']}"))
        elif kind == "note":
            talk("  " + say(f"note.{event['code']}", **event.get("params", {})))
        elif kind == "progress" and now - self._at > PROGRESS_SECONDS:
            self._at = now
            talk(f"  {units.gb(event['done'])} / {units.gb(event['total'])}")
