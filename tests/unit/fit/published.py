"""What others measured with their own stacks, as cases of `estimate --cases` and as bytes.

A stack decides how its rows are put, no row does: each function below says what its stack is known to do, by its own
code at the commits that the rows name. Where the case's words cannot say it, `UNSAID` says so; such rows count all the
same.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

from wizard.fit import CARDS_GIB, GIB
from wizard.fit.asking.cases import step_of_case
from wizard.fit.memory.law import Numbers, numbers_of
from wizard.fit.memory.step import Step

DATA = Path(__file__).parents[2] / "data" / "published"
Row = Mapping[str, str]
Case = dict[str, Any]

MIB = 1024**2
# `?` by stack: axolotl logs GiB; GLM-4 prints 74497MiB as 75 GB.
UNITS = {"GB1e9": 10**9, "GiB": GIB, "MiB": MIB}
UNSAID_UNITS = {"axolotl-ai-cloud/axolotl": GIB, "THUDM/GLM-4": 1000 * MIB}
# The first words of a family, the longest first, as transformers' model_type; what is not named computes as Llama does.
KINDS = {
    "glm-0414": "glm4", "glm4-0414": "glm4", "glm4": "glm", "gpt_neox": "gpt_neox", "gemma2": "gemma2",
    "gemma": "gemma", "falcon": "falcon", "phi3": "phi3", "phi": "phi", "mistral": "mistral", "qwen3": "qwen3",
    "olmo3": "olmo3", "seed_oss": "seed_oss", "apertus": "apertus", "mimo": "mimo", "arcee": "arcee",
    "hunyuan_v1_dense": "hunyuan_v1_dense",
}  # fmt: skip
WIDTHS = {
    "hidden": "hidden_size", "layers": "num_hidden_layers", "heads": "num_attention_heads",
    "kv_heads": "num_key_value_heads", "head_dim": "head_dim", "intermediate": "intermediate_size",
    "vocab": "vocab_size",
}  # fmt: skip
OPTIMIZERS = {
    "AdamW": "adamw",
    "AdamW(fused,CPU offload)": "adamw",
    "AdamW(in_bwd)": "adamw",
    "AdamW8bit(in_bwd)": "adamw_8bit",
    "PagedAdamW(bnb)": "paged_adamw",
    "PagedAdamW(bnb,in_bwd)": "paged_adamw",
    "PagedAdamW8bit(bnb)": "paged_adamw_8bit",
}
# Documents whose figures are called peak reserved memory by another one of the same days (qlora_finetune.rst).
RESERVED = {
    ("README.md", "fef3ed10d (2024-04-16)"),
    ("docs/source/tutorials/lora_finetune.rst", "ff594c231 (2024-04-15)"),
}
# A ladder of settings, each with those before it: from `+act offload` on activations wait in RAM.
OFFLOADED = ("tt-3b-007", "tt-3b-008", "tt-3b-009", "tt-3b-010")
DROPPED = 0.05  # how much of it changes no byte
# What the words of a case cannot say.
UNSAID = {
    **dict.fromkeys(("tt-3b-001",), "rows are short of the length, which is only a cap"),
    **dict.fromkeys(("tt-llama2-006",), "rows are short of the length, which is only a cap"),
    **dict.fromkeys(("tt-3b-009", "tt-3b-010"), "the chunked loss makes no second copy of the logits"),
    **dict.fromkeys(("tt-qlora-tut-004", "tt-e2e-001"), "the model alone, before any step"),
    **dict.fromkeys(
        ("tt-qlora-tut-003", "tt-llama2-apr24-001"), "the peak of quantising the weights, kept in the cache"
    ),
}
OLD_BITSANDBYTES = "bitsandbytes 0.42 keeps the input of every product for two steps"


class Outcome(NamedTuple):
    row: Row
    case: Case
    step: Step
    measured: int
    law: Numbers

    @property
    def forecast(self) -> int:
        """The number of ours that is of the same kind as what was measured; where that is not said, what is live."""
        kind = self.row["reported_kind"]
        if "smi" in kind:
            return self.law.card
        reserved = "reserved" in kind or (self.row["source_path"], self.row["commit_or_date"]) in RESERVED
        return self.law.reserved if reserved else self.law.peak

    @property
    def error(self) -> float:
        return self.forecast / self.measured - 1

    @property
    def source(self) -> str:
        return self.row["source_repo"]


class Score(NamedTuple):
    medians: Mapping[str, float]  # by source
    near: float  # share of rows within 25 %
    ninth: float  # nine of ten rows are nearer

    @property
    def middle(self) -> float:
        """The mean of the sources' medians: a source counts once, however many rows it has."""
        return mean(self.medians.values())


