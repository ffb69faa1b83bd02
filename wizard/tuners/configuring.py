"""A method's data and the knobs as the configuration of its tuner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wizard.tuners import own

ROUTER = "router"


def config_of(method: Mapping[str, Any], knobs: Mapping[str, Any], model: Any, task_type: str = "CAUSAL_LM") -> Any:
    """None where all of the model is trained. `task_type`: PEFT's, of the head that `model` has."""
    return TUNERS[method["tuner"]](method, knobs, model, task_type)


def lora(method: Mapping[str, Any], knobs: Mapping[str, Any], model: Any, task_type: str) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=int(knobs["rank"]),
        lora_alpha=int(knobs["alpha"]),
        task_type=task_type,
        **modules(knobs["targets"], model),
        **method["settings"],
    )


def modules(targets: Sequence[str], model: Any) -> dict[str, Any]:
    """What PEFT is told of them. Some experts' routers are linear layers that return a pair, which it cannot adapt."""
    if list(targets) != ["all-linear"]:
        return {"target_modules": list(targets)}
    routed = any(name.rpartition(".")[2] == ROUTER for name, _ in model.named_modules())
    return {"target_modules": "all-linear"} | ({"exclude_modules": [ROUTER]} if routed else {})


TUNERS = {**own.TUNERS, "lora": lora}
