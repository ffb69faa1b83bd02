"""A recipe's method and knobs with a model on a device, as the step that our own train stage takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import ceil
from typing import Any

from wizard.contract import ADALORA_WIDER, Architecture, Board, Knobs, Method, Model
from wizard.fit.memory import held
from wizard.fit.memory.law import CUDA_CONTEXT
from wizard.fit.memory.step import BESIDE, BLOCKS, GENERATING, SCORED, Step
from wizard.fit.reading.kinds import UNQUANTISED
from wizard.fit.reading.shape import EXPERTS, block_params

# a recipe's trainer -> the law's task, where they are called otherwise
TASKS = {"vision": "sft", "cpo": "orpo", "none": "infer"}
PACKED = {"awq": "int4"}  # a method's base, likewise
BITSANDBYTES = ("nf4", "nf4-dq", "int8")
SIZES = ("oft_block_size", "boft_block_size", "init_r", "r", "size")  # settings that say how large a tuner is
Asked = Mapping[str, Any]  # fields of a step
COLOCATED = 0.3  # of the card, where a recipe does not say (vllm_gpu_memory_utilization of TRL 1.16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`trainer`, `settings`: the recipe's. `teacher_params`: of a teacher that is named; `card_bytes`: of the card."""

    model: Model
    method: Method
    knobs: Knobs
    device: str  # cpu cuda
    board: Board | None = None
    compute_bytes: int = 2  # of one activation: bf16 on cards, fp32 on most CPUs
    trainer: str = "sft"
    settings: Mapping[str, Any] = field(default_factory=dict)
    teacher_params: int = 0
    card_bytes: int = 0


def step_of(case: Case, asked: Asked | None = None) -> Step:
    """As our own train stage runs it. `asked`: of the same case but for its model, where that was found before."""
    model, method = case.model, case.method
    task, awake = str((asked := asked or asked_of(case))["task"]), min(asked["awake"], model.architecture.layers)
    packed = method.quantised and model.architecture.kind not in UNQUANTISED
    grown, params = grown_by(model, awake if asked["tuner"] == "llama-pro" else 0)
    own = {
        "architecture": grown,
        "params": params - (headless(grown) if task in SCORED else 0),
        "awake": awake,
        "teacher_params": case.teacher_params if task == "distil" else 0,
        "images": case.knobs.micro_batch if case.trainer == "vision" and model.architecture.tower else 0,
    }
    if packed:
        own["base"] = PACKED.get(method.base, method.base)
    return Step(**{**asked, **own})


def asked_of(case: Case) -> Asked:
    """What a recipe asks for on a device, whatever the model."""
    knobs, method, half = case.knobs, case.method, case.compute_bytes == 2
    task = task_of(case.trainer, case.settings)
    tuner, awake = tuner_of(method)
    optimizer = optimizer_of(str(method.arguments.get("optim", knobs.optimizer)))
    generated = bool(case.settings.get("use_vllm"))
    whole = method.trainable == "all" and method.tuner not in BLOCKS  # held in 32 bits, computed in 16
    return {
        "base": "fp32" if whole or not half else "bf16",
        "mixed": half and method.trains,
        "trains_all": method.trainable == "all",
        "adapter_bytes": 2 if method.base in BITSANDBYTES else 4,  # TRL makes it bf16 beside such a base
        "tuner": tuner,
        "rank": size_of(method, knobs),
        "awake": awake,
        "targets": targets_of(method, knobs),
        "dora": method.dora,
        "optimizer": "lisa" if method.tuner == "lisa" else optimizer,
        "projected": projected_by(method, knobs),
        "foreach": knobs.optimizer == "adamw_torch",
        "accumulates": knobs.accumulate > knobs.readers,
        "micro_batch": knobs.micro_batch,
        "seq_len": ceil(knobs.seq_len / knobs.sequence_parallel),  # a card's part of each
        "checkpointing": knobs.grad_ckpt,
        "attention": "sdpa" if knobs.attention == "auto" else knobs.attention,
        "compiled": knobs.compile,
        "float8": method.tuner == "fp8",
        "fused_loss": knobs.fused_loss,
        "offload_activations": knobs.offload_activations and apart(case),
        "zero": 3 if knobs.fsdp else knobs.zero_stage,
        "cards": knobs.n_gpus * knobs.nodes,
        "offload": knobs.offload != "none",
        "weights_stay": knobs.offload == "optimizer",
        "fsdp": knobs.fsdp,
        "task": task,
        "blind": case.trainer == "vision" and case.settings.get("tower", "frozen") == "frozen",
        "rounds": rounds_of(knobs, generated=generated) if task in GENERATING else 1,
        "colocated_bytes": colocated(case) if generated else 0,
        "cpu": case.device == "cpu",
        "context_bytes": (case.board.overhead_bytes if case.board else 0) or CUDA_CONTEXT,
    }


