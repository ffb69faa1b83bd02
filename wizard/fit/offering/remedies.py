"""The nearest changes that would make it fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from wizard.contract import Catalog, Knobs, Machine, Model, Recipe, Remedy
from wizard.fit.memory.law import GIB, numbers_of
from wizard.fit.offering.recipe_step import Case, base_bytes, step_of

CARDS_GIB = (6, 8, 11, 12, 16, 20, 24, 32, 40, 48, 80, 96, 141, 180)
USABLE = 0.96  # of what is written on a card's box
SHORTEST = 128
TEAMS = (2, 4, 8, 16)  # cards of one machine, as they are rented; 16 are two machines


def for_memory(case: Case, capacity: int, total: int, recipe: Recipe, catalog: Catalog) -> Iterator[Remedy]:
    """`total`: what would be free, were there no other programs on the card."""

    def fits(**change: Any) -> bool:
        return needed(replace(case, knobs=replace(case.knobs, **change))) <= capacity

    yield from _knob_remedies(case.knobs, fits)
    yield from for_one_card(case, capacity, recipe, catalog)
    yield from more_cards(case, capacity)
    if needed(case) <= total:
        yield Remedy(code="free-the-card", params={"held_bytes": total - capacity, "total_bytes": total})
    else:
        yield room(case, needed(case))


def needed(case: Case) -> int:
    return numbers_of(step_of(case)).card


def for_one_card(case: Case, capacity: int, recipe: Recipe, catalog: Catalog) -> Iterator[Remedy]:
    if (other := lighter_recipe(case, capacity, recipe, catalog)) is not None:
        yield other_method(other, catalog)
    if (model := smaller_model(case, capacity, catalog)) is not None:
        yield Remedy(code="smaller-model", params={"model": model.id, "title": model.title})


def other_method(other: Recipe, catalog: Catalog) -> Remedy:
    return Remedy(code="other-method", params={"method": catalog.methods[other.method].title, "recipe": other.id})


def for_several_cards(case: Case, capacity: int, recipe: Recipe, catalog: Catalog) -> Iterator[Remedy]:
    """Where a recipe shares a model among cards and there are too few: one that does without, else more of them."""
    alone = replace(case, knobs=replace(case.knobs, zero_stage=0, n_gpus=1))
    if other := next(other_recipe(alone, capacity, recipe, catalog), None):
        yield other
    else:
        yield next(more_cards(alone, capacity), None) or room(alone, needed(alone))


def other_recipe(case: Case, capacity: int, recipe: Recipe, catalog: Catalog) -> Iterator[Remedy]:
    """One card's recipes of the same task that fit, the one with the least change of the base first."""
    kin = [other for other in catalog.recipes.values() if alike(other, recipe, case) and other.knobs.n_gpus == 1]
    for other in sorted(kin, key=lambda other: -base_bytes(catalog.methods[other.method])):
        method = catalog.methods[other.method]
        if not method.dora and needed(replace(case, method=method)) <= capacity:
            yield other_method(other, catalog)
            return


def more_cards(case: Case, capacity: int) -> Iterator[Remedy]:
    """Weights, gradients and states shared among as few cards like this one as hold them, by ZeRO 3."""
    if case.device == "cpu" or case.method.quantised:
        return
    for cards in TEAMS:
        size = needed(replace(case, knobs=replace(case.knobs, zero_stage=3, n_gpus=cards)))
        if cards > case.knobs.n_gpus and size <= capacity:
            yield Remedy(code="more-cards", params={"cards": cards, "needed_bytes": size, "free_bytes": capacity})
            return


def _knob_remedies(knobs: Knobs, fits: Callable[..., bool]) -> Iterator[Remedy]:
    if knobs.micro_batch > 1 and fits(micro_batch=1):
        yield Remedy(code="smaller-batch", params={"micro_batch": 1})
    if not knobs.grad_ckpt and fits(grad_ckpt=True):
        yield Remedy(code="checkpointing")
    length = knobs.seq_len // 2
    while length >= SHORTEST:
        if fits(seq_len=length):
            yield Remedy(code="shorter-sequence", params={"seq_len": length})
            return
        length //= 2


def lighter_recipe(case: Case, capacity: int, recipe: Recipe, catalog: Catalog) -> Recipe | None:
    """Another recipe of the same task, whose method holds the base in fewer bytes."""
    for other in catalog.recipes.values():
        method = catalog.methods[other.method]
        lighter = alike(other, recipe, case) and base_bytes(method) < base_bytes(case.method)
        alone = replace(case, method=method, knobs=replace(case.knobs, zero_stage=0, n_gpus=1))
        if lighter and needed(alone) <= capacity:
            return other
    return None


def alike(other: Recipe, recipe: Recipe, case: Case) -> bool:
    return other.task == recipe.task and case.device in other.accelerators and suits(other, case.model)


def smaller_model(case: Case, capacity: int, catalog: Catalog) -> Model | None:
    kin = [
        model
        for model in catalog.models.values()
        if model.architecture.family == case.model.architecture.family and model.params < case.model.params
    ]
    for model in sorted(kin, key=lambda model: -model.params):
        if needed(replace(case, model=model)) <= capacity:
            return model
    return None


def room(case: Case, size: int) -> Remedy:
    if case.device == "cpu":
        return Remedy(code="more-ram", params={"needed_bytes": size})
    card = next((gib for gib in CARDS_GIB if gib * GIB * USABLE >= size), 0)
    code = "bigger-card" if card else "no-card-is-big-enough"
    return Remedy(code=code, params={"gib": card, "needed_bytes": size})


def roomier_disk(machine: Machine, needed: int) -> Remedy | None:
    others = sorted(machine.disks[1:], key=lambda disk: -disk.free_bytes)
    best = next((disk for disk in others if disk.kind != "memory" and disk.free_bytes >= needed), None)
    return Remedy(code="other-disk", params={"path": best.path, "free_bytes": best.free_bytes}) if best else None


def suits(recipe: Recipe, model: Model) -> bool:
    named = {model.id, model.architecture.family}
    open_to_all = "*" in recipe.models and ("*" in model.tasks or recipe.task in model.tasks)
    return open_to_all or any(name in named for name in recipe.models)
