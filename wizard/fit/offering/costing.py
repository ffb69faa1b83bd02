"""What a run costs beside the memory of its peak: seconds, disk and memory of each stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from wizard.contract import Knobs
from wizard.contract.sharing import generator_cards
from wizard.fit.memory import held, offloading
from wizard.fit.memory.law import CPU_PROGRAM
from wizard.fit.offering import answering, evaluating, fewer, inference, work
from wizard.fit.offering.correct import pace
from wizard.fit.offering.flops import UTILISATION, card_flops, cpu_flops
from wizard.fit.offering.merging import SHARD, Merging, merging
from wizard.fit.offering.serving import serving_cards
from wizard.fit.offering.setting import Setting

T = TypeVar("T")


class Around(NamedTuple):
    """What the stages take that stand around a training, whatever is trained: by stage, with nothing for the training.
    `cards`: of the server."""

    seconds: Mapping[str, float]
    disk: Mapping[str, int]
    memory: Mapping[str, int]
    way: Merging
    cards: int


class Costs(NamedTuple):
    """By stage; `ram`: of those that need much of it."""

    seconds: Mapping[str, float]
    disk: Mapping[str, int]
    memory: Mapping[str, int]
    ram: Mapping[str, int]
    way: Merging
    step_seconds: float
    cache_bytes: int = 0


def costs(setting: Setting, knobs: Knobs, card_bytes: int) -> Costs:
    found = (served if setting.serves else trained)(setting, knobs, card_bytes, stages_around(setting))
    return with_evaluation(setting, knobs, found) if "evaluate" in setting.picks.engines else found


def uncounted(setting: Setting) -> Costs:
    return Costs(seconds={}, disk={}, memory={}, ram={}, way=stages_around(setting).way, step_seconds=0.0)


def stages_around(setting: Setting) -> Around:
    """Once for all recipes that choose the same engines for a model."""
    key = (setting.alike, setting.model.id, setting.picks.engines.get("serve", ""))
    if key not in setting.seen.around:
        setting.seen.around[key] = _around(setting)
    found: Around = setting.seen.around[key]
    return found


def _around(setting: Setting) -> Around:
    model, engines, device, format = setting.model, setting.picks.engines, setting.device, setting.format
    way = merging(model, device, setting.capacity, setting.machine.ram_free_bytes)
    cards = serving_cards(setting, engines["serve"]) if "serve" in engines and not setting.serves else 1
    memory = work.stage_memory(engines, model, device, way, setting.halves, format, cards)
    fetched = model.id in setting.here
    return Around(
        seconds=work.stage_seconds(engines, model, device, way, fetched, format),
        disk=work.stage_disk(engines, model, setting.catalog, setting.kind, setting.built, fetched, format),
        memory=memory,
        way=way,
        cards=cards,
    )


def _flops(setting: Setting, device: str) -> float:
    """A second: what a card does of its rate, or the CPU."""
    return card_flops(setting.board) * UTILISATION if device == "cuda" else cpu_flops(setting.machine.cpu)


def with_evaluation(setting: Setting, knobs: Knobs, cost: Costs) -> Costs:
    """Of the base, the trained model, and its smaller format where there is one."""
    load = work.load_of(setting.recipe, setting.catalog, knobs, setting.rows, setting.row_tokens)
    device = cost.way.device
    rate = _flops(setting, device)
    subjects = 1 + (not setting.serves) + ("quantise" in setting.picks.engines)
    took = round(evaluating.seconds(setting.model, device, subjects, load.row_tokens, rate), 1)
    tokens = min(knobs.seq_len, load.row_tokens) if setting.serves else knobs.seq_len
    held_bytes = evaluating.held_bytes(setting.model, device, tokens, setting.halves)
    return cost._replace(
        seconds={**cost.seconds, "evaluate": took},
        memory={**cost.memory, "evaluate": held_bytes},
        ram={**cost.ram, **({"evaluate": held_bytes} if device == "cpu" else {})},
    )


def trained(setting: Setting, knobs: Knobs, card_bytes: int, around: Around) -> Costs:
    model, device = setting.model, setting.device
    step, parts, own = setting.step(knobs), knobs.sequence_parallel, setting.recipe.settings
    load = work.load_of(setting.recipe, setting.catalog, knobs, setting.rows, setting.row_tokens)
    load = answering.answered(load, step.task, setting.recipe.trainer, own, knobs.seq_len)
    slower = pace(
        knobs,
        setting.key,
        setting.known.records,
        lambda given: setting.micro_step(setting.step(given), given.seq_len, given.sequence_parallel),
    )
    writing = answering.writing_seconds(step, knobs, own, _flops(setting, device))

    def a_step(tokens: int) -> float:
        return setting.micro_step(step, tokens, parts) * work.micro_batches(knobs) * slower + writing

    train = work.train_seconds(knobs, load, a_step(load.row_tokens), model, device)
    memory = with_training(around.memory, card_bytes)
    if setting.guesser:
        memory["serve"] += work.draft_bytes(model, setting.guesser, around.cards)
    packs = setting.method.quantised and setting.method.base != "hqq"
    ram = work.stage_ram(device, memory, model, packs, around.way, knobs, setting.format)
    ram["train"] += offloading.in_ram(step) // knobs.nodes if device == "cuda" else 0
    if generator_cards(setting.recipe):  # a server beside, started anew for each training
        ram["train"] += work.SERVER_RAM["vllm"] + min(model.params * 2, SHARD)
        train += work.SERVE_SECONDS["vllm"]
    return Costs(
        seconds=with_training(around.seconds, round(train, 1)),
        disk=with_training(around.disk, around.disk.get("train", 0) + work.checkpoints(held.trained(step))),
        memory=memory,
        ram=ram,
        way=around.way,
        step_seconds=a_step(knobs.seq_len),
    )


def with_training(found: Mapping[str, T], own: T) -> dict[str, T]:
    """With the training's own, unless there is no engine for it."""
    return {**found, "train": own} if "train" in found else dict(found)


def served(setting: Setting, knobs: Knobs, card_bytes: int, around: Around) -> Costs:
    """An engine on a card has its program in RAM, and a file of the weights on their way; each further card a process
    of its own."""
    model, engines, device, way = setting.model, setting.picks.engines, setting.device, around.way
    memory = {**around.memory, "serve": card_bytes}
    if not any(source.kind == "bundled" for source in model.sources):
        memory["fetch"] = 0  # only what comes with a package is made of it in RAM
    memory = {stage: memory[stage] for stage in engines}
    ram = dict(memory)
    if device == "cuda":
        ram = {}
        if "quantise" in engines and setting.format:
            ram["quantise"] = fewer.ram_bytes(model, setting.format, way)
    if device == "cuda" and setting.answers:
        ram["serve"] = work.SERVER_RAM.get(inference.server_of(setting), 0) + min(model.params * 2, SHARD)
        ram["serve"] += (knobs.n_gpus - 1) * CPU_PROGRAM
    return Costs(
        seconds=around.seconds,
        disk=around.disk,
        memory=memory,
        ram=ram,
        way=way,
        step_seconds=inference.token_seconds(setting, setting.step(knobs)) if setting.answers else 0.0,
        cache_bytes=inference.cache_bytes(setting, knobs) if setting.answers else 0,
    )
