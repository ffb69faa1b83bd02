"""What rehearsals measured, kept as facts of this machine: one file a case, each written whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from wizard.contract import Plan, Stage
from wizard.journal import Event, Home, RunFolder, Tail, write_json


class Keeper:
    """Follows one attempt at a stage; what it tells may be looked up by the next plan while it still runs."""

    def __init__(self, plan: Plan, stage: Stage, folder: RunFolder, home: Home, offset: int) -> None:
        self._plan, self._stage, self._home = plan, stage, home
        self._events = Tail(folder.stage(stage.folder).events, start=offset)

    def look(self) -> None:
        for event in self._events.new():
            if event.get("kind") == "rehearsed":
                with suppress(OSError):  # a full disk loses a correction, not the run
                    keep(self._home, self._plan, self._stage, event)


def keep(home: Home, plan: Plan, stage: Stage, event: Event) -> None:
    environment = next(item for item in plan.environments if item.id == stage.environment)
    case = {
        **event["case"],
        "accelerator": environment.accelerator,
        "python": environment.python,
        "lock": environment.digest,
    }
    facts = {name: event[name] for name in ("longest", "predicted", "measured")}
    write_json(home.measured / f"{name_of(case, event['longest'])}.json", {"case": case, **facts, "run": plan.run})


def name_of(case: Mapping[str, Any], longest: int) -> str:
    """The same case on rows of the same length has the same name: the newest measurement stays."""
    told = json.dumps({**case, "longest": longest}, sort_keys=True)
    return f"{case.get('model', 'model')}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