def apart(case: Case) -> bool:
    """Whether the card has a memory of its own."""
    return case.device == "cuda" and not (case.board and case.board.unified)


def rounds_of(knobs: Knobs, *, generated: bool) -> int:
    """Micro-batches that are answered together; `generated`: elsewhere, so that no cache is here."""
    return 0 if generated else ceil(knobs.accumulate / knobs.readers)


def task_of(trainer: str, settings: Mapping[str, Any]) -> str:
    """Without a reference where its answers are judged before training, or it does not count (beta 0)."""
    task = TASKS.get(trainer, trainer)
    if task == "dpo" and settings.get("precompute_ref_log_probs"):
        return "orpo"
    if task == "rloo" and settings.get("beta") == 0:
        return "grpo"
    return "rloo" if task == "grpo" and settings.get("beta") else task


def tuner_of(method: Method) -> tuple[str, int]:
    """The law's name for it, and how many layers learn where not all do."""
    if method.tuner == "adapter":
        return str(method.settings.get("placement", "pfeiffer")), 0
    if method.tuner in (*BLOCKS, "lisa"):
        awake = int(method.settings.get("layers") or method.settings.get("blocks") or 0)
        return method.tuner if method.tuner in BLOCKS else "", awake
    return method.tuner if method.tuner in BESIDE else "", 0


def size_of(method: Method, knobs: Knobs) -> int:
    """The rank that training begins with, or a block's or a bottleneck's width."""
    told = next((int(method.settings[name]) for name in SIZES if method.settings.get(name)), 0)
    return told or ceil(ADALORA_WIDER * knobs.rank if method.tuner == "adalora" else knobs.rank)


def targets_of(method: Method, knobs: Knobs) -> frozenset[str]:
    return frozenset((*knobs.targets, EXPERTS) if method.settings.get("target_parameters") else knobs.targets)


def projected_by(method: Method, knobs: Knobs) -> int:
    """The rank that GaLore and APOLLO are told."""
    told = re.search(r"\brank=(\d+)", str(method.arguments.get("optim_args", "")).format(rank=knobs.rank))
    return int(told[1]) if told else 0


def grown_by(model: Model, blocks: int) -> tuple[Architecture, int]:
    """With so many copies of blocks in between."""
    a = model.architecture
    return (_grown(a, blocks), model.params + blocks * (block_params(a) // a.layers)) if blocks else (a, model.params)


@cache
def _grown(a: Architecture, blocks: int) -> Architecture:
    return replace(a, layers=a.layers + blocks)


def headless(a: Architecture) -> int:
    """Numbers of the head of words, where it is a weight of its own: what scores a text has none."""
    return 0 if a.tied else a.vocab * a.hidden


def colocated(case: Case) -> int:
    """Of a vLLM on the same card."""
    share = float(case.settings.get("vllm_gpu_memory_utilization", COLOCATED))
    return int(share * case.card_bytes) if case.settings.get("vllm_mode", "colocate") == "colocate" else 0


def optimizer_of(name: str) -> str:
    """From the spellings of transformers' `optim`."""
    if name.startswith(("galore", "apollo")):
        return name
    paged, small = "paged" in name, "8bit" in name
    return ("paged_" if paged else "") + "adamw" + ("_8bit" if small else "") if "adam" in name else name


def base_bytes(method: Method) -> float:
    """Of one number of a linear layer."""
    return held.PACKED.get(PACKED.get(method.base, method.base), 2)