def score(errors: Sequence[tuple[str, float]]) -> Score:
    """`errors`: of each row its source and how far off it is, with its sign."""
    sources = list(dict.fromkeys(source for source, _ in errors))
    far = sorted(abs(error) for _, error in errors)
    medians = {name: median(abs(error) for source, error in errors if source == name) for name in sources}
    return Score(medians, sum(each <= 0.25 for each in far) / len(far), far[int(0.9 * len(far))])


def card_for(size: float) -> int:
    """GiB of the smallest common card that holds it."""
    return next((gib for gib in CARDS_GIB if gib * GIB >= size), 1000)


def decided(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Shares of rows that are sent to a card that is too small, and to a larger one than needed, for pairs of a
    forecast and what was measured."""
    cards = [(card_for(forecast), card_for(found)) for forecast, found in pairs]
    return sum(ours < need for ours, need in cards) / len(cards), sum(ours > need for ours, need in cards) / len(cards)


@cache
def outcomes(task: str) -> tuple[Outcome, ...]:
    """`task`: train or infer."""
    found = []
    for row in rows():
        if row["task"] == task:
            case = case_of(row)
            step = step_of_case(case)
            found.append(Outcome(row, case, step, measured(row), numbers_of(step)))
    return tuple(found)


@cache
def rows() -> tuple[Row, ...]:
    return tuple(_table("memory_measured.csv"))


@cache
def shapes() -> Mapping[str, Row]:
    return {row["hf_id"]: row for row in _table("architectures.csv")}


def _table(name: str) -> list[Row]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def unsaid(row: Row) -> str:
    """Why a row's case is not the whole truth, or nothing."""
    old = row["task"] == "train" and row["source_repo"] == "Lightning-AI/litgpt" and "qlora" in row["method"]
    return UNSAID.get(row["id"], OLD_BITSANDBYTES if old else "")


def measured(row: Row) -> int:
    return int(float(row["reported_value"]) * (UNITS.get(row["unit"]) or UNSAID_UNITS[row["source_repo"]]))


def case_of(row: Row) -> Case:
    if row["task"] == "infer":
        return inference(row)
    if not row["micro_batch"]:
        return {**inference({**row, "method": "none", "seq_len": "1"})}
    return {**stated(row), **STACKS[row["source_repo"]](row)}


def config_of(row: Row) -> Case:
    """As config.json has it."""
    shape = shapes()[row["hf_id"]]
    family = shape["arch_family"]
    kind = next((kind for words, kind in KINDS.items() if family.startswith(words)), "llama")
    widths = {name: int(shape[column]) for column, name in WIDTHS.items() if shape[column]}
    return {"model_type": kind, **widths, "tie_word_embeddings": shape["tied"] == "true"}


def inference(row: Row) -> Case:
    """Weights in bf16 or in bitsandbytes' 4 bits; litgpt's prompt of 6 tokens and the 50 that it adds."""
    base = {"int4": "nf4"}.get(row["method"], row["method"])  # GLM-4's script has load_in_4bit: fp4, as large as nf4
    found = {"id": row["id"], "config": config_of(row), "task": "infer", "method": base, "mixed_precision": None}
    cards = {"n_gpus": int(row["n_gpus"])} if row["task"] == "infer" else {}
    return {**found, "micro_batch": 1, "seq_len": int(row["seq_len"] or 56), **cards, **params(row)}


def params(row: Row) -> Case:
    return {"params": int(float(row["params_b"]) * 1e9)} if row["params_b"] else {}


def stated(row: Row) -> Case:
    """What the columns say by themselves. FSDP's full shard is put as ZeRO 3."""
    found: Case = {
        "id": row["id"],
        "config": config_of(row),
        "method": row["method"],
        "optimizer": OPTIMIZERS.get(row["optimizer"], row["optimizer"]),
        "micro_batch": int(row["micro_batch"]),
        "seq_len": int(row["seq_len"]),
        "grad_ckpt": row["grad_ckpt"] == "y",
        "attention": "flash" if row["flash_attn"] == "y" else "sdpa",
        "fused_loss": row["fused_loss"] == "y",
        "compile": row["compile"] == "y",
        "zero_stage": int(row["zero_stage"] or 0),
        "n_gpus": int(row["n_gpus"]),
        **params(row),
    }
    if row["lora_r"]:
        targets = row["lora_targets"]
        found |= {"lora_r": int(row["lora_r"]), "lora_targets": targets.split(",") if "," in targets else targets}
    return found


def litgpt(row: Row) -> Case:
    """Precision bf16-true: weights, adapters and what they compute in bf16, and no autocast (litgpt/finetune/lora.py).
    The embedding and the head are two tensors in every model (litgpt/model.py), so a tied one is larger by one of them.
    Its optimizer is `torch.optim.AdamW`, which is multi-tensor on a card, or bitsandbytes' paged one. Each config in
    config_hub drops 5 or 10 % of what goes into an adapter."""
    config = config_of(row)
    more = config["vocab_size"] * config["hidden_size"] if config["tie_word_embeddings"] else 0
    return {
        **bf16(),
        "config": {**config, "tie_word_embeddings": False},
        "params": params(row)["params"] + more,
        "optimizer_impl": "foreach",
        "lora_dropout": DROPPED,
    }


def torchtune(row: Row) -> Case:
    """`dtype: bf16` for weights and adapters, no autocast. From September 2024 on the configs of its AdamW say
    `fused: True`, before that nothing: multi-tensor. Those with a paged optimizer say `optimizer_in_bwd: True`. In
    spring 2024 its builders dropped 5 % of what goes into an adapter, since then nothing (_model_builders.py)."""
    early = any(date in row["commit_or_date"] for date in ("2024-04", "2024-05"))
    paged = row["method"] == "full" and "Paged" in row["optimizer"]
    return {
        **bf16(),
        "optimizer_impl": "foreach" if early else "fused",
        "optimizer_in_backward": paged or "in_bwd" in row["optimizer"],
        "cpu_offload": "CPU offload" in row["optimizer"],
        "lora_dropout": DROPPED if early else 0.0,
        "offload_activations": row["id"] in OFFLOADED,
    }


def ms_swift(row: Row) -> Case:
    """Version 2: the weights in bf16 and `bf16` for transformers' Trainer, which is autocast; `lora_dtype` is fp32 and
    `lora_dropout_p` 0.05 (swift/llm/utils/argument.py); its optimizer is `adamw_torch`, which is multi-tensor."""
    return {**autocast(), "optimizer_impl": "foreach"}


def axolotl(row: Row) -> Case:
    """`bf16: auto` is autocast; adapters in fp32, as PEFT makes them. It calls prepare_model_for_kbit_training, then
    casts norms and embeddings back to bf16 for FlashAttention, so that nothing is left of it (loaders/model.py). The
    examples' `lora_dropout` is 0.05."""
    return autocast()


def bf16() -> Case:
    return {"mixed_precision": None, "adapter_dtype": "bf16"}


def autocast() -> Case:
    return {"mixed_precision": "bf16", "adapter_dtype": "fp32", "lora_dropout": DROPPED}


STACKS: Mapping[str, Callable[[Row], Case]] = {
    "Lightning-AI/litgpt": litgpt,
    "pytorch/torchtune": torchtune,
    "modelscope/ms-swift": ms_swift,
    "axolotl-ai-cloud/axolotl": axolotl,
}
