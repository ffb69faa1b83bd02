"""What cards share: the micro-batches of a step, and by ZeRO or FSDP what each of them would hold."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard.contract.sharing import contradiction, readers_of, world_of
from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json
from wizard.stages.desk import Bench

# tuner -> the first stage of ZeRO it cannot be in
NOT_SHARED = {"lisa": 1, "galore": 1, "apollo": 1, "fp8": 1, "llama-pro": 3}


def cards_of(knobs: Mapping[str, Any]) -> int:
    """Of one machine."""
    return max(1, int(knobs.get("n_gpus", 1)))


def nodes_of(knobs: Mapping[str, Any]) -> int:
    return max(1, int(knobs.get("nodes", 1)))


def offload(knobs: Mapping[str, Any]) -> str:
    return str(knobs.get("offload", "none"))


def several(knobs: Mapping[str, Any]) -> bool:
    """Whether cards have processes of their own; DeepSpeed, which also offloads a single one's, wants it so."""
    return world_of(knobs) > 1 or zero_stage(knobs) > 0


def visible() -> list[str]:
    """The cards this stage was given, as the driver numbers them; empty where nobody has said."""
    return [card for card in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if card]


def zero_stage(knobs: Mapping[str, Any]) -> int:
    """0 on a single card that keeps everything: there is nobody to share with."""
    return int(knobs.get("zero_stage", 0)) if world_of(knobs) > 1 or offload(knobs) != "none" else 0


def fsdp(knobs: Mapping[str, Any]) -> bool:
    return bool(knobs.get("fsdp")) and world_of(knobs) > 1


def sequence(knobs: Mapping[str, Any]) -> int:
    """Cards that read one sequence together."""
    return max(1, int(knobs.get("sequence_parallel", 1)))


def accumulation(knobs: Mapping[str, Any]) -> int:
    """Of one card: together they make up the step that the knobs tell, or a larger one where it does not divide."""
    return -(-int(knobs["accumulate"]) // readers_of(knobs))


def steps_between(micro_steps: int, accumulate: int) -> int:
    """Steps from one making of answers to the next, which lies between two steps: `micro_steps` learn from each."""
    return math.lcm(micro_steps, accumulate) // accumulate


def check(bench: Bench) -> None:
    """Raises the Problem of what these cards cannot share; tells where a step becomes larger by sharing."""
    spec, knobs, cards = bench.order.spec, bench.order.knobs, cards_of(bench.order.knobs)
    if spec["device"] == "cuda" and 0 < len(visible()) < cards:
        raise WizardError("too-few-cards", exit_code=ExitCode.FAILED, wanted=cards, visible=len(visible()))
    heads = heads_of(bench.order.input("fetch", "model")) if sequence(knobs) > 1 else (0, 0)
    if found := contradiction(knobs, spec["method"]["base"], *heads, generator="generator" in spec):
        raise WizardError(found.code, exit_code=ExitCode.FAILED, **found.params)
    tuner, stage = spec["method"]["tuner"], zero_stage(knobs)
    if stage >= NOT_SHARED.get(tuner, stage + 1):
        raise WizardError("tuner-not-shared", exit_code=ExitCode.FAILED, tuner=tuner, stage=stage)
    wanted, micro_batches = int(knobs["accumulate"]), accumulation(knobs) * readers_of(knobs)
    if micro_batches > wanted:
        rows = int(knobs["micro_batch"])
        bench.note("batch-larger", "warning", cards=world_of(knobs), rows=micro_batches * rows, wanted=wanted * rows)


def heads_of(model: Path) -> tuple[int, int]:
    """Of queries, and of keys and values; zeros where a configuration does not tell."""
    told = read_json(model / "config.json")
    told = told.get("text_config") or told
    heads = int(told.get("num_attention_heads") or 0)
    return heads, int(told.get("num_key_value_heads") or heads)


def anywhere(mine: bool, device: Any) -> bool:
    """Whether it is so on any card: they must all do the same, or one waits for the others for ever."""
    return bool(most(int(mine), device))


def most(mine: int, device: Any) -> int:
    """The largest number that any card has."""
    import torch

    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return mine
    told = torch.tensor(mine, device=device)
    torch.distributed.all_reduce(told, torch.distributed.ReduceOp.MAX)
    return int(told.item())


def meet() -> None:
    """Returns when every card has come here."""
    import torch

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


def settle(spec: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    """Before the cards meet."""
    if fsdp(knobs):  # transformers asks these while it loads: the first card alone reads the weights
        os.environ |= {"ACCELERATE_USE_FSDP": "true", "FSDP_CPU_RAM_EFFICIENT_LOADING": "true"}
    if spec["device"] == "cuda":
        settle_on_card()
    elif zero_stage(knobs):
        settle_on_cpu()


def settle_on_card() -> None:
    """Each process keeps to its own."""
    import torch
    from accelerate.utils import check_cuda_p2p_ib_support

    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # else each would open a context on the first one too
    if not check_cuda_p2p_ib_support():  # boards that cannot write into each other's memory, whatever their driver says
        os.environ |= {"NCCL_P2P_DISABLE": "1", "NCCL_IB_DISABLE": "1"}


def settle_on_cpu() -> None:
    """DeepSpeed would compile an exchange of its own, for a minute; the usual one does as well."""
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
