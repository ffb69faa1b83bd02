"""One recipe, one model, one machine: does it fit, at what cost, and if not, by how much and what would help."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from wizard.contract import (
    Board,
    Catalog,
    FitStatus,
    Gpu,
    Knobs,
    Machine,
    Method,
    Model,
    Problem,
    Recipe,
    Remedy,
    Verdict,
)
from wizard.errors import WizardError
from wizard.fit import remedies, work
from wizard.fit.correct import Record, corrected, pace
from wizard.fit.engines import Picks, accelerator, pick
from wizard.fit.ladder import Rung, rungs_of
from wizard.fit.law import Case, Peak, peak, trained

T = TypeVar("T")
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Everything that is fixed before the knobs are."""

    machine: Machine
    catalog: Catalog
    recipe: Recipe
    model: Model
    method: Method
    device: str
    gpu: Gpu | None
    board: Board | None
    kind: str  # accelerator
    picks: Picks
    home_free: int
    rows: int = 0
    row_tokens: int = 0
    records: Sequence[Record] = ()
    here: frozenset[str] = frozenset()  # ids of models that are fetched and of environments that are built

    @property
    def built(self) -> set[str]:
        """Engines whose environment for this machine is here."""
        pythons = {name: version.replace(".", "") for name, version in self.picks.pythons.items()}
        return {name for name, python in pythons.items() if f"{name}-{self.kind}-py{python}" in self.here}

    @property
    def capacity(self) -> int:
        if self.device == "cpu":
            return self.machine.ram_free_bytes
        return self.gpu.free_bytes if self.gpu else 0

    @property
    def halves(self) -> bool:
        return self.device == "cuda" or bool(BF16_FLAGS & set(self.machine.cpu.flags))

    @property
    def key(self) -> Mapping[str, str]:
        """What a rehearsal's measurement has to share with this case to say anything about it."""
        return {
            "model": self.model.id,
            "method": self.method.id,
            "board": (self.gpu.profile or self.gpu.name) if self.gpu else self.device,
            "engine": self.picks.engines.get("train", ""),
            "accelerator": self.kind,
        }

    def peak(self, knobs: Knobs) -> Peak:
        case = self.case(knobs)
        return corrected(peak(case), case, self.key, self.records)

    def micro_step(self, knobs: Knobs, row_tokens: int) -> float:
        return work.micro_step_seconds(
            self.model, self.method, knobs, row_tokens, self.machine, self.board, self.device
        )

    def case(self, knobs: Knobs) -> Case:
        size = 2 if self.halves else 4
        return Case(
            model=self.model,
            method=self.method,
            knobs=knobs,
            device=self.device,
            board=self.board,
            compute_bytes=size,
        )


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
    corrections: Sequence[Record] = (),
) -> Verdict:
    """With knobs None the recipe's own, then down its ladder until it fits; else exactly these."""
    recipe, model = _named(catalog.recipes, recipe_id, "recipe"), _named(catalog.models, model_id, "model")
    at_hand = machine.disks[0].free_bytes if machine.disks else 0
    free = at_hand if home_disk is None else home_disk
    setting = settle(machine, catalog, recipe, model, forced_engines or {}, free, rows, row_tokens)
    setting = replace(setting, here=here, records=corrections)
    wanted = knobs or recipe.knobs
    rungs = rungs_of(replace(wanted, seq_len=min(wanted.seq_len, model.max_len)), recipe.ladder)
    nowhere = setting.device == "cuda" and not setting.gpu
    at, found = walk(setting, rungs[:1] if knobs or nowhere else rungs)
    return verdict(setting, rungs, at, found)


def _named(drawer: Mapping[str, T], name: str, kind: str) -> T:
    if name not in drawer:
        nearest = next(iter(difflib.get_close_matches(name, list(drawer), n=1, cutoff=0.0)), "-")
        raise WizardError(f"unknown-{kind}", name=name, nearest=nearest)
    return drawer[name]


def settle(
    machine: Machine,
    catalog: Catalog,
    recipe: Recipe,
    model: Model,
    forced: Mapping[str, str],
    home_free: int,
    rows: int,
    row_tokens: int,
) -> Setting:
    """The card where there is one and an engine can use it, else the CPU where the recipe allows it."""
    gpu = max(machine.gpus, key=lambda card: card.free_bytes, default=None)
    card, kind = "cuda" in recipe.accelerators, accelerator(machine)
    use_card = card and (gpu is not None or "cpu" not in recipe.accelerators)
    if use_card and gpu is not None and kind == "cpu":
        picks = Picks(reason=Problem(code="driver-runs-no-build", params={"has": machine.driver or "-"}))
    else:
        picks = pick(recipe, model, machine, catalog, kind if use_card else "cpu", forced)
    if use_card and gpu is not None and picks.reason and "cpu" in recipe.accelerators:
        told = picks.reason
        picks = pick(recipe, model, machine, catalog, "cpu", forced)
        picks = replace(picks, notes=(told, *picks.notes))
        use_card = False
    return Setting(
        machine=machine,
        catalog=catalog,
        recipe=recipe,
        model=model,
        method=catalog.methods[recipe.method],
        device="cuda" if use_card else "cpu",
        gpu=gpu if use_card else None,
        board=catalog.boards.get(gpu.profile or "") if gpu and use_card else None,
        kind=kind if use_card else "cpu",
        picks=picks,
        home_free=home_free,
        rows=rows,
        row_tokens=row_tokens,
    )


