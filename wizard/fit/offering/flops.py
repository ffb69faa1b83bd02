"""Seconds of a training step from its floating-point operations, and what a card or a CPU does of them in a second.

A multiplication by a weight is 2 operations a token; attention adds 2 x length x heads x head_dim a layer, half of the
square as it is causal (Chowdhery et al. 2022, PaLM, appendix B). The gradients of the activations cost what the forward
pass costs, those of the weights as much again, and so does what is recomputed.
"""

from __future__ import annotations

from functools import cache

from wizard.contract import Architecture, Board, Cpu
from wizard.fit.memory import engine, held
from wizard.fit.memory.step import Step
from wizard.fit.reading.shape import linears

UTILISATION = 0.35  # of a card's dense rate, by an untuned LoRA run
SLOWER = {"nf4": 1.35, "nf4-dq": 1.35, "int8": 1.35, "dora": 1.4, "zero": 1.5}
UNKNOWN_TFLOPS = 30.0
LAUNCH_SECONDS_PER_LAYER = 0.004  # a small model waits for kernels to be started, not for arithmetic
CPU_SECONDS_PER_LAYER = 0.02
GFLOPS_PER_CORE = (("amx_bf16", 120.0), ("avx512f", 45.0), ("avx2", 27.0), ("", 8.0))


def flops_per_token(a: Architecture, length: int) -> int:
    """Of one pass forward; of experts only those that a token meets."""
    return 2 * met(a) + 2 * a.layers * length * a.heads * a.head_dim


@cache
def met(a: Architecture) -> int:
    """Weights that a token is multiplied by."""
    return a.layers * sum(each.size for each in linears(a)) + a.vocab * a.hidden


def passes(step: Step) -> int:
    return 2 + step.trains_all + step.checkpointing


def step_seconds(step: Step, length: int, board: Board | None, cpu: Cpu) -> float:
    """Forward and backward of one micro-batch of rows so long, on each card of several at once."""
    slower = SLOWER.get(step.base, 1.0) * (SLOWER["dora"] if step.dora else 1.0)
    slower *= SLOWER["zero"] if step.zero == 3 else 1.0
    work = passes(step) * flops_per_token(step.architecture, length) * step.rows * length
    if step.cpu:
        return max(work / cpu_flops(cpu) * slower, CPU_SECONDS_PER_LAYER * step.architecture.layers)
    least = LAUNCH_SECONDS_PER_LAYER * step.architecture.layers * passes(step) / 2
    return max(work / (card_flops(board) * UTILISATION), least) * slower


def card_flops(board: Board | None) -> float:
    rates = board.tflops if board else {}
    return (rates.get("bf16") or rates.get("fp16") or rates.get("fp32") or UNKNOWN_TFLOPS) * 1e12


def cpu_flops(cpu: Cpu) -> float:
    each = next(rate for flag, rate in GFLOPS_PER_CORE if not flag or flag in cpu.flags)
    return each * 1e9 * float(min(cpu.cores, 32) ** 0.95)


def token_seconds(step: Step, board: Board | None) -> float:
    """At the least, to make the next token of each sequence: the weights that a token meets and the whole cache are
    read once. 0 where the card is not known."""
    if not board or not board.bandwidth_bytes_per_second:
        return 0.0
    return token_bytes(step) / board.bandwidth_bytes_per_second


def token_bytes(step: Step) -> float:
    a, number = step.architecture, held.number_of(step)
    head = a.vocab * a.hidden
    read = (met(a) - head) * held.PACKED.get(step.base, number) + head * number
    return read + engine.of_sequence(step) * step.micro_batch
