"""What the words of a case may be called, and the one name the law has for each; `MAIN_`: those told to a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from wizard import strict
from wizard.fit.memory.step import OPTIMIZERS as OPTIMIZERS

MAIN_TASKS = ("sft", "cpt", "dpo", "kto", "grpo", "infer")
TASKS = {
    **{name: name for name in MAIN_TASKS},
    "train": "sft", "identity": "sft", "vision": "sft", "pretrain": "cpt", "pt": "cpt",
    "inference": "infer", "generate": "infer", "serve": "infer",
}  # fmt: skip
MAIN_NUMBERS = ("bf16", "fp16", "fp32")
NUMBERS = {
    **{name: name for name in MAIN_NUMBERS},
    "bfloat16": "bf16", "float16": "fp16", "half": "fp16", "float32": "fp32", "float": "fp32",
}  # fmt: skip
ADAPTER_NUMBERS = {name: 4 if number == "fp32" else 2 for name, number in NUMBERS.items()}
MIXED = {
    **dict.fromkeys(("no", "none", "false", "off", "fp32"), False),
    **dict.fromkeys(("bf16", "fp16", "bfloat16", "float16", "true", "yes"), True),
}
MAIN_ATTENTION = ("flash", "sdpa", "eager")
ATTENTION = {
    **{name: name for name in MAIN_ATTENTION},
    **dict.fromkeys(("math", "naive", "none"), "eager"),
    **dict.fromkeys(("mem_efficient", "xformers"), "sdpa"),
    **dict.fromkeys(("flash_attn", "flash_attention", "flash_attention_2", "flash_attention_3", "fa2", "fa3"), "flash"),
    **dict.fromkeys(("flex", "flex_attention"), "flash"),
}
IMPLEMENTATIONS = {"fused": False, "foreach": True, "for_loop": False}

MAIN_BASES = ("nf4", "nf4-dq", "int8", "int4", "fp8")
_BASES = {
    **{name: name for name in MAIN_BASES},
    "fp4": "nf4", "fp4-dq": "nf4-dq", "4bit": "nf4-dq", "8bit": "int8", "gptq": "int4", "gptq-int4": "int4",
    "awq": "int4", "awq-int4": "int4", "hqq-int4": "int4", "gptq-int8": "int8",
}  # fmt: skip
BESIDE = ("adalora", "boft", "houlsby", "ia3", "miss", "oft", "pfeiffer", "vera")
BLOCKS = {"freeze": 2, "llama-pro": 4}  # layers that learn, as our own methods have it
MAIN_METHODS = ("full", "lora", "dora", *(f"qlora-{base}" for base in MAIN_BASES), *BESIDE, *BLOCKS)
METHODS: Mapping[str, tuple[str, str]] = {  # what is trained, and the base's number: "" for that of weights_dtype
    **dict.fromkeys(("full", "fft", "none"), ("all", "")),
    **dict.fromkeys(
        ("lora", "rslora", "lora+", "loraplus", "pissa", "olora", "eva", "neftune"), ("lora", "")
    ),
    **{name: (name, "") for name in (*BESIDE, *BLOCKS)},
    "adapter": ("pfeiffer", ""), "loftq": ("lora", "nf4"),
    "dora": ("dora", ""), "qlora": ("lora", "nf4-dq"), "qdora": ("dora", "nf4-dq"),
    **{f"{first}-{name}": ("lora", base) for first in ("qlora", "lora") for name, base in _BASES.items()},
    **{f"{first}-{name}": ("dora", base) for first in ("qdora", "dora") for name, base in _BASES.items()},
}  # fmt: skip
HELD = {name: ("all", base) for name, base in _BASES.items()}  # inference trains nothing

OPTIMIZER_NAMES = {
    **{name: name for name in OPTIMIZERS},
    **dict.fromkeys(("adam", "adamw_torch", "adamw_torch_fused", "adamw_fused", "adamw_hf", "adamw_32bit"), "adamw"),
    **dict.fromkeys(("adamw_bnb_8bit", "adamw8bit", "adam_8bit", "adam8bit"), "adamw_8bit"),
    "apollo": "apollo_adamw", "galore": "galore_adamw", "paged_adamw_32bit": "paged_adamw",
    "pagedadamw": "paged_adamw", "pagedadamw8bit": "paged_adamw_8bit",
    "lion_32bit": "lion", "sgd_with_momentum": "sgd_momentum",
}  # fmt: skip
FOREACH = frozenset({"adamw_torch"})  # transformers' name for torch's default implementation
WHOLE_MODEL = frozenset({"apollo_adamw", "galore_adamw", "lisa"})  # made for the gradients of the weights themselves

TARGETS = {
    "q": ("q_proj",), "k": ("k_proj",), "v": ("v_proj",), "o": ("o_proj",), "gate": ("gate_proj",), "up": ("up_proj",),
    "down": ("down_proj",), "attention": ("q_proj", "k_proj", "v_proj", "o_proj"),
    "mlp": ("gate_proj", "up_proj", "down_proj"), "head": ("lm_head",), "embed": ("embed_tokens",),
    **dict.fromkeys(("all-linear", "all_linear", "all"), ("all-linear",)),
}  # fmt: skip
ENDS = ("lm_head", "embed_tokens")


def plain(word: str) -> str:
    return word.strip().lower()


def snake(word: str) -> str:
    return plain(word).replace("-", "_").replace(" ", "_")


def nearest(word: str, known: Iterable[str], cutoff: float = strict.ALIKE) -> str:
    """The one that is most like it, or has it as a part; empty where there is none. What has a `/` is a path or a
    hub's id."""
    words = list(known)
    return strict.nearest(word, words, cutoff) or next((each for each in words if word in each.split("-")), "")
