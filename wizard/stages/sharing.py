"""What several cards of one machine share: the micro-batches of a step, and by ZeRO what each of them would hold."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench

NOT_SHARED = {"lisa": 1, "galore": 1, "apollo": 1, "llama-pro": 3}  # tuner -> the first stage of ZeRO it cannot be in


def cards_of(knobs: Mapping[str, Any]) -> int:
    return max(1, int(knobs.get("n_gpus", 1)))


def visible() -> list[str]:
    """The cards this stage was given, as the driver numbers them; empty where nobody has said."""
    return [card for card in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if card]


def zero_stage(knobs: Mapping[str, Any]) -> int:
    """0 on a single card: there is nobody to share with."""
    return int(knobs.get("zero_stage", 0)) if cards_of(knobs) > 1 else 0


def accumulation(knobs: Mapping[str, Any]) -> int:
    """Of one card: together they make up the step that the knobs tell, or a larger one where it does not divide."""
    return -(-int(knobs["accumulate"]) // cards_of(knobs))


def check(bench: Bench) -> None:
    """Raises the Problem of what these cards cannot share; tells where a step becomes larger by sharing."""
    spec, knobs, cards = bench.order.spec, bench.order.knobs, cards_of(bench.order.knobs)
    if spec["device"] == "cuda" and 0 < len(visible()) < cards:
        raise WizardError("too-few-cards", exit_code=ExitCode.FAILED, wanted=cards, visible=len(visible()))
    if zero_stage(knobs) == 3 and spec["method"]["base"] != "whole":
        raise WizardError("four-bits-not-shared", exit_code=ExitCode.FAILED)
    tuner, stage = spec["method"]["tuner"], zero_stage(knobs)
    if stage >= NOT_SHARED.get(tuner, stage + 1):
        raise WizardError("tuner-not-shared", exit_code=ExitCode.FAILED, tuner=tuner, stage=stage)
    wanted, micro_batches = int(knobs["accumulate"]), accumulation(knobs) * cards
    if micro_batches > wanted:
        rows = int(knobs["micro_batch"])
        bench.note("batch-larger", "warning", cards=cards, rows=micro_batches * rows, wanted=wanted * rows)


def zero(knobs: Mapping[str, Any]) -> dict[str, Any] | None:
    """DeepSpeed's settings; transformers fills in `auto`. None where every card holds everything.

    A batch size is not among them: accelerate works it out, and DeepSpeed refuses any other.
    """
    stage = zero_stage(knobs)
    if stage == 0:
        return None
    shards: dict[str, Any] = {
        "stage": stage,
        "overlap_comm": True,
        "contiguous_gradients": True,
        "reduce_bucket_size": "auto",
    }
    if stage == 3:
        shards |= {
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",
            "stage3_gather_16bit_weights_on_model_save": True,
        }
    return {
        "zero_optimization": shards,
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto"},
        "gradient_clipping": "auto",
        "gradient_accumulation_steps": "auto",
        "train_micro_batch_size_per_gpu": "auto",
    }


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


def settle_on_card() -> None:
    """Before the cards meet: each process keeps to its own."""
    import torch
    from accelerate.utils import check_cuda_p2p_ib_support

    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))  # else each would open a context on the first one too
    if not check_cuda_p2p_ib_support():  # boards that cannot write into each other's memory, whatever their driver says
        os.environ |= {"NCCL_P2P_DISABLE": "1", "NCCL_IB_DISABLE": "1"}


def settle_on_cpu() -> None:
    """DeepSpeed would compile an exchange of its own, for a minute; the usual one does as well."""
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
