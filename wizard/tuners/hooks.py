"""What some tuners do while a trainer runs: they are told of its steps, bring an optimizer of their own, begin from
something else than nothing, or are saved in another shape than they are trained in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wizard.tuners import lisa, loftq, own, projecting, pruning, saving, starting

Attach = Callable[[Any, Mapping[str, Any], Mapping[str, Any]], None]


def attach(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    """To a trainer that is made and has not begun: its model is prepared, its optimizer not made yet."""
    if known := ATTACHED.get(method["tuner"]):
        known(trainer, method, knobs)


def lisa_draws(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    config = own.lisa(method, knobs, trainer.model, "")
    trainer.add_callback(lisa.lisa_callback(trainer.model, config))


def adapter_is_saved(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    saving.alone(trainer, own.adapter(method, knobs, trainer.model, ""))


def projectors_are_read(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    projecting.ready(trainer, method["tuner"])


def resave(trainer: Any, folder: Path) -> None:
    """Over what the trainer has saved in `folder` at its end, where a start has to be taken off again."""
    starting.resave(trainer, folder)


def two_rates(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    """LoRA+: the second of the two matrices learns faster than the first (arXiv:2402.12354)."""
    from peft.optimizers import create_loraplus_optimizer

    kind, told = trainer.get_optimizer_cls_and_kwargs(trainer.args, trainer.model)
    trainer.optimizer = create_loraplus_optimizer(
        trainer.model, kind, loraplus_weight_decay=trainer.args.weight_decay, **told, **method["settings"]
    )


def begin(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    start = str(method["settings"].get("init_lora_weights", ""))
    if start == "eva":
        starting.from_data(trainer)
    elif start.startswith(starting.TAKEN):
        starting.keep(trainer)


def begin_where_bits_were_lost(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    loftq.make_up(trainer.model)
    starting.keep(trainer)


def prune(trainer: Any, method: Mapping[str, Any], knobs: Mapping[str, Any]) -> None:
    trainer.add_callback(pruning.made(trainer.model))


ATTACHED: dict[str, Attach] = {  # tuner -> of the trainer, the method and the knobs
    "lora": begin,
    "loraplus": two_rates,
    "loftq": begin_where_bits_were_lost,
    "adalora": prune,
    "lisa": lisa_draws,
    "adapter": adapter_is_saved,
    "galore": projectors_are_read,
    "apollo": projectors_are_read,
}
