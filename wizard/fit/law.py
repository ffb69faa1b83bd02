"""The memory law: what is live at each moment of a step; the peak is the largest moment, never a sum of terms.

`training.py` and `serving.py` put the moments together as linear forms of the tokens. `numbers_of` costs microseconds,
`peak_of` also makes the terms that are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from wizard.contract import Basis, Term
from wizard.fit import formulas, serving, training
from wizard.fit.moments import Instant
from wizard.fit.step import Step

GIB = 1024**3
CUDA_CONTEXT = int(0.6 * GIB)  # where the board's own figure is not known
CPU_PROGRAM = int(1.1 * GIB)  # interpreter, torch, transformers, peft and trl, loaded
# What the allocator holds beyond what is asked for. Rows of many lengths ask for logits of many sizes, and a block of
# one size does not serve a larger one.
LOOSE_MOVING, LOOSE_FIXED, LOOSE_CPU, LOOSE_LOGITS = 0.06, 0.01, 0.10, 0.5
UNSURE = 0.06  # of what is not the context: how far the law may be off


class Numbers(NamedTuple):
    peak: int
    reserved: int
    card: int
    safe: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    moment: str
    terms: tuple[Term, ...]  # with fragmentation and context they sum to card_bytes
    peak_bytes: int
    reserved_bytes: int
    card_bytes: int
    safe_bytes: int
    basis: Basis = "estimated"


def instants(step: Step) -> tuple[Instant, ...]:
    """Whatever the batch and the length, but for what a window bounds."""
    if step.task == "infer":
        return _instants(step)
    return _instants(replace(step, micro_batch=1, seq_len=step.architecture.window if training.windowed(step) else 1))


@lru_cache(maxsize=4096)
def _instants(step: Step) -> tuple[Instant, ...]:
    made = serving.instants(step) if step.task == "infer" else training.instants(step)
    return tuple(made)


def highest(step: Step) -> Instant:
    return max(instants(step), key=lambda instant: instant.total.at(step.tokens, step.squares))


def numbers_of(step: Step) -> Numbers:
    tokens, squares = step.tokens, step.squares
    found = instants(step)
    top = max(instant.total.at(tokens, squares) for instant in found)
    return _numbers(step, top, found[0].around["weights"].fixed)


def numbers_with(step: Step, top: int) -> Numbers:
    """With a peak that is known better than the law's."""
    return _numbers(step, top, instants(step)[0].around["weights"].fixed)


def _numbers(step: Step, top: int, fixed: int) -> Numbers:
    reserved = top + loose(step, top, fixed)
    around = CPU_PROGRAM if step.cpu else step.context_bytes or CUDA_CONTEXT
    return Numbers(top, reserved, reserved + around, reserved + around + int(reserved * UNSURE))


def loose(step: Step, top: int, fixed: int) -> int:
    share = LOOSE_CPU if step.cpu else LOOSE_MOVING
    return int((top - fixed) * share + fixed * LOOSE_FIXED + logits(step) * LOOSE_LOGITS)


def logits(step: Step) -> int:
    """Bytes of whole logits and what the loss makes of them."""
    whole = step.task != "infer" and not step.fused_loss and not step.compiled
    return 12 * step.tokens * step.architecture.vocab if whole else 0


def peak_of(step: Step) -> Peak:
    at = highest(step)
    terms = [formulas.term(label, size, step) for label, size in at.live.items() if size.at(step.tokens, step.squares)]
    return completed(step, at.name, terms, at.around["weights"].fixed)


def completed(step: Step, moment: str, terms: Sequence[Term], fixed: int, basis: Basis = "estimated") -> Peak:
    """With what the allocator holds beyond the terms, and what is around all of it; `fixed`: bytes of the weights."""
    top = sum(term.bytes for term in terms)
    found = _numbers(step, top, fixed)
    share = LOOSE_CPU if step.cpu else LOOSE_MOVING
    formula = f"{top - fixed:,} x {share:.0%} + {fixed:,} x {LOOSE_FIXED:.0%}"
    formula += f" + logits {logits(step):,} x {LOOSE_LOGITS:.0%}" if logits(step) else ""
    around = found.card - found.reserved
    outer = (
        Term(label="fragmentation", bytes=found.reserved - top, formula=formula),
        Term(label="program" if step.cpu else "context", bytes=around, formula=f"{around:,}"),
    )
    return Peak(
        moment=moment,
        terms=(*terms, *outer),
        peak_bytes=found.peak,
        reserved_bytes=found.reserved,
        card_bytes=found.card,
        safe_bytes=found.safe,
        basis=basis,
    )
