"""The memory law: what is live at each moment of a step; the peak is the largest moment, never a sum of terms.

`training.py` and `serving.py` put the moments together as linear forms of the tokens. `numbers_of` costs microseconds,
`peak_of` also makes the terms that are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wizard.contract import Basis, Term
from wizard.fit.memory import formulas
from wizard.fit.memory.forms import Forms, forms_of, instants
from wizard.fit.memory.moments import Instant
from wizard.fit.memory.step import Step
from wizard.fit.recording.tape import TILE_TOKENS

GIB = 1024**3
CUDA_CONTEXT = int(0.6 * GIB)  # where the board's own figure is not known
CPU_PROGRAM = int(1.1 * GIB)  # interpreter, torch, transformers, peft and trl, loaded
# What the allocator holds beyond what is asked for, seen by replaying its rules (tests/bench/allocator.py). Rows of
# many lengths ask for whole logits of many sizes, and a free block of one size does not serve a larger one.
LOOSE_MOVING, LOOSE_FIXED, LOOSE_CPU, LOOSE_LOGITS = 0.10, 0.01, 0.10, 3.0
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


def highest(step: Step) -> Instant:
    return max(instants(step), key=lambda instant: instant.total.at(step.tokens, step.squares))


def numbers_of(step: Step) -> Numbers:
    return numbers_by(step, forms_of(step))


def numbers_by(step: Step, forms: Forms) -> Numbers:
    """Those of the step itself."""
    tokens, squares, tiles = step.tokens, step.squares, min(step.tokens, TILE_TOKENS)
    top, reserved = 0, 0.0
    for more, sizes in ((0.0, forms.others), (logits(step) * LOOSE_LOGITS, forms.loss)):
        for token, square, fixed, tile in sizes:
            size = token * tokens + square * squares + tile * tiles + fixed
            top = max(top, size)
            reserved = max(reserved, size + loose(step, size, forms.weights or fixed) + more)
    return _numbers(step, top, int(reserved))


def numbers_with(step: Step, top: int) -> Numbers:
    """With a peak that is known better than the law's."""
    law = numbers_of(step)
    return _numbers(step, top, law.reserved + top - law.peak)


def _numbers(step: Step, top: int, reserved: int) -> Numbers:
    around = CPU_PROGRAM if step.cpu else step.context_bytes or CUDA_CONTEXT
    return Numbers(top, reserved, reserved + around, reserved + around + int(reserved * UNSURE))


def _tops(step: Step, found: Sequence[Instant]) -> tuple[int, int, Instant]:
    """The most that is live, the most that is reserved, and when that is: what is loose at the loss may outgrow it."""
    tokens, squares, tiles = step.tokens, step.squares, min(step.tokens, TILE_TOKENS)
    weights, whole = found[0].around["weights"].fixed if step.cpu else 0, logits(step) * LOOSE_LOGITS
    top, reserved, when = 0, 0.0, found[0]
    for instant in found:
        token, square, fixed, tile = instant.total
        size = token * tokens + square * squares + tile * tiles + fixed
        held = size + loose(step, size, weights or fixed) + (whole if instant.name == "loss" else 0)
        if size > top:
            top = size
        if held > reserved:
            reserved, when = held, instant
    return top, int(reserved), when


def loose(step: Step, size: int, fixed: int) -> float:
    """`fixed`: of that size what does not come and go with the tokens; on a processor, the weights."""
    return (size - fixed) * (LOOSE_CPU if step.cpu else LOOSE_MOVING) + fixed * LOOSE_FIXED


def logits(step: Step) -> int:
    """Bytes of whole logits and what the loss makes of them, where PyTorch's caching allocator holds them."""
    whole = step.task != "infer" and not (step.fused_loss or step.compiled or step.cpu)
    return 12 * step.tokens * step.architecture.vocab if whole else 0


def peak_of(step: Step) -> Peak:
    at, found = highest(step), instants(step)
    terms = [formulas.term(label, size, step) for label, size in at.live.items() if size.at(step.tokens, step.squares)]
    top, reserved, when = _tops(step, found)
    size = when.total.at(step.tokens, step.squares)
    fixed = at.around["weights"].fixed if step.cpu else when.total.fixed
    said = _looseness(step, size, fixed, when.name)
    if size != top:
        said = f"{said} + {size:,} at the {when.name} - {top:,}"
    return _finished(step, at.name, terms, reserved, said)


def completed(step: Step, moment: str, terms: Sequence[Term], fixed: int, basis: Basis = "estimated") -> Peak:
    """With what the allocator holds beyond terms that are not the law's; `fixed`: bytes of the weights."""
    top = sum(term.bytes for term in terms)
    whole = logits(step) * LOOSE_LOGITS if moment == "loss" else 0
    reserved = int(top + loose(step, top, fixed) + whole)
    return _finished(step, moment, terms, reserved, _looseness(step, top, fixed, moment), basis)


def _looseness(step: Step, size: int, fixed: int, moment: str) -> str:
    share = LOOSE_CPU if step.cpu else LOOSE_MOVING
    said = f"{size - fixed:,} x {share:.0%} + {fixed:,} x {LOOSE_FIXED:.0%}"
    return f"{said} + logits {logits(step):,} x {LOOSE_LOGITS:g}" if moment == "loss" and logits(step) else said


def _finished(
    step: Step, moment: str, terms: Sequence[Term], reserved: int, said: str, basis: Basis = "estimated"
) -> Peak:
    top = sum(term.bytes for term in terms)
    found = _numbers(step, top, reserved)
    around, outer = found.card - found.reserved, "program" if step.cpu else "context"
    beside = (
        Term(label="fragmentation", bytes=found.reserved - top, formula=said),
        Term(label=outer, bytes=around, formula=formulas.fixed(outer, around)),
    )
    return Peak(
        moment=moment,
        terms=(*terms, *beside),
        peak_bytes=found.peak,
        reserved_bytes=found.reserved,
        card_bytes=found.card,
        safe_bytes=found.safe,
        basis=basis,
    )
