"""A recipe's method and knobs with a model on a device, as the step that our own train stage takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from wizard.contract import Board, Knobs, Method, Model
from wizard.fit.memory import held
from wizard.fit.memory.law import CUDA_CONTEXT
from wizard.fit.memory.step import Step
from wizard.fit.reading.kinds import UNQUANTISED


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    model: Model
    method: Method
    knobs: Knobs
    device: str  # cpu cuda
    board: Board | None = None
    compute_bytes: int = 2  # of one activation: bf16 on cards, fp32 on most CPUs


def step_of(case: Case) -> Step:
    """As our own train stage runs it."""
    knobs, method, half = case.knobs, case.method, case.compute_bytes == 2
    packed = method.quantised and case.model.architecture.kind not in UNQUANTISED
    return Step(
        architecture=case.model.architecture,
        params=case.model.params,
        base=method.base if packed else "bf16" if half and method.trainable == "adapter" else "fp32",
        mixed=half,
        trains_all=method.trainable == "all",
        adapter_bytes=2 if method.quantised else 4,  # TRL makes it bf16 beside a base that bitsandbytes was asked for
        rank=knobs.rank,
        targets=frozenset(knobs.targets),
        dora=method.dora,
        optimizer=optimizer_of(knobs.optimizer),
        foreach=knobs.optimizer == "adamw_torch",
        accumulates=knobs.accumulate > knobs.n_gpus * knobs.nodes // knobs.sequence_parallel,
        micro_batch=knobs.micro_batch,
        seq_len=ceil(knobs.seq_len / knobs.sequence_parallel),  # a card's part of each
        checkpointing=knobs.grad_ckpt,
        attention="sdpa" if knobs.attention == "auto" else knobs.attention,
        compiled=knobs.compile,
        fused_loss=knobs.fused_loss,
        zero=3 if knobs.fsdp else knobs.zero_stage,
        cards=knobs.n_gpus * knobs.nodes,
        offload=knobs.offload != "none",
        weights_stay=knobs.offload == "optimizer",
        fsdp=knobs.fsdp,
        cpu=case.device == "cpu",
        context_bytes=(case.board.overhead_bytes if case.board else 0) or CUDA_CONTEXT,
    )


def optimizer_of(name: str) -> str:
    """From the spellings of transformers' `optim`."""
    paged, small = "paged" in name, "8bit" in name
    return ("paged_" if paged else "") + "adamw" + ("_8bit" if small else "") if "adam" in name else name


def base_bytes(method: Method) -> float:
    """Of one number of a linear layer."""
    return held.PACKED.get(method.base, 2)


def trained(case: Case) -> int:
    """Numbers that are trained."""
    return held.trained(step_of(case))
