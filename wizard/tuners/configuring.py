"""A method's data and the knobs as the configuration of its tuner."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wizard.contract import ADALORA_WIDER
from wizard.tuners import own

Method = Mapping[str, Any]
Knobs = Mapping[str, Any]
ROUTER = "router"
PACKED = ("qweight", "W_q")  # where GPTQModel and hqq keep their numbers
OF_OPTIMIZER = ("loraplus_lr_ratio", "loraplus_lr_embedding")  # LoRA+: its configuration is LoRA's
FEEDFORWARD = (
    "down_proj",
    "fc2",
    "c_proj",
    "dense_4h_to_h",
    "w2",
)  # IA3 scales what goes into these


def config_of(method: Method, knobs: Knobs, model: Any, task_type: str = "CAUSAL_LM") -> Any:
    """None where all of the model is trained. `task_type`: PEFT's, of the head that `model` has."""
    return TUNERS[method["tuner"]](method, knobs, model, task_type)


def lora(method: Method, knobs: Knobs, model: Any, task_type: str) -> Any:
    """LoRA and all that is a setting of it: rsLoRA, DoRA, PiSSA, OLoRA, EVA, LoftQ, LoRA+ and experts as targets."""
    from peft import EvaConfig, LoraConfig

    settings = {name: value for name, value in method["settings"].items() if name not in OF_OPTIMIZER}
    if settings.get("init_lora_weights") == "eva":
        settings["eva_config"] = EvaConfig(**settings.get("eva_config", {}))
    return LoraConfig(
        r=int(knobs["rank"]),
        lora_alpha=int(knobs["alpha"]),
        task_type=task_type,
        **modules(knobs["targets"], model),
        **settings,
    )


def adalora(method: Method, knobs: Knobs, model: Any, task_type: str) -> Any:
    """`rank` is the mean rank it ends with. Its schedule is set when the number of steps is known (hooks)."""
    from peft import AdaLoraConfig

    return AdaLoraConfig(
        target_r=int(knobs["rank"]),
        init_r=math.ceil(ADALORA_WIDER * int(knobs["rank"])),
        lora_alpha=int(knobs["alpha"]),
        total_step=1,
        task_type=task_type,
        **modules(knobs["targets"], model),
        **method["settings"],
    )


def ia3(method: Method, knobs: Knobs, model: Any, task_type: str) -> Any:
    from peft import IA3Config

    told = modules(knobs["targets"], model)
    found = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    named = found if told["target_modules"] == "all-linear" else found & set(told["target_modules"])
    forward = [name for name in FEEDFORWARD if name in named]
    return IA3Config(task_type=task_type, feedforward_modules=forward, **told, **method["settings"])


def ranked(name: str) -> Callable[..., Any]:
    """A configuration of PEFT that calls the rank `r`."""
    return lambda method, knobs, model, task_type: of_peft(
        name, method, knobs, model, task_type=task_type, r=int(knobs["rank"])
    )


def unranked(name: str) -> Callable[..., Any]:
    """One whose size is among the method's settings."""
    return lambda method, knobs, model, task_type: of_peft(name, method, knobs, model, task_type=task_type)


def of_peft(name: str, method: Method, knobs: Knobs, model: Any, **told: Any) -> Any:
    import peft

    return getattr(peft, name)(**told, **modules(knobs["targets"], model), **method["settings"])


def unsloth(method: Method, knobs: Knobs, model: Any, task_type: str) -> Any:
    from wizard.tuners.unsloth import UnslothConfig

    targets = knobs["targets"]
    return UnslothConfig(
        r=int(knobs["rank"]),
        lora_alpha=int(knobs["alpha"]),
        target_modules=targets[0] if list(targets) == ["all-linear"] else list(targets),
        use_gradient_checkpointing="unsloth" if knobs["grad_ckpt"] else False,
        random_state=int(knobs["seed"]),
    )


def modules(targets: Sequence[str], model: Any) -> dict[str, Any]:
    """What PEFT is told of them. Some experts' routers are linear layers that return a pair, which it cannot adapt."""
    if list(targets) != ["all-linear"]:
        return {"target_modules": list(targets)}
    if packed := names_of_packed(model):
        return {"target_modules": packed}
    routed = any(name.rpartition(".")[2] == ROUTER for name, _ in model.named_modules())
    return {"target_modules": "all-linear"} | ({"exclude_modules": [ROUTER]} if routed else {})


def names_of_packed(model: Any) -> list[str]:
    """Linear layers of GPTQModel and hqq, which are none of torch's: PEFT's "all-linear" would not find them."""
    found = {name for name, module in model.named_modules() if any(hasattr(module, each) for each in PACKED)}
    return sorted({name.rpartition(".")[2] for name in found})


TUNERS: Mapping[str, Callable[..., Any]] = {
    **own.TUNERS,
    "lora": lora,
    "loraplus": lora,
    "loftq": lora,
    "adalora": adalora,
    "vera": ranked("VeraConfig"),
    "miss": ranked("MissConfig"),
    "oft": unranked("OFTConfig"),
    "boft": unranked("BOFTConfig"),
    "ia3": ia3,
    "unsloth": unsloth,
}
