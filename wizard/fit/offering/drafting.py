"""What a run would take on these cards at this rung of its ladder, and every reason why it could not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from wizard.contract import FitStatus, Generator, Knobs, Problem, Verdict
from wizard.contract.sharing import least_cards
from wizard.fit.memory.law import CUDA_CONTEXT, Numbers
from wizard.fit.offering import guessing, inference, merging, work
from wizard.fit.offering.costing import Costs, costs, uncounted
from wizard.fit.offering.generating import generator_of, shortage
from wizard.fit.offering.ladder import Rung, rungs_of
from wizard.fit.offering.serving import PASSED_OVER, passed_over, ways_to_serve
from wizard.fit.offering.setting import Setting
from wizard.fit.reading.shape import adapts_experts


def status_of(found: Numbers, capacity: int) -> FitStatus:
    return "fits" if found.safe <= capacity else "tight" if found.card <= capacity else "no"


def verdict(setting: Setting, rungs: Sequence[Rung], at: int, found: Numbers) -> Verdict:
    """Without the terms. Where only serving makes it run out of disk or RAM it is served in another way, or not."""
    first: Verdict | None = None
    notes: tuple[Problem, ...] = ()
    for picks in ways_to_serve(setting):
        if notes:
            picks = replace(picks, notes=(*picks.notes, *notes))
        draft = drafted(setting if picks is setting.picks else replace(setting, picks=picks), rungs, at, found)
        if draft.reason is None:
            return draft
        if any(reason.code not in PASSED_OVER for reason in (draft.reason, *draft.also)):
            return first or draft
        first = first or draft
        notes += tuple(passed_over(setting, picks, reason) for reason in (draft.reason, *draft.also))
    assert first
    return first


class Weighed(NamedTuple):
    """What it would take, with these knobs."""

    knobs: Knobs
    memory: Numbers
    cost: Costs
    generator: Generator | None
    status: FitStatus  # by memory alone

    @property
    def ram_bytes(self) -> int:
        return max(self.cost.ram.values(), default=0)

    @property
    def ram_stage(self) -> str:
        return max(self.cost.ram, key=lambda name: self.cost.ram[name], default="")

    @property
    def disk_bytes(self) -> int:
        return sum(self.cost.disk.values())


def weighed(setting: Setting, knobs: Knobs, found: Numbers) -> Weighed:
    status, generator = status_of(found, setting.capacity), generator_of(setting, knobs)
    cost = uncounted(setting) if status == "no" and setting.seen.brief else costs(setting, knobs, found.card)
    if generator and status == "fits" and generator.safe_bytes > generator.capacity_bytes:
        status = "tight"
    return Weighed(knobs, found, cost, generator, status)


def drafted(setting: Setting, rungs: Sequence[Rung], at: int, found: Numbers) -> Verdict:
    knobs, model, picks = rungs[at].knobs, setting.model, setting.picks
    taken = weighed(setting, knobs, found)
    why, cost = tuple(reasons(setting, taken)), taken.cost
    return Verdict(
        recipe=setting.recipe.id,
        model=model.id,
        task=setting.recipe.task,
        method=setting.recipe.method,
        knobs=knobs,
        status="no" if why else taken.status,
        peak_bytes=found.peak,
        reserved_bytes=found.reserved,
        card_bytes=found.card,
        safe_bytes=found.safe,
        capacity_bytes=setting.capacity,
        moment="",
        terms=(),
        gave_up=tuple(rung.changes for rung in rungs[1 : at + 1]),
        seconds=round(sum(cost.seconds.values()), 1),
        ram_bytes=taken.ram_bytes,
        disk_bytes=taken.disk_bytes,
        download_bytes=0 if model.id in setting.here else work.download_bytes(model),
        device=setting.device,  # type: ignore[arg-type]
        engines=picks.engines,
        engine_notes=picks.notes,
        gpus=tuple(sorted(gpu.index for gpu in setting.gpus)),
        generator=taken.generator,
        accelerator=setting.kind,
        pythons=picks.pythons,
        rungs=tuple(rung.changes for rung in rungs_of(knobs, setting.recipe.ladder)),
        stage_seconds=cost.seconds,
        stage_memory=cost.memory,
        stage_disk=cost.disk,
        ram_stage=taken.ram_stage,
        merge_device=cost.way.device,  # type: ignore[arg-type]
        merge_weight_bytes=cost.way.weight_bytes,
        case=setting.key,
        step_seconds=cost.step_seconds,
        cache_bytes=cost.cache_bytes,
        reason=why[0] if why else None,
        also=why[1:],
    )


def _no_room_to_write(setting: Setting, taken: Weighed) -> Iterator[Problem]:
    """A format whose kernels run on a card alone is written where all of the weights have room."""
    writer = setting.catalog.engines.get(setting.picks.engines.get("quantise", ""))
    if writer is None or setting.format is None or taken.cost.way.device == "cuda" or setting.device == "cpu":
        return
    if writer.needs.accelerators and "cpu" not in writer.needs.accelerators:
        needed = merging.held_bytes(setting.model, 2) + CUDA_CONTEXT
        sizes = {"needed_bytes": needed, "free_bytes": setting.capacity}
        yield Problem(
            code="format-needs-room", params={"format": setting.format.id, "model": setting.model.title, **sizes}
        )


def _too_big_a_guesser(setting: Setting, taken: Weighed) -> Iterator[Problem]:
    """Where all but the model that guesses would fit."""
    if taken.status != "no" or not setting.serves or not setting.guesser:
        return
    own = guessing.term(setting.step(taken.knobs), setting.guesser).bytes
    if taken.memory.card - own <= setting.capacity:
        names = {"draft": setting.guesser.title, "model": setting.model.title}
        sizes = {"draft_bytes": own, "needed_bytes": taken.memory.card, "free_bytes": setting.capacity}
        yield Problem(code="draft-too-big", params={**names, **sizes})


def reasons(setting: Setting, taken: Weighed) -> Iterator[Problem]:
    """Why not, the most telling first."""
    needed = taken.memory.card
    if setting.device == "cuda" and not setting.gpu:
        yield Problem(code="needs-gpu", params={"needed_bytes": needed})
    elif least_cards(setting.recipe) > max(len(setting.gpus), 1):
        cards = {"cards": least_cards(setting.recipe), "has": len(setting.gpus)}
        yield Problem(code="needs-cards", params={**cards, "needed_bytes": needed})
    if setting.picks.reason:
        yield setting.picks.reason
    yield from _no_room_to_write(setting, taken)
    yield from _too_big_a_guesser(setting, taken)
    if taken.status == "no":
        names = {
            "model": setting.model.title,
            "method": inference.numbers_named(setting) if setting.serves else setting.method.title,
        }
        free = setting.capacity
        sizes = {"needed_bytes": needed, "free_bytes": free, "short_bytes": needed - free}
        yield Problem(code=f"short-of-memory-{setting.device}", params={**names, **sizes})
    if taken.generator and (lacking := shortage(setting, taken.generator)):
        yield lacking
    if setting.method.dora and adapts_experts(setting.model.architecture, taken.knobs.targets):
        yield Problem(code="dora-not-for-experts", params={"model": setting.model.title})
    if taken.ram_bytes > setting.machine.ram_free_bytes:
        sizes = {"needed_bytes": taken.ram_bytes, "free_bytes": setting.machine.ram_free_bytes}
        yield Problem(code="short-of-ram", params={**sizes, "stage": taken.ram_stage})
    if taken.disk_bytes > setting.home_free:
        yield Problem(code="short-of-disk", params={"needed_bytes": taken.disk_bytes, "free_bytes": setting.home_free})
