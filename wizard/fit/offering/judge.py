"""One recipe, one model, one machine: does it fit, at what cost, and if not, by how much and what would help."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from wizard.contract import Catalog, FitStatus, Knobs, Machine, Problem, Remedy, Verdict
from wizard.errors import WizardError
from wizard.fit.memory.law import Numbers, peak_of
from wizard.fit.offering import remedies, work
from wizard.fit.offering.correct import Known, explained, pace
from wizard.fit.offering.engines import Picks
from wizard.fit.offering.ladder import Rung, rungs_of
from wizard.fit.offering.merging import merging
from wizard.fit.offering.recipe_step import Case, step_of, trained
from wizard.fit.offering.setting import Setting, settle
from wizard.fit.reading.shape import adapts_experts

T = TypeVar("T")


def judge(
    machine: Machine,
    catalog: Catalog,
    recipe_id: str,
    model_id: str,
    knobs: Knobs | None = None,
    forced_engines: Mapping[str, str] | None = None,
    *,
    home_disk: int | None = None,
    rows: int = 0,
    row_tokens: int = 0,
    here: frozenset[str] = frozenset(),
    known: Known | None = None,
    terms: bool = True,
) -> Verdict:
    """With knobs None the recipe's own, then down its ladder until it fits; else exactly these.

    `rows`, `row_tokens`: of the user's data, 0 where not known. `terms`: False leaves out what only a person reads,
    `explain` adds it.
    """
    recipe, model = _named(catalog.recipes, recipe_id, "recipe"), _named(catalog.models, model_id, "model")
    at_hand = machine.disks[0].free_bytes if machine.disks else 0
    free = at_hand if home_disk is None else home_disk
    setting = settle(machine, catalog, recipe, model, forced_engines or {}, free)
    setting = replace(setting, rows=rows, row_tokens=row_tokens, here=here, known=known or Known())
    rungs = rungs_of(wanted(setting, knobs or recipe.knobs), recipe.ladder)
    nowhere = setting.device == "cuda" and not setting.gpu
    at, found = walk(setting, rungs[:1] if knobs or nowhere else rungs)
    draft = verdict(setting, rungs, at, found)
    return explain(setting, draft) if terms else draft


def _named(drawer: Mapping[str, T], name: str, kind: str) -> T:
    if name not in drawer:
        nearest = "" if "/" in name else next(iter(difflib.get_close_matches(name, list(drawer), n=1)), "")
        raise WizardError(f"unknown-{kind}", name=name, nearest=nearest)
    return drawer[name]


def wanted(setting: Setting, knobs: Knobs) -> Knobs:
    """No longer than the model's positions, and on as many cards as there are for a recipe that uses several."""
    cards = max(len(setting.gpus), 2) if setting.recipe.knobs.n_gpus > 1 else 1
    length = min(knobs.seq_len, setting.model.max_len)
    return replace(knobs, seq_len=length, n_gpus=cards, zero_stage=knobs.zero_stage if cards > 1 else 0)


def walk(setting: Setting, rungs: Sequence[Rung]) -> tuple[int, Numbers]:
    """The first rung that fits; a tight one comes before a shorter sequence; the lowest where none does."""
    best: tuple[int, Numbers] | None = None
    for at, rung in enumerate(rungs):
        found = setting.numbers(rung.knobs)
        if best and rung.knobs.seq_len < rungs[best[0]].knobs.seq_len:
            break
        status = status_of(found, setting.capacity)
        if status == "fits":
            return at, found
        if status == "tight" and best is None:
            best = at, found
    return best or (at, found)


def status_of(found: Numbers, capacity: int) -> FitStatus:
    return "fits" if found.safe <= capacity else "tight" if found.card <= capacity else "no"


def verdict(setting: Setting, rungs: Sequence[Rung], at: int, found: Numbers) -> Verdict:
    """Without the terms."""
    knobs, model, picks = rungs[at].knobs, setting.model, leave_out_what_will_not_serve(setting)
    load = work.load_of(setting.recipe, setting.catalog, knobs, setting.rows, setting.row_tokens)
    device = "cuda" if setting.device == "cuda" else "cpu"
    slower = pace(knobs, setting.key, setting.known.records, lambda given: setting.micro_step(given, given.seq_len))
    train = work.train_seconds(knobs, load, setting.micro_step(knobs, load.row_tokens) * slower)
    way = merging(model, device, setting.capacity, setting.machine.ram_free_bytes)
    fetched = model.id in setting.here
    trains = trained(setting.case(knobs))
    seconds = work.stage_seconds(picks.engines, model, train, device, way, fetched)
    disk = work.stage_disk(picks.engines, model, trains, setting.catalog, setting.kind, setting.built, fetched)
    memory = work.stage_memory(picks.engines, model, found.card, device, way, setting.halves)
    ram = work.stage_ram(device, memory, model, setting.method.quantisation != "none", way)
    draft = Verdict(
        recipe=setting.recipe.id,
        model=model.id,
        task=setting.recipe.task,
        method=setting.recipe.method,
        knobs=knobs,
        status=status_of(found, setting.capacity),
        peak_bytes=found.peak,
        reserved_bytes=found.reserved,
        card_bytes=found.card,
        safe_bytes=found.safe,
        capacity_bytes=setting.capacity,
        moment="",
        terms=(),
        gave_up=tuple(rung.changes for rung in rungs[1 : at + 1]),
        seconds=round(sum(seconds.values()), 1),
        ram_bytes=max(ram.values(), default=0),
        disk_bytes=sum(disk.values()),
        download_bytes=0 if fetched else work.download_bytes(model),
        device=device,  # type: ignore[arg-type]
        engines=picks.engines,
        engine_notes=picks.notes,
        gpus=tuple(sorted(gpu.index for gpu in setting.gpus)),
        accelerator=setting.kind,
        pythons=picks.pythons,
        rungs=tuple(rung.changes for rung in rungs_of(knobs, setting.recipe.ladder)),
        stage_seconds=seconds,
        stage_memory=memory,
        stage_disk=disk,
        ram_stage=max(ram, key=lambda name: ram[name], default=""),
        merge_device=way.device,  # type: ignore[arg-type]
        merge_weight_bytes=way.weight_bytes,
        case=setting.key,
        step_seconds=setting.micro_step(knobs, knobs.seq_len) * work.micro_batches(knobs) * slower,
    )
    reason = next(reasons(setting, draft), None)
    return draft if reason is None else replace(draft, status="no", reason=reason)


