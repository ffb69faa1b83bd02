"""The nearest changes that would make it fit, each judged as the case itself is before it is advised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from wizard.contract import Recipe, Remedy, Verdict
from wizard.contract.sharing import least_cards
from wizard.fit.memory.step import BLOCKS
from wizard.fit.offering.mending import MOST_CARDS, Judge, Mended, Situation, clone, mended, with_cards
from wizard.fit.offering.plain import PLAIN, is_plain
from wizard.fit.offering.recipe_step import base_bytes
from wizard.fit.offering.setting import Setting, suits

SHORTEST, SHORTEST_CONTEXT = 128, 2048
TRAINED, SERVED = ("smaller-batch", "shorter-sequence"), ("fewer-conversations", "shorter-context")  # remedies
TEAMS = (2, 4, MOST_CARDS)


def remedies(at: Situation, setting: Setting, draft: Verdict, judged: Judge) -> Iterator[Remedy]:
    """What costs nothing first, each with what it takes beside; one purchase, where no other program is in the way."""
    assert draft.reason
    for remedy, change in (*_knobs(at, draft, judged), *_other(at, setting, draft, judged)):
        yield replace(remedy, beside=change.steps)
    if freed := _freed(at, setting, draft, judged):
        yield freed
    if shared := _shared(at, setting, draft, judged):
        yield shared
    if not freed and not (shared and draft.reason.code == "needs-cards"):
        yield _bought(at, setting, draft, judged)


def _knobs(at: Situation, draft: Verdict, judged: Judge) -> Iterator[tuple[Remedy, Mended]]:
    if not draft.reason or not draft.reason.code.startswith("short-of-memory"):
        return
    knobs, serves = draft.knobs, draft.task == "serve"
    batch, length_code = SERVED if serves else TRAINED

    def changed(code: str, shown: bool = True, **change: Any) -> tuple[Remedy, Mended] | None:
        found = _lifted(at._replace(knobs=replace(knobs, **change)), draft, judged)
        return (Remedy(code=code, params=change if shown else {}), found) if found else None

    if knobs.micro_batch > 1 and (found := changed(batch, micro_batch=1)):
        yield found
    if not (knobs.grad_ckpt or serves) and (found := changed("checkpointing", shown=False, grad_ckpt=True)):
        yield found
    length = knobs.seq_len // 2
    while length >= (SHORTEST_CONTEXT if serves else SHORTEST):
        if found := changed(length_code, seq_len=length):
            yield found
            return
        length //= 2


def _lifted(at: Situation, draft: Verdict, judged: Judge) -> Mended | None:
    """Where the reason is gone, with what is short all the same."""
    found = mended(at, judged, buying=False)
    return found if found and draft.reason and found.lifts(draft.reason) else None


def _other(at: Situation, setting: Setting, draft: Verdict, judged: Judge) -> Iterator[tuple[Remedy, Mended]]:
    """Another recipe of the task, that with the least change first, and a smaller model of the family."""
    catalog = setting.catalog
    for several in (_few_layers(setting, draft), _kin(setting, draft)):
        for other in several:
            if found := _lifted(at._replace(recipe=other.id), draft, judged):
                yield _method(setting, other), found
                break
    if draft.reason and not draft.reason.code.startswith("short-of"):
        return
    family = setting.model.architecture.family
    smaller = [
        model
        for model in catalog.models.values()
        if model.architecture.family == family and model.params < setting.model.params and suits(setting.recipe, model)
    ]
    for model in sorted(smaller, key=lambda model: -model.params):
        if found := _lifted(at._replace(model=model.id), draft, judged):
            yield Remedy(code="smaller-model", params={"model": model.id, "title": model.title}), found
            return


def _few_layers(setting: Setting, draft: Verdict) -> list[Recipe]:
    """For who wants the weights themselves to learn: a few layers of them do."""
    own, methods = setting.method, setting.catalog.methods
    if own.trainable != "all" or own.tuner in BLOCKS:
        return []
    return [other for other in _beside(setting, draft) if methods[other.method].tuner in BLOCKS][:1]


def _kin(setting: Setting, draft: Verdict) -> list[Recipe]:
    """Plain ones: nobody is sent to a method that wants to be known. Those of the same objective first, then that with
    the least change of the base."""
    methods = setting.catalog.methods
    plain = [other for other in _beside(setting, draft) if other.method in PLAIN and is_plain(other)]
    kin = [other for other in plain if methods[other.method].trainable == "adapter" and not methods[other.method].dora]
    return sorted(
        kin,
        key=lambda other: (
            -base_bytes(methods[other.method]),
            other.knobs.n_gpus,
            (other.trainer, other.settings) != (setting.recipe.trainer, setting.recipe.settings),
        ),
    )


def _beside(setting: Setting, draft: Verdict) -> list[Recipe]:
    """On the CPU only where it is not the card's memory that is short."""
    short = draft.reason is not None and draft.reason.code == "short-of-memory-cuda"
    return [
        other
        for other in _of_task(setting)
        if other.id != setting.recipe.id
        and (setting.device in other.accelerators or not short)
        and other.knobs.offload == "none"
        and other.knobs.sequence_parallel == 1
    ]


