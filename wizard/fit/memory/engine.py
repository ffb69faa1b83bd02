"""How vLLM divides a card: it asks for a share of it, and what its weights, its largest batch and its graphs leave of
that share becomes the key-value cache.

Several cards have a part of each matrix and of the heads each (tensor parallel).

As of vLLM 0.32: v1/worker/gpu_worker.py (what is left), v1/worker/utils.py (what must be free), engine/arg_utils.py
(batches), v1/sample (what drawing takes). The driver's context is there before it starts to count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import ceil
from typing import NamedTuple

from wizard.contract import Term, share_of_card
from wizard.fit.memory import formulas, held
from wizard.fit.memory.cache import cached
from wizard.fit.memory.law import CUDA_CONTEXT, GIB
from wizard.fit.memory.layers import mode_of, plain, stream_of
from wizard.fit.memory.step import Step
from wizard.fit.reading.shape import layer_groups
from wizard.fit.recording.decoder import reading

BATCHES = ((160 * GIB, 16384, 1024), (70 * GIB, 8192, 1024), (0, 2048, 256))  # of the card; tokens, answers at a time
SLOWER = "a100"  # has the smallest batches whatever its size
DRAWN = 14  # bytes for each answer and word: logits in 16 bits and in fp32, their softmax, and the noise to draw by
GRAPHS = GIB // 2  # kernels recorded for each batch: 0.1 to 1.0 GiB in others' logs of models from 0.6B to 120B


class Serving(NamedTuple):
    """`needed_bytes`: at the least, with the asked-for sequences at their full length. The terms sum to the share."""

    share: float  # gpu-memory-utilization
    needed_bytes: int
    cache_bytes: int
    tokens: int  # that the cache holds
    sequences: float  # of the full length, at the same time
    terms: tuple[Term, ...]


def served(step: Step, total_bytes: int, free_bytes: int, card: str = "") -> Serving:
    """On a card of so many bytes, by its name; `step`: its length is the longest conversation, its batch how many."""
    context = step.context_bytes or CUDA_CONTEXT
    share = max(0.0, share_of_card(free_bytes - context, total_bytes))
    beside = tuple(parts(step, total_bytes, card))
    asked, one = int(total_bytes * share), of_sequence(step)
    used = sum(term.bytes for term in beside)
    left = max(0, asked - used)
    said = f"{total_bytes:,} x {share:g} - {used:,}"
    return Serving(
        share=share,
        needed_bytes=context + used + one * step.micro_batch,
        cache_bytes=left,
        tokens=left * step.seq_len // one,
        sequences=round(left / one, 1),
        terms=(*beside, Term(label="cache", bytes=left, formula=said)),
    )


def least(step: Step) -> int:
    """On the smallest card that holds it."""
    parted = sum(term.bytes for term in parts(step))
    return (step.context_bytes or CUDA_CONTEXT) + parted + of_sequence(step) * step.micro_batch


def parts(step: Step, total_bytes: int = 0, card: str = "") -> Iterator[Term]:
    """All but the cache."""
    tokens, answers = batch_on(total_bytes, card)
    weights = held.weights(step) // step.cards
    parted = f" / {step.cards}" if step.cards > 1 else ""
    each = f"{step.params:,} parameters x {weights * step.cards / step.params:.4g} ({step.base}){parted}"
    yield Term(label="weights", bytes=weights, formula=each)
    vocab = step.architecture.vocab
    passing, drawing = prompt(step, tokens), answers * vocab * DRAWN
    if passing > drawing:
        yield Term(label="batch", bytes=passing, formula=f"{tokens:,} tokens x {passing / tokens:,.6g}")
    else:
        yield Term(label="batch", bytes=drawing, formula=f"{answers:,} answers x {vocab:,} words x {DRAWN}")
    yield Term(label="graphs", bytes=GRAPHS, formula=formulas.fixed("graphs", GRAPHS))


def batch_on(total_bytes: int, card: str) -> tuple[int, int]:
    size = 0 if SLOWER in card.lower() and total_bytes < BATCHES[0][0] else total_bytes
    return next((tokens, answers) for least, tokens, answers in BATCHES if size >= least)


def prompt(step: Step, tokens: int) -> int:
    """The widest moment of so many tokens that are read at once, beside weights and cache."""
    a, mode, stream = step.architecture, mode_of(replace(step, attention="flash")), stream_of(step)
    found = [moment for _, modules in layer_groups(a) for moment in reading(plain(a), modules, mode, stream=stream)]
    return max(moment.total.at(tokens, tokens**2) for moment in found)


def of_sequence(step: Step) -> int:
    """Cache of one conversation of the full length, on each card: a head's is nowhere cut, a compressed one nowhere."""
    a = step.architecture
    whole = sum(each * (min(step.seq_len, near) if near else step.seq_len) for each, near in cached(a))
    return whole if a.kv_rank else whole * ceil(a.kv_heads / step.cards) // a.kv_heads