def explain(setting: Setting, draft: Verdict) -> Verdict:
    """With the terms of the peak, and for a `no` with the nearest changes that would lift it."""
    case = setting.case(draft.knobs)
    step = step_of(case)
    peak = explained(peak_of(step), setting.correction(draft.knobs), step)
    told = replace(draft, moment=peak.moment, terms=peak.terms, basis=peak.basis)
    if draft.reason is None:
        return told
    return replace(told, remedies=tuple(help_for(setting, told, case, draft.reason)))


def leave_out_what_will_not_serve(setting: Setting) -> Picks:
    """A model may be tuned in 4 bits and still be too large to serve in 16."""
    picks, needed = setting.picks, work.served_bytes(setting.model)
    whole = setting.gpu.free_bytes if setting.gpu else 0
    if setting.device == "cpu" or not setting.gpu or "serve" not in picks.engines or needed <= whole:
        return picks
    params = {"model": setting.model.title, "needed_bytes": needed, "free_bytes": whole}
    engines = {stage: name for stage, name in picks.engines.items() if stage != "serve"}
    return replace(picks, engines=engines, notes=(*picks.notes, Problem(code="too-big-to-serve", params=params)))


def reasons(setting: Setting, draft: Verdict) -> Iterator[Problem]:
    """Why not, the most telling first."""
    if setting.device == "cuda" and not setting.gpu:
        yield Problem(code="needs-gpu", params={"needed_bytes": draft.card_bytes})
    elif setting.recipe.knobs.n_gpus > max(len(setting.gpus), 1):
        needed = {"cards": setting.recipe.knobs.n_gpus, "has": len(setting.gpus)}
        yield Problem(code="needs-cards", params={**needed, "needed_bytes": draft.card_bytes})
    if setting.picks.reason:
        yield setting.picks.reason
    if draft.status == "no":
        names = {"model": setting.model.title, "method": setting.method.title}
        short = draft.card_bytes - draft.capacity_bytes
        sizes = {"needed_bytes": draft.card_bytes, "free_bytes": draft.capacity_bytes, "short_bytes": short}
        yield Problem(code=f"short-of-memory-{setting.device}", params={**names, **sizes})
    if setting.method.dora and adapts_experts(setting.model.architecture, draft.knobs.targets):
        yield Problem(code="dora-not-for-experts", params={"model": setting.model.title})
    if draft.ram_bytes > setting.machine.ram_free_bytes:
        sizes = {"needed_bytes": draft.ram_bytes, "free_bytes": setting.machine.ram_free_bytes}
        yield Problem(code="short-of-ram", params={**sizes, "stage": draft.ram_stage})
    if draft.disk_bytes > setting.home_free:
        yield Problem(code="short-of-disk", params={"needed_bytes": draft.disk_bytes, "free_bytes": setting.home_free})


def help_for(setting: Setting, draft: Verdict, case: Case, reason: Problem) -> Iterator[Remedy]:
    if reason.code.startswith("short-of-memory"):
        yield from remedies.for_memory(case, setting.capacity, setting.unused, setting.recipe, setting.catalog)
    elif reason.code == "short-of-disk":
        disk = remedies.roomier_disk(setting.machine, draft.disk_bytes)
        yield disk or Remedy(code="more-disk", params={"needed_bytes": draft.disk_bytes})
    elif reason.code == "short-of-ram":
        yield Remedy(code="more-ram", params={"needed_bytes": draft.ram_bytes})
    elif reason.code == "needs-gpu":
        yield remedies.room(case, draft.card_bytes)
    elif reason.code == "dora-not-for-experts":
        yield from remedies.other_recipe(case, setting.capacity, setting.recipe, setting.catalog)
    elif reason.code == "needs-cards":
        yield from remedies.for_several_cards(case, setting.capacity, setting.recipe, setting.catalog)
    elif command := reason.params.get("command"):
        yield Remedy(code="install", params={"command": command})
