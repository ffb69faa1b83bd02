"""The memory law of one training step: what is live at each moment; the peak is the largest moment, never a sum.

Layers and head are recorded once on a tape (`decoder.py`) as linear forms of the tokens; here they are put together
with what is held throughout (`held.py`). `numbers_of` costs microseconds, `peak_of` also makes the terms shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from wizard.contract import Basis, Board, Knobs, Method, Model, Term
from wizard.fit import held, serving
from wizard.fit.decoder import Record, head, layer
from wizard.fit.moments import Instant, add, instant
from wizard.fit.ops import Mode
from wizard.fit.shape import adapter_params, targeted
from wizard.fit.sharding import Shares, shares_of, stepped
from wizard.fit.step import Step
from wizard.fit.tape import Moment, Size

GIB = 1024**3
CUDA_CONTEXT = int(0.6 * GIB)  # where the board's own figure is not known
CPU_PROGRAM = int(1.1 * GIB)  # interpreter, torch, transformers, peft and trl, loaded
LOOSE_MOVING, LOOSE_FIXED, LOOSE_CPU = 0.06, 0.01, 0.10  # what the allocator holds beyond what is asked for
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A recipe's method and knobs with a model on a device."""

    model: Model
    method: Method
    knobs: Knobs
    device: str  # cpu cuda
    board: Board | None = None
    compute_bytes: int = 2  # of one activation: bf16 on cards, fp32 on most CPUs


def step_of(case: Case) -> Step:
    """As our own train stage runs it."""
    knobs, method, half = case.knobs, case.method, case.compute_bytes == 2
    return Step(
        architecture=case.model.architecture,
        params=case.model.params,
        base="nf4-dq" if method.quantisation == "nf4" else "bf16" if half else "fp32",
        mixed=half,
        trains_all=method.trainable == "all",
        adapter_bytes=int(method.gradient_bytes),
        rank=knobs.rank,
        targets=frozenset(knobs.targets),
        dora=method.dora,
        optimizer=optimizer_of(knobs.optimizer),
        foreach=knobs.optimizer == "adamw_torch",
        micro_batch=knobs.micro_batch,
        seq_len=knobs.seq_len,
        checkpointing=knobs.grad_ckpt,
        fused_loss=knobs.fused_loss,
        zero=knobs.zero_stage,
        cards=knobs.n_gpus,
        cpu=case.device == "cpu",
        context_bytes=(case.board.overhead_bytes if case.board else 0) or CUDA_CONTEXT,
    )


def optimizer_of(name: str) -> str:
    """From the spellings of transformers' `optim`."""
    paged, small = "paged" in name, "8bit" in name
    return ("paged_" if paged else "") + "adamw" + ("_8bit" if small else "") if "adam" in name else name


def peak(case: Case) -> Peak:
    return peak_of(step_of(case))


def trained(case: Case) -> int:
    return held.trained(step_of(case))


def mode_of(step: Step) -> Mode:
    number = held.number_of(step)
    return Mode(
        weight=number,
        compute=2 if step.mixed or number == 2 else 4,
        mixed=step.mixed,
        adapter=0 if step.trains_all else step.adapter_bytes,
        rank=step.rank,
        targets=frozenset(each.name for each in targeted(step.architecture, tuple(sorted(step.targets)))),
        bits=held.bits(step),
        compiled=step.compiled,
        dora=step.dora,
        eager=step.attention == "eager",
        norm=4 if step.kbit_prepare else number,
        plain_tiles=step.cpu,
    )


def instants(step: Step) -> tuple[Instant, ...]:
    """Whatever the batch and the length, but for a cache that a window bounds."""
    return _instants(step if step.task == "infer" else replace(step, micro_batch=1, seq_len=1))


@lru_cache(maxsize=4096)
def _instants(step: Step) -> tuple[Instant, ...]:
    mode = mode_of(step)
    stream = 4 if step.kbit_prepare else mode.weight
    if step.task == "infer":
        return tuple(serving.instants(step, mode._replace(targets=frozenset()), stream))
    one = layer(step.architecture, mode, checkpointing=step.checkpointing, stream=stream)
    last = head(step.architecture, mode._replace(bits=0, weight=stream), fused=step.fused_loss, stream=stream)
    return tuple(_put_together(step, one, last))


def _put_together(step: Step, one: Record, last: Record) -> Iterator[Instant]:
    layers, shares = step.architecture.layers, shares_of(step)
    of_layer, of_head, of_embedding = gradients_of(step, shares)
    every = of_head + layers * of_layer + of_embedding
    always, kind = _always(step, shares), "checkpoints" if step.checkpointing else "activations"

    def at(
        name: str, moments: Sequence[Moment | None], kept: int, gradients: int = 0, casts: int = 0, **more: Size
    ) -> Iterator[Instant]:
        around = {**always, **more}
        add(around, kind, one.kept, kept)
        add(around, "gradients", Size(fixed=gradients))
        add(around, "casts", Size(fixed=casts))
        for moment in moments:
            yield instant(name, around, moment)

    casts = _casts(step)
    yield from at("forward", one.forward, layers - 1, casts=casts)
    yield from at("loss", last.forward, layers, casts=casts)
    yield from at("loss", last.backward, layers)
    yield from at("layer", one.backward, layers - 1, of_head)
    yield from at("layer", one.backward, 0, of_head + (layers - 1) * of_layer)
    yield from at("backward", [None], 0, every, hidden=_embedding_backward(step))
    yield from at("step", [None], 0, every, copies=_stepping(step))


