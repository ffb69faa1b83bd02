"""Concessions: each rung of a recipe's ladder lowers a knob, and the effective batch stays what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from wizard.contract import Knobs

LOWER = ("micro_batch", "seq_len", "rank")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    knobs: Knobs
    changes: Mapping[str, Any]  # against the knobs at the top


def rungs_of(knobs: Knobs, ladder: Sequence[Mapping[str, Any]]) -> tuple[Rung, ...]:
    """The knobs as they are, then one rung after another, each with all concessions so far."""
    return _rungs(knobs, tuple(tuple(change.items()) for change in ladder))


@cache
def _rungs(knobs: Knobs, ladder: tuple[tuple[tuple[str, Any], ...], ...]) -> tuple[Rung, ...]:
    """Most models of a recipe go down the same one."""
    rungs = [Rung(knobs=knobs, changes={})]
    for change in ladder:
        lowered = lower(rungs[-1].knobs, dict(change))
        if lowered != rungs[-1].knobs:
            rungs.append(Rung(knobs=lowered, changes=changes_between(knobs, lowered)))
    return tuple(rungs)


def lower(knobs: Knobs, change: Mapping[str, Any]) -> Knobs:
    wanted = {name: value for name, value in change.items() if name not in LOWER or value < getattr(knobs, name)}
    if "micro_batch" in wanted:
        whole = knobs.micro_batch * knobs.accumulate
        wanted.setdefault("accumulate", max(1, -(-whole // wanted["micro_batch"])))
    return replace(knobs, **wanted)


def changes_between(old: Knobs, new: Knobs) -> dict[str, Any]:
    names = Knobs.__dataclass_fields__
    return {name: getattr(new, name) for name in names if getattr(new, name) != getattr(old, name)}
