"""What decides a step's numbers whatever its batch and length. It takes a millisecond to record and microseconds to
use: it is recorded once, and `recorded` and `recall` let a caller carry it to the next process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from wizard.contract import Architecture
from wizard.fit.memory import serving, training
from wizard.fit.memory.layers import windowed
from wizard.fit.memory.moments import Instant
from wizard.fit.memory.step import Step
from wizard.fit.recording.tape import Size, exceeds

MOST_KNOWN = 16384


class Forms(NamedTuple):
    """Sizes that no other exceeds, of the loss apart."""

    others: tuple[Size, ...]
    loss: tuple[Size, ...]
    weights: int  # on a processor


BESIDE = ("micro_batch", "seq_len", "context_bytes")  # of a step, which its forms do not depend on
_ALIKE = attrgetter(*(item.name for item in fields(Step) if item.name not in BESIDE))
_KNOWN: dict[object, Forms] = {}  # by what steps share that differ in batch and length alone: faster than such a step
_RECORDED: dict[str, Any] = {}  # by a name that is the same in every process


def forms_of(step: Step) -> Forms:
    rest = (step.micro_batch, step.seq_len) if step.task == "infer" else windowed(step)
    key = (_ALIKE(step), rest)
    found = _KNOWN.get(key)
    if found is None:
        if len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.clear()
        found = _KNOWN[key] = _recalled_or_recorded(step, _name(step, rest))
    return found


def recorded() -> Mapping[str, Any]:
    """All that was recorded or recalled in this process, in words of JSON; others may be recording meanwhile."""
    return dict(_RECORDED)


def recall(told: Mapping[str, Any]) -> None:
    """What another process recorded with the same code."""
    _RECORDED.update(told)


def _recalled_or_recorded(step: Step, name: str) -> Forms:
    if told := _RECORDED.get(name):
        return Forms(*told)
    if len(_RECORDED) >= MOST_KNOWN:
        _RECORDED.clear()
    found = _RECORDED[name] = _forms(_bare(step))
    return found


def _name(step: Step, rest: object) -> str:
    own = (f"{getattr(step, name)}" for name in _PLAIN)
    return "|".join((_named(step.architecture), *own, *sorted(step.targets), f"{rest}"))


_PLAIN = [item.name for item in fields(Step) if item.name not in (*BESIDE, "architecture", "targets")]


@cache
def _named(a: Architecture) -> str:
    return hashlib.sha256(repr(replace(a, family="")).encode()).hexdigest()[:16]


def instants(step: Step) -> tuple[Instant, ...]:
    return _instants(_bare(step))


def _bare(step: Step) -> Step:
    """Whatever the batch and the length, but for what a window bounds."""
    if step.task == "infer":
        return step
    return replace(step, micro_batch=1, seq_len=step.architecture.window if windowed(step) else 1)


@lru_cache(maxsize=64)
def _instants(step: Step) -> tuple[Instant, ...]:
    made = serving.instants(step) if step.task == "infer" else training.instants(step)
    return tuple(made)


def _forms(bare: Step) -> Forms:
    found = _instants(bare)
    others = _highest(each.total for each in found if each.name != "loss")
    loss = _highest(each.total for each in found if each.name == "loss")
    return Forms(others, loss, found[0].around["weights"].fixed if bare.cpu else 0)


def _highest(sizes: Iterable[Size]) -> tuple[Size, ...]:
    kept: list[Size] = []
    for size in sizes:
        if not any(exceeds(each, size) for each in kept):
            kept = [each for each in kept if not exceeds(size, each)]
            kept.append(size)
    return tuple(kept)