def _always(step: Step, shares: Shares) -> dict[str, Size]:
    found: dict[str, Size] = {}
    found["weights"] = Size(fixed=shares.weights)
    add(found, "adapter", Size(fixed=shares.adapter))
    add(found, "optimizer", Size(fixed=shares.states))
    add(found, "gathered", Size(fixed=shares.gathered))
    add(found, "buckets", Size(fixed=shares.buckets))
    return found


def gradients_of(step: Step, shares: Shares) -> tuple[int, int, int]:
    """Bytes for one layer, the head, the embedding."""
    if step.in_backward or not shares.gradients:
        return 0, 0, 0
    a, split = step.architecture, shares.gradients
    if not step.trains_all:
        each = adapter_params(a, tuple(sorted(step.targets)), step.rank, dora=step.dora) // a.layers
        return each * step.adapter_bytes // split, 0, 0
    number, embedding = held.number_of(step), held.embedding_params(step)
    blocks = step.params - embedding * (1 if a.tied else 2)
    whole = blocks // a.layers * number // split
    return whole, embedding * number // split, 0 if a.tied else embedding * number // split


def _casts(step: Step) -> int:
    """fp32 weights under autocast: 16-bit copies of what is trained stay until the forward ends."""
    kept = step.trains_all and step.mixed and held.number_of(step) == 4 and step.checkpointing
    return (step.params - held.embedding_params(step)) * 2 if kept else 0


def _embedding_backward(step: Step) -> Size:
    """The gradient of the embedding is made whole beside what is there already where both ends are one weight."""
    a = step.architecture
    stream = Size(token=a.hidden * held.number_of(step))
    again = step.trains_all and (a.tied or step.in_backward)
    return stream.plus(Size(fixed=held.embedding_params(step) * held.number_of(step))) if again else stream


def _stepping(step: Step) -> Size:
    """torch's multi-tensor AdamW holds one more copy of what it steps, Adafactor four fp32 copies of one weight."""
    if step.optimizer == "adafactor":
        return Size(fixed=held.largest_trained(step) * (16 if held.trained_number(step) == 2 else 8))
    if step.zero:
        return Size(fixed=stepped(step))
    copied = step.foreach and not step.in_backward
    return Size(fixed=held.trained(step) * held.trained_number(step) if copied else 0)


def highest(step: Step) -> Instant:
    tokens, squares = step.tokens, step.micro_batch * step.seq_len**2
    return max(instants(step), key=lambda instant: instant.total.at(tokens, squares))


def numbers_of(step: Step) -> Numbers:
    tokens, squares = step.tokens, step.micro_batch * step.seq_len**2
    found = instants(step)
    top = max(instant.total.at(tokens, squares) for instant in found)
    return _numbers(step, top, found[0].around["weights"].fixed)


def _numbers(step: Step, top: int, fixed: int) -> Numbers:
    reserved = top + loose(step, top, fixed)
    around = CPU_PROGRAM if step.cpu else step.context_bytes or CUDA_CONTEXT
    return Numbers(top, reserved, reserved + around, reserved + around + int(reserved * UNSURE))


def loose(step: Step, top: int, fixed: int) -> int:
    share = LOOSE_CPU if step.cpu else LOOSE_MOVING
    return int((top - fixed) * share + fixed * LOOSE_FIXED)


def peak_of(step: Step) -> Peak:
    at, tokens, squares = highest(step), step.tokens, step.micro_batch * step.seq_len**2
    terms = [_term(label, size, step) for label, size in at.live.items() if size.at(tokens, squares)]
    top = sum(term.bytes for term in terms)
    fixed = at.around["weights"].fixed
    found = _numbers(step, top, fixed)
    share = LOOSE_CPU if step.cpu else LOOSE_MOVING
    formula = f"{top - fixed:,} x {share:.0%} + {fixed:,} x {LOOSE_FIXED:.0%}"
    terms.append(Term(label="fragmentation", bytes=found.reserved - top, formula=formula))
    around = found.card - found.reserved
    terms.append(Term(label="program" if step.cpu else "context", bytes=around, formula=f"{around:,}"))
    return Peak(
        moment=at.name,
        terms=tuple(terms),
        peak_bytes=found.peak,
        reserved_bytes=found.reserved,
        card_bytes=found.card,
        safe_bytes=found.safe,
    )


def _term(label: str, size: Size, step: Step) -> Term:
    tokens, squares = step.tokens, step.micro_batch * step.seq_len**2
    parts = []
    if size.token:
        parts.append(f"{tokens:,} tokens x {size.token:,}")
    if size.square:
        parts.append(f"{step.micro_batch} x {step.seq_len:,}² x {size.square:,}")
    if size.tile:
        parts.append(f"{min(tokens, 4096):,} tokens x {size.tile:,}")
    if size.fixed:
        parts.append(f"{size.fixed:,}")
    return Term(label=label, bytes=size.at(tokens, squares), formula=" + ".join(parts))
