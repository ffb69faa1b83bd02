"""Going down the ladder: what a run gave up so far, and which knobs a stage therefore gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from wizard.contract import Plan, Stage
from wizard.errors import WizardError
from wizard.journal import Event, Journal, RunFolder, Tail, read_plan

PLAIN = ("port",)  # what may be changed and is no knob


def concede(folder: RunFolder, stage: str, changes: Mapping[str, Any]) -> None:
    """Asks that this stage gets other knobs from its next start on; the supervisor makes it an event."""
    known = {item.name: item for item in read_plan(folder.plan).stages}
    if stage not in known:
        raise WizardError("unknown-stage", stage=stage, known=", ".join(known))
    spec = known[stage].spec
    knobs = (*spec.get("knobs", {}), *(name for name in PLAIN if name in spec))
    for knob in changes:
        if knob not in knobs:
            raise WizardError("unknown-knob", knob=knob, stage=stage, known=", ".join(knobs))
    Journal(folder.concessions).write("concession", stage=stage, changes=dict(changes))


def consent(folder: RunFolder) -> None:
    """From now on this run goes down its ladder by itself."""
    Journal(folder.concessions).write("consent")


def consented(folder: RunFolder) -> bool:
    return any(wish.get("kind") == "consent" for wish in Tail(folder.concessions).new())


class History:
    """What the supervisor's journal says of earlier attempts."""

    def __init__(self, plan: Plan, events: Iterable[Event]) -> None:
        self._stages: dict[str, Stage] = {stage.name: stage for stage in plan.stages}
        self._changes: dict[str, dict[str, Any]] = {}
        self.runs = 0
        self.granted = 0
        self.attempts: Counter[str] = Counter()
        self.rollbacks: Counter[str] = Counter()
        self.rungs: dict[str, int] = {}
        self.done: set[str] = set()
        for event in events:
            self.take(event)

    def take(self, event: Event) -> None:
        kind, stage = event.get("kind"), str(event.get("stage"))
        if kind == "run-started":
            self.runs += 1
        elif kind == "stage-started":
            self.attempts[stage] += 1
            self.done.discard(stage)
        elif kind == "stage-ended" and event.get("outcome") == "done":
            self.done.add(stage)
        elif kind == "conceded" and stage in self._stages:
            self._conceded(stage, event)

    def knobs(self, stage: str) -> dict[str, Any]:
        """All changes of this stage's knobs, later ones over earlier ones."""
        return {**_down_to(self._stages[stage], self.rungs.get(stage, 0)), **self._changes.get(stage, {})}

    def spec(self, stage: str) -> dict[str, Any]:
        """The stage's spec with its concessions applied."""
        spec = dict(self._stages[stage].spec)
        changes = self.knobs(stage)
        plain = {name: changes.pop(name) for name in PLAIN if name in changes}
        return {**spec, **plain, **({"knobs": {**spec.get("knobs", {}), **changes}} if changes else {})}

    def next_rung(self, stage: str) -> int | None:
        rung = self.rungs.get(stage, 0) + 1
        return rung if rung < len(self._stages[stage].rungs) else None

    def asked(self, folder: RunFolder) -> list[dict[str, Any]]:
        """Events for the wishes of people that were not granted yet."""
        wishes = [wish for wish in Tail(folder.concessions).new() if wish.get("kind") == "concession"]
        return [self._wish(wish) for wish in wishes[self.granted :] if wish.get("stage") in self._stages]

    def _wish(self, wish: Event) -> dict[str, Any]:
        stage, changes = str(wish["stage"]), dict(wish.get("changes") or {})
        knobs = self.spec(stage).get("knobs", {})
        batch = knobs.get("micro_batch", 0) * knobs.get("accumulate", 0)
        if changes.get("micro_batch") and "accumulate" not in changes and batch:
            changes["accumulate"] = max(1, -(-batch // int(changes["micro_batch"])))
        rung = self.rungs.get(stage, 0)
        to = self._rung_of(stage, changes)
        return {"stage": stage, "from": rung, "to": to, "why": "asked", "by": "user", "changes": changes}

    def _rung_of(self, stage: str, changes: Mapping[str, Any]) -> int:
        """Who takes what a lower rung offers stands on it."""
        rungs, at = self._stages[stage].rungs, self.rungs.get(stage, 0)
        return next((lower for lower in range(at + 1, len(rungs)) if dict(rungs[lower]) == changes), at)

    def _conceded(self, stage: str, event: Event) -> None:
        rung, changes = event.get("to"), event.get("changes")
        self.rungs[stage] = rung if isinstance(rung, int) else 0
        if event.get("by") in ("user", "watch"):
            self.granted += event["by"] == "user"
            self.rollbacks[stage] += event["by"] == "watch"
            self._changes[stage] = {**self._changes.get(stage, {}), **(changes if isinstance(changes, dict) else {})}
        else:
            rungs = _down_to(self._stages[stage], self.rungs[stage])
            self._changes[stage] = {
                key: value for key, value in self._changes.get(stage, {}).items() if key not in rungs
            }


def _down_to(stage: Stage, rung: int) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for given in stage.rungs[: rung + 1]:
        changes.update(given)
    return changes