def _freed(at: Situation, setting: Setting, draft: Verdict, judged: Judge) -> Remedy | None:
    """Were there no other programs on the cards."""
    held = setting.unused - setting.capacity
    if held <= 0 or not draft.reason or draft.reason.code != "short-of-memory-cuda":
        return None
    used = {gpu.index for gpu in setting.gpus}
    empty = [
        replace(gpu, free_bytes=max(gpu.free_bytes, gpu.total_bytes - (gpu.reserved_bytes or 0)))
        if gpu.index in used
        else gpu
        for gpu in at.machine.gpus
    ]
    found = _lifted(at._replace(machine=with_cards(at.machine, empty)), draft, judged)
    params = {"held_bytes": held, "total_bytes": setting.unused}
    return Remedy(code="free-the-card", params=params, beside=found.steps) if found else None


def _shared(at: Situation, setting: Setting, draft: Verdict, judged: Judge) -> Remedy | None:
    """As few cards like this one as hold it together, by a recipe that shares a model out."""
    recipe, gpu = _sharing(setting), setting.gpu
    if not recipe or not gpu or not draft.reason or draft.reason.code not in ("short-of-memory-cuda", "needs-cards"):
        return None
    for cards in TEAMS:
        if cards <= max(len(setting.gpus), 1):
            continue
        team = with_cards(at.machine, [clone(gpu, index) for index in range(cards)])
        knobs = replace(at.knobs, n_gpus=cards, zero_stage=recipe.knobs.zero_stage, fsdp=False) if at.knobs else None
        found = mended(at._replace(machine=team, recipe=recipe.id, knobs=knobs), judged, buying=False)
        if found and found.found.status == "fits":
            sizes = {"needed_bytes": found.found.safe_bytes, "free_bytes": found.found.capacity_bytes}
            params = {"cards": cards, "recipe": recipe.id, **sizes}
            return Remedy(code="more-cards", params=params, beside=found.steps)
    return None


def _sharing(setting: Setting) -> Recipe | None:
    """By the same method, else by one that learns as much of it, else by any; DDP shares out no model. What is served
    is shared out by its engine."""
    if setting.serves:
        return setting.recipe if any(setting.catalog.engines[name].cards for name in setting.picks.servers) else None
    if setting.recipe.knobs.zero_stage == 3:
        return setting.recipe
    shared = [other for other in _of_task(setting) if other.knobs.zero_stage == 3 and other.knobs.n_gpus > 1]
    return min(shared, key=lambda other: _apart(setting, other), default=None)


def _apart(setting: Setting, other: Recipe) -> tuple[bool, ...]:
    """The same method first, then as much that learns, then what keeps to the cards, and rows that each reads whole."""
    own, method = setting.method, setting.catalog.methods[other.method]
    return (
        other.method != own.id,
        method.trainable != own.trainable,
        other.knobs.offload != "none",
        other.knobs.sequence_parallel > 1,
    )


def _of_task(setting: Setting) -> list[Recipe]:
    own = setting.recipe
    recipes = setting.catalog.recipes.values()
    return [other for other in recipes if other.task == own.task and suits(other, setting.model)]


def _bought(at: Situation, setting: Setting, draft: Verdict, judged: Judge) -> Remedy:
    """What has to be got, the rest beside the first of it; with another recipe where this one never runs."""
    if found := mended(at, judged, buying=True):
        first, *rest = found.steps
        return replace(first, beside=tuple(rest))
    for other in _kin(setting, draft):
        if least_cards(other) == 1 and (found := mended(at._replace(recipe=other.id), judged, buying=True)):
            return replace(_method(setting, other), beside=found.steps)
    return Remedy(code="no-card-is-big-enough", params={"needed_bytes": draft.safe_bytes})


def _method(setting: Setting, other: Recipe) -> Remedy:
    title = setting.catalog.methods[other.method].title
    return Remedy(code="other-method", params={"method": title, "recipe": other.id})
