"""One case of `estimate`, as JSON has it, becomes a Step; a key left out means what our own train stage does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.contract import Architecture, Knobs
from wizard.errors import WizardError
from wizard.fit.asking import nonsense
from wizard.fit.asking import spellings as spelt
from wizard.fit.asking.asked import Asked, unknown, wrong
from wizard.fit.memory.step import Step
from wizard.fit.reading.configs import architecture_of, longest_of
from wizard.fit.reading.quantised import held_in
from wizard.fit.reading.shape import layer_groups, linears, params_of
from wizard.fit.recording import habits

KEYS = (
    "id", "config", "task", "method", "weights_dtype", "mixed_precision", "optimizer", "optimizer_in_backward",
    "lora_r", "lora_targets", "micro_batch", "seq_len", "grad_ckpt", "attention", "fused_loss", "compile", "zero_stage",
    "n_gpus", "cpu_offload", "params", "adapter_dtype", "lora_dropout", "kbit_prepare", "optimizer_impl", "accumulate",
    "images", "colocated_bytes", "offload_activations",
)  # fmt: skip
TYPO = 0.8  # a key this much like a known one was meant to be that one
ROUNDED = 0.9  # of the config's own count
KNOBS = Knobs()
BROKEN = (ArithmeticError, AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError)


def step_of_case(data: Mapping[str, Any]) -> Step:
    """Raises a WizardError that names the key, or what the config lacks."""
    config = data.get("config")
    if config is None:
        raise WizardError("case-lacks-config")
    if not isinstance(config, Mapping):
        raise wrong("case-config-no-object", "config", config)
    return step_for(architecture_in(config), data, longest=longest_of(config), held=held_in(config))


def step_for(
    architecture: Architecture, data: Mapping[str, Any], *, params: int = 0, longest: int = 0, held: str = ""
) -> Step:
    """All of a case but its config, for a model whose numbers are known; `longest`: 0 where it has no limit; `held`:
    the base of a checkpoint that is quantised already."""
    check_keys(data)
    at = Asked(data)
    task = at.one_of("task", "sft", spelt.TASKS, spelt.MAIN_TASKS)
    step = Step(
        architecture=architecture,
        params=params_told(at, architecture) or params or params_in(architecture),
        task=task,
        **_model(at, task, architecture, held),
        **_stepping(at),
        **_running(at, architecture),
        rounds=at.whole("accumulate", 1) if task == "grpo" else 1,
    )
    nonsense.refuse(step, longest=longest)
    return step


def check_keys(data: Mapping[str, Any]) -> None:
    """A key that is not ours is somebody's note, unless it looks like one of ours."""
    for key in data:
        meant = "" if key in KEYS else spelt.nearest(str(key), KEYS, TYPO)
        if meant:
            raise WizardError("case-unknown-key", key=str(key)[:40], nearest=meant)


def params_told(at: Asked, a: Architecture) -> int:
    """0 where they are not. Tables round theirs: what is a little less than the config counts is as much."""
    told = at.whole("params", 0)
    counted = params_in(a) if told else 0
    if told < ROUNDED * counted:
        raise WizardError("case-params-too-few", params=told, counted=counted)
    return max(told, counted)


def _model(at: Asked, task: str, architecture: Architecture, held: str) -> dict[str, Any]:
    methods = {**spelt.METHODS, **(spelt.HELD if task == "infer" else {})}
    usual = "none" if task == "infer" else "lora"
    kind, base = at.one_of("method", usual, methods, spelt.MAIN_METHODS)
    if held and base and base != held:
        raise WizardError("case-quantised-otherwise", base=base, held=held)
    base, whole = base or held, kind == "all" or kind in spelt.BLOCKS
    number = at.one_of("weights_dtype", "bf16", spelt.NUMBERS, spelt.MAIN_NUMBERS)
    return {
        "trains_all": whole,
        "dora": kind == "dora",
        "tuner": kind if kind in (*spelt.BESIDE, *spelt.BLOCKS) else "",
        "awake": min(spelt.BLOCKS.get(kind, 0), architecture.layers),
        "lora_dropout": 0.0 if whole else at.share("lora_dropout", 0.0),
        "base": base or number,
        "mixed": mixed_in(at),
        "adapter_bytes": at.one_of("adapter_dtype", "bf16" if base else "fp32", spelt.ADAPTER_NUMBERS),
        "rank": KNOBS.rank if whole else at.whole("lora_r", KNOBS.rank, most=architecture.hidden),
        "targets": frozenset(KNOBS.targets) if whole else targets_in(at, architecture),
        "kbit_prepare": at.flag("kbit_prepare", False) or (bool(base) and number == "fp32"),
    }


