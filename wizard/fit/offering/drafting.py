"""What a run would take on these cards at this rung of its ladder, and every reason why it could not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from wizard.contract import FitStatus, Problem, Verdict
from wizard.fit.memory import held, sharding
from wizard.fit.memory.law import Numbers
from wizard.fit.offering import evaluating, work
from wizard.fit.offering.correct import pace
from wizard.fit.offering.flops import UTILISATION, card_flops, cpu_flops
from wizard.fit.offering.ladder import Rung, rungs_of
from wizard.fit.offering.merging import merging
from wizard.fit.offering.serving import PASSED_OVER, passed_over, serving_cards, ways_to_serve
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


def drafted(setting: Setting, rungs: Sequence[Rung], at: int, found: Numbers) -> Verdict:
    knobs, model, picks = rungs[at].knobs, setting.model, setting.picks
    load = work.load_of(setting.recipe, setting.catalog, knobs, setting.rows, setting.row_tokens)
    device = "cuda" if setting.device == "cuda" else "cpu"
    step = setting.step(knobs)
    slower = pace(
        knobs,
        setting.key,
        setting.known.records,
        lambda given: setting.micro_step(setting.step(given), given.seq_len, given.sequence_parallel),
    )
    parts = knobs.sequence_parallel
    train = work.train_seconds(knobs, load, setting.micro_step(step, load.row_tokens, parts) * slower)
    way = merging(model, device, setting.capacity, setting.machine.ram_free_bytes)
    format = setting.format
    fetched = model.id in setting.here
    trains = held.trained(step)
    seconds = work.stage_seconds(picks.engines, model, train, device, way, fetched, format)
    disk = work.stage_disk(picks.engines, model, trains, setting.catalog, setting.kind, setting.built, fetched, format)
    cards = serving_cards(setting, picks.engines["serve"]) if "serve" in picks.engines else 1
    memory = work.stage_memory(picks.engines, model, found.card, device, way, setting.halves, format, cards)
    ram = work.stage_ram(device, memory, model, setting.method.quantised, way, knobs, format)
    if "evaluate" in picks.engines:
        seconds["evaluate"] = evaluate_seconds(setting, load.row_tokens)
        memory["evaluate"] = evaluating.held_bytes(model, device, knobs.seq_len, setting.halves)
        ram |= {"evaluate": memory["evaluate"]} if device == "cpu" else {}
    ram["train"] += sharding.in_ram(step) // knobs.nodes if device == "cuda" else 0
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
        step_seconds=setting.micro_step(step, knobs.seq_len, parts) * work.micro_batches(knobs) * slower,
    )
    why = tuple(reasons(setting, draft))
    return replace(draft, status="no", reason=why[0], also=why[1:]) if why else draft


def evaluate_seconds(setting: Setting, row_tokens: int) -> float:
    """Of the base, the trained model, and its smaller format where there is one."""
    device = "cuda" if setting.device == "cuda" else "cpu"
    rate = card_flops(setting.board) * UTILISATION if device == "cuda" else cpu_flops(setting.machine.cpu)
    subjects = 2 + ("quantise" in setting.picks.engines)
    return round(evaluating.seconds(setting.model, device, subjects, row_tokens, rate), 1)


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
