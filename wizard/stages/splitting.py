"""How a model is split up among cards, as the settings of DeepSpeed, of FSDP2, and of sequences that cards share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.contract.sharing import readers_of
from wizard.stages.sharing import fsdp, offload, sequence, zero_stage


def zero(knobs: Mapping[str, Any], device: str = "cuda") -> dict[str, Any] | None:
    """DeepSpeed's settings (its own documentation of `zero_optimization`); transformers fills in `auto`. None where
    every card holds everything.

    A batch size is not among them: accelerate works it out, and DeepSpeed refuses any other. What is offloaded is
    stepped by torch's optimizer: DeepSpeed's own would be compiled first, and a rented machine has no compiler.
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
    told: dict[str, Any] = {
        "zero_optimization": shards,
        "bf16": {"enabled": "auto"},
        "fp16": {"enabled": "auto"},
        "gradient_clipping": "auto",
        "gradient_accumulation_steps": "auto",
        "train_micro_batch_size_per_gpu": "auto",
    }
    place = {"device": "cpu", "pin_memory": device == "cuda"}
    if offload(knobs) != "none":
        shards["offload_optimizer"] = dict(place)
        told |= {"zero_force_ds_cpu_optimizer": False, "zero_allow_untested_optimizer": True}
    if offload(knobs) == "all":
        shards["offload_param"] = dict(place)
    return told


def fully_sharded(knobs: Mapping[str, Any]) -> dict[str, Any]:
    """transformers' settings of FSDP2 (`fully_shard`); empty where it is not wanted.

    Saved whole: it suits any number of cards, and its weights are those that merging reads.
    """
    if not fsdp(knobs):
        return {}
    config = {
        "version": 2,
        "reshard_after_forward": True,
        "cpu_offload": offload(knobs) == "all",
        "cpu_ram_efficient_loading": True,
        "state_dict_type": "FULL_STATE_DICT",
        "activation_checkpointing": bool(knobs["grad_ckpt"]),
    }
    return {"fsdp": True, "fsdp_config": config}


def long_sequences(knobs: Mapping[str, Any], attention: str) -> dict[str, Any]:
    """Sequences that several cards read together: Ulysses as DeepSpeed has it for transformers (ALST,
    arXiv:2506.13996). `attention`: what the model was loaded with, which it lays itself around."""
    parts = sequence(knobs)
    if parts < 2:
        return {}
    from accelerate.parallelism_config import ParallelismConfig
    from accelerate.utils import DeepSpeedSequenceParallelConfig

    handler = DeepSpeedSequenceParallelConfig(sp_seq_length_is_variable=True, sp_attn_implementation=attention)
    config = ParallelismConfig(
        sp_backend="deepspeed", sp_size=parts, dp_shard_size=readers_of(knobs), sp_handler=handler
    )
    return {"parallelism_config": config}
