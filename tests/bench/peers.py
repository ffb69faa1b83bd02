"""What three other projects forecast for a case: their published formulas, as functions of a Step.

Formulas and constants are theirs, the code is not. A GB is read as a GiB, as cards are sold; on several cards that
share a model out (ZeRO 3, FSDP) what can be shared is divided by them, which only Unsloth says of itself.
"""

from __future__ import annotations

from wizard.fit.memory.law import GIB
from wizard.fit.memory.step import Step
from wizard.fit.reading.shape import adapter_params

# unslothai/unsloth 015bdef (2026-08-22), studio/backend/utils/hardware/VRAM_ESTIMATION.md and vram_estimation.py
UNSLOTH_OVERHEAD = 1.4 * GIB
UNSLOTH_STATES = {"adamw": 6, "adamw_8bit": 4, "paged_adamw": 8, "paged_adamw_8bit": 4, "sgd": 4}
UNSLOTH_PACKING = {"nf4": 3.2, "nf4-dq": 3.6}
# hiyouga/LLaMA-Factory ff6d4d1 (2026-08-18), README.md, "Hardware Requirement": GB for models of 7, 14, 30 and 70
# billion parameters, and GB for each billion of others
LLAMA_FACTORY = {
    "full": ({7: 60, 14: 120, 30: 300, 70: 600}, 8),
    "full in fp32": ({7: 120, 14: 240, 30: 600, 70: 1200}, 18),
    "lora": ({7: 16, 14: 32, 30: 64, 70: 160}, 2),
    "qlora in 8 bits": ({7: 10, 14: 20, 30: 40, 70: 80}, 1),
    "qlora in 4 bits": ({7: 6, 14: 12, 30: 24, 70: 48}, 0.5),
}
NAMED = 0.12  # a model of 7.7 billion is called a 7B
# huggingface/accelerate 16cb6eb (2026-07-24), commands/estimate.py and usage_guides/model_size_estimator.md: "Training
# using Adam" is four times the size of the weights as they are held
ACCELERATE = 4
HELD = {"fp32": 4, "bf16": 2, "fp16": 2, "int8": 1, "fp8": 1, "nf4": 0.5, "nf4-dq": 0.5, "int4": 0.5}


def unsloth(step: Step) -> float:
    """Weights, adapter, states, gradients with a floor, activations of a layer or of all, and a fixed overhead."""
    a = step.architecture
    q, kv, inner = a.heads * a.head_dim, a.kv_heads * a.head_dim, a.intermediate
    linear = a.layers * (2 * q * a.hidden + 2 * kv * a.hidden + 3 * a.hidden * inner)
    rest = 2 * a.hidden * a.layers + a.vocab * a.hidden * (1 if a.tied else 2)
    packed = UNSLOTH_PACKING.get(step.base, 1 if step.base != "int8" else 2)
    weights = linear * 2 / packed + rest * 2
    trained = linear + rest
    if not step.trains_all:
        trained = adapter_params(a, tuple(sorted(step.targets)), step.rank, dora=False)
    states = trained * UNSLOTH_STATES.get(step.optimizer, 4)
    layer = step.tokens * (q + 2 * kv + 2 + 2 * inner) * 2 * 1.25
    activations = layer * (a.layers if not step.checkpointing else 2 if step.trains_all else 1)
    floor = weights * 0.15
    if not step.trains_all:
        floor = min(floor, max(activations, states))
    adapter = 0 if step.trains_all else trained * 2
    cards = step.cards if step.zero == 3 else 1
    return (weights + adapter + states + max(trained * 2, floor)) / cards + activations + UNSLOTH_OVERHEAD


def accelerate(step: Step) -> float:
    return ACCELERATE * step.params * HELD[step.base] / (step.cards if step.zero == 3 else 1)


def llama_factory(step: Step) -> float:
    """By the column of its table that the model is called by, else by the last one."""
    if step.trains_all:
        row = "full in fp32" if step.base == "fp32" else "full"
    elif step.base in ("bf16", "fp16", "fp32"):
        row = "lora"
    else:
        row = "qlora in 8 bits" if step.base == "int8" else "qlora in 4 bits"
    columns, each = LLAMA_FACTORY[row]
    billions = step.params / 1e9
    told = next((gb for size, gb in columns.items() if abs(billions / size - 1) <= NAMED), billions * each)
    return told * GIB / (step.cards if step.zero == 3 else 1)


PEERS = {"Unsloth": unsloth, "accelerate": accelerate, "LLaMA-Factory": llama_factory}