def mixed_in(at: Asked) -> bool:
    """A key left out is our stage's autocast; null is none."""
    if at.data.get("mixed_precision", True) is None:
        return False
    if isinstance(at.data.get("mixed_precision"), bool):
        return bool(at.data["mixed_precision"])
    return at.one_of("mixed_precision", "bf16", spelt.MIXED)


def _stepping(at: Asked) -> dict[str, Any]:
    name = at.word("optimizer", "adamw", spelt.OPTIMIZER_NAMES, spelt.OPTIMIZERS)
    usual = "foreach" if name in spelt.FOREACH else "fused"
    return {
        "optimizer": spelt.OPTIMIZER_NAMES[name],
        "foreach": at.one_of("optimizer_impl", usual, spelt.IMPLEMENTATIONS),
        "in_backward": at.flag("optimizer_in_backward", False),
        "accumulates": at.whole("accumulate", 1) > 1,
    }


def _running(at: Asked, architecture: Architecture) -> dict[str, Any]:
    return {
        "micro_batch": at.whole("micro_batch", KNOBS.micro_batch),
        "seq_len": at.whole("seq_len", KNOBS.seq_len),
        "checkpointing": at.flag("grad_ckpt", True),
        "attention": attention_in(at, architecture),
        "fused_loss": at.flag("fused_loss", True),
        "compiled": at.flag("compile", False),
        "offload_activations": at.flag("offload_activations", False),
        "zero": at.whole("zero_stage", 0, least=0, most=3),
        "cards": at.whole("n_gpus", 1, most=100_000),
        "offload": at.flag("cpu_offload", False),
        "images": at.whole("images", 0, least=0),
        "colocated_bytes": at.whole("colocated_bytes", 0, least=0),
    }


def attention_in(at: Asked, a: Architecture) -> str:
    """What is computed where FlashAttention is asked of a model that knows neither it nor SDPA."""
    asked = at.one_of("attention", "sdpa", spelt.ATTENTION, spelt.MAIN_ATTENTION)
    return "eager" if asked == "flash" and a.kind in habits.WITHOUT_FLASH else asked


def targets_in(at: Asked, a: Architecture) -> frozenset[str]:
    """Modules by their own names, by Llama's, or by the short spellings, as long as this model has them."""
    own = {name for _, group in layer_groups(a) for each in group for name in (each.name, *each.parts)}
    own |= {each.name for each in linears(a)} | set(spelt.ENDS)
    found: set[str] = set()
    for word in at.words("lora_targets", KNOBS.targets[0]):
        name = spelt.plain(word).rpartition(".")[2]
        cased = {each.lower(): each for each in own}
        if name in cased:
            found.add(cased[name])
        elif name in spelt.TARGETS:
            found |= set(spelt.TARGETS[name]) & (own | {"all-linear"})
        else:
            raise unknown("lora_targets", word, sorted(own | set(spelt.TARGETS)))
    return frozenset(found)


def architecture_in(config: Mapping[str, Any]) -> Architecture:
    """As `architecture_of`; numbers that contradict one another are a Problem too, and so is what is no config."""
    try:
        found = architecture_of(config)
        contradiction = nonsense.contradiction_in(found)
    except BROKEN as error:
        raise WizardError("config-misshapen") from error
    if contradiction:
        raise WizardError("config-odd", detail=contradiction)
    return found


def params_in(architecture: Architecture) -> int:
    return params_of(architecture) + (architecture.tower.params if architecture.tower else 0)
