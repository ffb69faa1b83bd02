"""A method's data and the knobs as the configuration of a tuner that is ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.tuners.bottleneck import AdapterConfig
from wizard.tuners.float8 import Float8Config
from wizard.tuners.freezing import FreezeConfig
from wizard.tuners.layers import layers_of
from wizard.tuners.lisa import LisaConfig
from wizard.tuners.llama_pro import LlamaProConfig


def full(method: Mapping[str, Any], knobs: Mapping[str, Any], model: Any, task_type: str) -> None:
    return None


def freeze(method: Mapping[str, Any], knobs: Mapping[str, Any], model: Any, task_type: str) -> Any:
    head = {"modules": ("score",)} if task_type == "SEQ_CLS" else {}  # a head that is new knows nothing
    return made(FreezeConfig, {**head, **method["settings"]})


def adapter(method: Mapping[str, Any], knobs: Mapping[str, Any], model: Any, task_type: str) -> Any:
    return made(AdapterConfig, {"size": int(knobs["rank"]), **method["settings"]})


def lisa(method: Mapping[str, Any], knobs: Mapping[str, Any], model: Any, task_type: str) -> Any:
    return made(LisaConfig, {"seed": int(knobs["seed"]), **method["settings"]})


def llama_pro(method: Mapping[str, Any], knobs: Mapping[str, Any], model: Any, task_type: str) -> Any:
    config = made(LlamaProConfig, method["settings"])
    return replace(config, blocks=min(config.blocks, len(layers_of(model))))  # a small model at most doubles


def fp8(method: Mapping[str, Any], knobs: Mapping[str, Any], model: Any, task_type: str) -> Any:
    return made(Float8Config, method["settings"])


def made(kind: Any, settings: Mapping[str, Any]) -> Any:
    if unknown := [name for name in settings if name not in kind.__dataclass_fields__]:
        raise WizardError("setting-unknown", exit_code=ExitCode.FAILED, name=unknown[0], kind=kind.__name__)
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()})


TUNERS = {
    "full": full,
    "freeze": freeze,
    "adapter": adapter,
    "lisa": lisa,
    "llama-pro": llama_pro,
    "galore": full,
    "apollo": full,
    "fp8": fp8,
}
