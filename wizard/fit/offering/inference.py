"""What serving takes, where nothing is trained: weights, the cache of so many conversations, and the engine itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from wizard.contract import Format, Knobs, Term
from wizard.fit.memory import engine, formulas, law
from wizard.fit.memory.step import Step
from wizard.fit.offering import fewer, flops, guessing, unserved, work
from wizard.fit.offering.merging import RAM_BYTES_PER_SECOND

if TYPE_CHECKING:
    from wizard.fit.offering.setting import Setting

SENSIBLE_TOKEN = 0.25  # seconds for the next token, where answers are all that is wanted
HELD = ((5.0, "awq"), (9.0, "fp8"))  # bits of a weight -> as the law counts it
LEAST_CACHE = law.GIB  # that such an engine takes on a CPU


def numbers(setting: Setting, knobs: Knobs) -> law.Numbers:
    """At the least, with the conversations that the knobs ask for at their full length."""
    found = peak(setting, knobs)
    return law.Numbers(found.peak_bytes, found.reserved_bytes, found.card_bytes, found.safe_bytes)


def peak(setting: Setting, knobs: Knobs) -> law.Peak:
    """The terms sum to `card_bytes`."""
    if not setting.answers:
        return unserved.peak(setting, knobs)
    step = setting.step(knobs)
    if paged(setting):
        terms = tuple(_paged(setting, step))
        moment = "prompt"
    else:
        found = law.peak_of(step)
        terms, moment = (*_plain(setting, step, found),), found.moment
    card = sum(term.bytes for term in terms)
    own = sum(term.bytes for term in terms if term.label not in ("context", "program"))
    return law.Peak(
        moment=moment,
        terms=terms,
        peak_bytes=own,
        reserved_bytes=own,
        card_bytes=card,
        safe_bytes=card + int(own * law.UNSURE),
    )


def server_of(setting: Setting) -> str:
    return setting.picks.engines.get("serve", "")


def paged(setting: Setting) -> bool:
    """Whether it reads a prompt in parts, into a cache that it takes when it starts."""
    server = server_of(setting)
    return bool(server) and setting.catalog.engines[server].paged


def cache_bytes(setting: Setting, knobs: Knobs) -> int:
    """Of the law's 16 bits, or of 32 where that is what a CPU computes in."""
    step = setting.step(knobs)
    wide = 1 if setting.halves else 2
    return engine.of_sequence(step) * knobs.micro_batch * wide


def _paged(setting: Setting, step: Step) -> Iterator[Term]:
    gpu, cache = setting.gpu, _cache(setting, step)
    on_card = (gpu.total_bytes, gpu.name) if gpu else (0, "")
    parts = [term for term in engine.parts(step, *on_card) if gpu or term.label != "graphs"]
    yield parts[0]
    yield cache if gpu or cache.bytes >= LEAST_CACHE else replace(cache, bytes=LEAST_CACHE)
    if setting.guesser:
        yield guessing.term(step, setting.guesser)
    yield from parts[1:]
    yield _around(setting, step, less=LEAST_CACHE)


def _plain(setting: Setting, step: Step, found: law.Peak) -> Iterator[Term]:
    """The law's, with the cache as wide as the numbers are, and the server's own program."""
    wide = cache_bytes(setting, _knobs(step)) - engine.of_sequence(step) * step.micro_batch
    for term in found.terms:
        if term.label == "cache":
            yield replace(term, bytes=term.bytes + wide)
        elif term.label not in ("context", "program"):
            yield term
    yield _around(setting, step)


def _cache(setting: Setting, step: Step) -> Term:
    held = cache_bytes(setting, _knobs(step))
    said = f"{step.micro_batch} x {step.seq_len:,} tokens x {held // (step.micro_batch * step.seq_len):,}"
    return Term(label="cache", bytes=held, formula=said)


def _knobs(step: Step) -> Knobs:
    return Knobs(seq_len=step.seq_len, micro_batch=step.micro_batch)


def _around(setting: Setting, step: Step, less: int = 0) -> Term:
    """Beside the model: the driver's context on a card, the server's program on a CPU. `less`: of it counted apart."""
    if setting.device == "cuda":
        context = step.context_bytes or law.CUDA_CONTEXT
        return Term(label="context", bytes=context, formula=formulas.fixed("context", context))
    size = max(law.CPU_PROGRAM, work.SERVER_RAM.get(server_of(setting), 0) - less)
    return Term(label="program", bytes=size, formula=formulas.fixed("program", size))


def held_as(format: Format | None) -> str:
    """A base of methods that takes about as many bits of a weight."""
    if format is None or format.maker in fewer.UNPACKED:
        return "whole"
    return next((base for bits, base in HELD if format.bits <= bits), "whole")


def numbers_named(setting: Setting) -> str:
    """What the weights are held in, as people call it."""
    return setting.step(setting.recipe.knobs).base.upper()


def token_seconds(setting: Setting, step: Step) -> float:
    """At the least, for the next token of one conversation that has just begun; 0 where a card's speed is not known.
    Cards that have a part of each matrix read theirs at the same time."""
    begun = replace(step, seq_len=1, micro_batch=1)
    if setting.device == "cpu":
        return flops.token_bytes(begun) / RAM_BYTES_PER_SECOND
    return flops.token_seconds(begun, setting.board) / step.cards