def walk(setting: Setting, rungs: Sequence[Rung]) -> tuple[int, Peak]:
    """The first rung that fits; a tight one comes before a shorter sequence; the lowest where none does."""
    best: tuple[int, Peak] | None = None
    for at, rung in enumerate(rungs):
        found = setting.peak(rung.knobs)
        if best and rung.knobs.seq_len < rungs[best[0]].knobs.seq_len:
            break
        status = status_of(found, setting.capacity)
        if status == "fits":
            return at, found
        if status == "tight" and best is None:
            best = at, found
    return best or (at, found)


def status_of(found: Peak, capacity: int) -> FitStatus:
    return "fits" if found.safe_bytes <= capacity else "tight" if found.card_bytes <= capacity else "no"


def verdict(setting: Setting, rungs: Sequence[Rung], at: int, found: Peak) -> Verdict:
    knobs, model, picks = rungs[at].knobs, setting.model, leave_out_what_will_not_serve(setting)
    load = work.load_of(setting.recipe, setting.catalog, knobs, setting.rows, setting.row_tokens)
    device = "cuda" if setting.device == "cuda" else "cpu"
    slower = pace(knobs, setting.key, setting.records, lambda given: setting.micro_step(given, given.seq_len))
    train = work.train_seconds(knobs, load, setting.micro_step(knobs, load.row_tokens) * slower)
    case = setting.case(knobs)
    merging = "cuda" if work.merge_ram(model) <= setting.capacity and device == "cuda" else "cpu"
    fetched = model.id in setting.here
    seconds = work.stage_seconds(picks.engines, model, train, device, merging, fetched)
    disk = work.stage_disk(picks.engines, model, trained(case), setting.catalog, setting.kind, setting.built, fetched)
    memory = work.stage_memory(picks.engines, model, found.card_bytes, device, setting.halves)
    draft = Verdict(
        recipe=setting.recipe.id,
        model=model.id,
        task=setting.recipe.task,
        method=setting.recipe.method,
        knobs=knobs,
        status=status_of(found, setting.capacity),
        peak_bytes=found.peak_bytes,
        reserved_bytes=found.reserved_bytes,
        card_bytes=found.card_bytes,
        safe_bytes=found.safe_bytes,
        capacity_bytes=setting.capacity,
        moment=found.moment,
        terms=found.terms,
        gave_up=tuple(rung.changes for rung in rungs[1 : at + 1]),
        seconds=round(sum(seconds.values()), 1),
        ram_bytes=max(memory.values(), default=0) if device == "cpu" else work.merge_ram(model),
        disk_bytes=sum(disk.values()),
        download_bytes=0 if fetched else work.download_bytes(model),
        device=device,  # type: ignore[arg-type]
        engines=picks.engines,
        engine_notes=picks.notes,
        gpus=(setting.gpu.index,) if setting.gpu else (),
        accelerator=setting.kind,
        pythons=picks.pythons,
        rungs=tuple(rung.changes for rung in rungs_of(knobs, setting.recipe.ladder)),
        stage_seconds=seconds,
        stage_memory=memory,
        stage_disk=disk,
        merge_device=merging,  # type: ignore[arg-type]
        basis=found.basis,
        case=setting.key,
        step_seconds=setting.micro_step(knobs, knobs.seq_len) * knobs.accumulate * slower,
    )
    reason = next(reasons(setting, draft), None)
    if reason is None:
        return draft
    return replace(draft, status="no", reason=reason, remedies=tuple(help_for(setting, draft, case, reason)))


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
    if setting.picks.reason:
        yield setting.picks.reason
    if draft.status == "no":
        names = {"model": setting.model.title, "method": setting.method.title}
        short = draft.card_bytes - draft.capacity_bytes
        sizes = {"needed_bytes": draft.card_bytes, "free_bytes": draft.capacity_bytes, "short_bytes": short}
        yield Problem(code=f"short-of-memory-{setting.device}", params={**names, **sizes, "moment": draft.moment})
    if draft.ram_bytes > setting.machine.ram_free_bytes:
        free = setting.machine.ram_free_bytes
        stage = (
            max(draft.stage_memory, key=lambda name: draft.stage_memory[name]) if setting.device == "cpu" else "merge"
        )
        sizes = {"needed_bytes": draft.ram_bytes, "free_bytes": free}
        yield Problem(code="short-of-ram", params={**sizes, "stage": stage})
    if draft.disk_bytes > setting.home_free:
        yield Problem(code="short-of-disk", params={"needed_bytes": draft.disk_bytes, "free_bytes": setting.home_free})


def help_for(setting: Setting, draft: Verdict, case: Case, reason: Problem) -> Iterator[Remedy]:
    if reason.code.startswith("short-of-memory"):
        yield from remedies.for_memory(case, setting.capacity, setting.recipe, setting.catalog)
    elif reason.code == "short-of-disk":
        disk = remedies.roomier_disk(setting.machine, draft.disk_bytes)
        yield disk or Remedy(code="more-disk", params={"needed_bytes": draft.disk_bytes})
    elif reason.code == "short-of-ram":
        yield Remedy(code="more-ram", params={"needed_bytes": draft.ram_bytes})
    elif reason.code == "needs-gpu":
        yield remedies.room(case, draft.card_bytes)
    elif command := reason.params.get("command"):
        yield Remedy(code="install", params={"command": command})
