"""What a run costs beside the memory of its peak: seconds, disk and memory of each stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from wizard.contract import Knobs
from wizard.contract.sharing import generator_cards
from wizard.fit.memory import held, sharding
from wizard.fit.memory.law import CPU_PROGRAM
from wizard.fit.offering import evaluating, fewer, inference, work
from wizard.fit.offering.correct import pace
from wizard.fit.offering.flops import UTILISATION, card_flops, cpu_flops
from wizard.fit.offering.merging import SHARD, Merging, merging
from wizard.fit.offering.serving import serving_cards
from wizard.fit.offering.setting import Setting


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
    device = "cuda" if setting.device == "cuda" else "cpu"
    way = merging(setting.model, device, setting.capacity, setting.machine.ram_free_bytes)
    found = (served if setting.serves else trained)(setting, knobs, card_bytes, way)
    return with_evaluation(setting, knobs, found) if "evaluate" in setting.picks.engines else found


def with_evaluation(setting: Setting, knobs: Knobs, cost: Costs) -> Costs:
    """Of the base, the trained model, and its smaller format where there is one."""
    load = work.load_of(setting.recipe, setting.catalog, knobs, setting.rows, setting.row_tokens)
    device = cost.way.device
    rate = card_flops(setting.board) * UTILISATION if device == "cuda" else cpu_flops(setting.machine.cpu)
    subjects = 1 + (not setting.serves) + ("quantise" in setting.picks.engines)
    took = round(evaluating.seconds(setting.model, device, subjects, load.row_tokens, rate), 1)
    tokens = min(knobs.seq_len, load.row_tokens) if setting.serves else knobs.seq_len
    held_bytes = evaluating.held_bytes(setting.model, device, tokens, setting.halves)
    return cost._replace(
        seconds={**cost.seconds, "evaluate": took},
        memory={**cost.memory, "evaluate": held_bytes},
        ram={**cost.ram, **({"evaluate": held_bytes} if device == "cpu" else {})},
    )


def trained(setting: Setting, knobs: Knobs, card_bytes: int, way: Merging) -> Costs:
    model, picks, device = setting.model, setting.picks, setting.device
    load = work.load_of(setting.recipe, setting.catalog, knobs, setting.rows, setting.row_tokens)
    step, parts = setting.step(knobs), knobs.sequence_parallel
    slower = pace(
        knobs,
        setting.key,
        setting.known.records,
        lambda given: setting.micro_step(setting.step(given), given.seq_len, given.sequence_parallel),
    )
    train = work.train_seconds(knobs, load, setting.micro_step(step, load.row_tokens, parts) * slower)
    fetched, numbers = model.id in setting.here, held.trained(step)
    cards = serving_cards(setting, picks.engines["serve"]) if "serve" in picks.engines else 1
    memory = work.stage_memory(picks.engines, model, card_bytes, device, way, setting.halves, setting.format, cards)
    if setting.guesser:
        memory["serve"] += work.draft_bytes(model, setting.guesser, cards)
    ram = work.stage_ram(device, memory, model, setting.method.quantised, way, knobs, setting.format)
    ram["train"] += sharding.in_ram(step) // knobs.nodes if device == "cuda" else 0
    if generator_cards(setting.recipe):  # a server beside, started anew for each training
        ram["train"] += work.SERVER_RAM["vllm"] + min(model.params * 2, SHARD)
        train += work.SERVE_SECONDS["vllm"]
    return Costs(
        seconds=work.stage_seconds(picks.engines, model, train, device, way, fetched, setting.format),
        disk=work.stage_disk(
            picks.engines, model, numbers, setting.catalog, setting.kind, setting.built, fetched, setting.format
        ),
        memory=memory,
        ram=ram,
        way=way,
        step_seconds=setting.micro_step(step, knobs.seq_len, parts) * work.micro_batches(knobs) * slower,
    )


def served(setting: Setting, knobs: Knobs, card_bytes: int, way: Merging) -> Costs:
    """An engine on a card has its program in RAM, and a file of the weights on their way; each further card a process
    of its own."""
    model, engines, device = setting.model, setting.picks.engines, setting.device
    fetched = model.id in setting.here
    memory = work.stage_memory(engines, model, 0, device, way, setting.halves, setting.format) | {"serve": card_bytes}
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
        seconds=work.stage_seconds(engines, model, 0.0, device, way, fetched, setting.format),
        disk=work.stage_disk(engines, model, 0, setting.catalog, setting.kind, setting.built, fetched, setting.format),
        memory=memory,
        ram=ram,
        way=way,
        step_seconds=inference.token_seconds(setting, setting.step(knobs)) if setting.answers else 0.0,
        cache_bytes=inference.cache_bytes(setting, knobs) if setting.answers else 0,
    )
