"""What every way of training is given: the order's model, rows and settings, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from wizard.stages import prompts
from wizard.stages.attention import attention_of, loaded
from wizard.stages.desk import Bench
from wizard.stages.holding import BEFORE, computed_in, quantisation
from wizard.stages.loading import model_of, tokenizer_of
from wizard.stages.prepared import each_of, kept_back, rows_of, steps_of_stream
from wizard.stages.quantising import hqq
from wizard.stages.quantising.groups import group_of
from wizard.stages.settings import arguments, number_type
from wizard.stages.sharing import zero_stage
from wizard.tuners import unsloth
from wizard.tuners.configuring import config_of
from wizard.tuners.preparing import hold_fully, is_peft, prepare_model

HQQ_GROUPS = (64, 32)  # numbers to a scale, as the format hqq-int4 has it


@dataclass(kw_only=True)
class Job:
    """`rows`, `changes`: a rehearsal's own rows and settings. Make the arguments before the model: ZeRO 3 splits it
    up as it is loaded."""

    bench: Bench
    checkpoints: Path
    callbacks: Sequence[Any]
    rows: Sequence[Mapping[str, Any]] = ()
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def order(self) -> Any:
        return self.bench.order

    @property
    def folder(self) -> Path:
        return Path(self.order.input("fetch", "model"))

    @cached_property
    def tokenizer(self) -> Any:
        tokenizer = tokenizer_of(self.folder)
        prompts.hold_library(self.order, tokenizer, self.folder)  # hours before it would stop the serving
        return tokenizer

    def arguments(self, kind: type, ours: Container[str] = (), **own: Any) -> Any:
        """`kind`: the trainer's class of settings; `own`: what this way of training sets; the recipe's go before, but
        for `ours`, which the library does not know."""
        prepared = self.order.input("prepare", "rows")
        steps = {} if self.rows else steps_of_stream(prepared, self.order.knobs)
        named = {name: value for name, value in self.order.spec["settings"].items() if name not in ours}
        told = {
            **own,
            **filled(self.order.spec["method"]["arguments"], self.order.knobs),
            **named,
            **steps,
            **self.changes,
        }
        return arguments(kind, self.order.knobs, self.order.spec, self.checkpoints, **told)

    def model(self, load: Callable[..., Any] = model_of) -> Any:
        """`load`: the class of model. Held as the method says, no adapter around it yet."""
        import torch

        method, settings = self.order.spec["method"], {"dtype": getattr(torch, number_type(self.order.spec))}
        packing = quantisation(method["base"], settings["dtype"], self.folder)
        torch.manual_seed(int(self.order.knobs["seed"]))
        if method["tuner"] == "unsloth":
            return unsloth.load(self.folder, method["base"], settings["dtype"], self.order.knobs)
        if packing:
            settings["quantization_config"] = packing
        if method["base"] in BEFORE:  # else a kernel of the CPU is chosen, and all of it lies in RAM first
            settings["device_map"] = self.order.spec["device"]
        spec, halves = self.order.spec, settings["dtype"] != torch.float32
        chosen = attention_of(self.order.knobs, spec["device"], halves)
        model, found = loaded(partial(load, self.folder), chosen, **settings)
        if method["base"] in BEFORE:
            computed_in(model, settings["dtype"])
        if method["base"] == "hqq":
            hqq.pack(model, group_of(self.folder, HQQ_GROUPS, "hqq"), settings["dtype"], spec["device"])
        if not self.rows and (found.why != "attention-own" or spec["device"] == "cuda"):
            self.bench.note(found.why, attention=found.name, dtype=number_type(spec))
        return model

    def tuned(self, model: Any, task_type: str = "CAUSAL_LM", **knobs: Any) -> tuple[Any, Any]:
        """The model, and the configuration that TRL's trainers lay around it by PEFT: None where nothing is left to do.

        `task_type`: PEFT's, of the head that the model has. `knobs`: others than the order's.
        """
        config = config_of(self.order.spec["method"], {**self.order.knobs, **knobs}, model, task_type)
        if is_peft(config):
            return model, config
        model = prepare_model(model, config)
        if not zero_stage(self.order.knobs):  # DeepSpeed holds what is trained in 32 bits itself
            hold_fully(model)
        return model, None

    def each(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """These columns of every prepared row once, those kept back too; a rehearsal sees all of them."""
        prepared = self.order.inputs["prepare"]
        for side in ("rows", "validation"):
            if side in prepared:
                yield from each_of(Path(prepared[side]), names)

    def train_rows(self) -> Any:
        from datasets import Dataset

        if self.rows:
            return Dataset.from_list(list(self.rows))
        return rows_of(self.order.input("prepare", "rows"), self.order.knobs)

    def validation_rows(self) -> Any:
        return None if self.rows else kept_back(self.order.inputs["prepare"], self.order.knobs)


def filled(arguments: Mapping[str, Any], knobs: Mapping[str, Any]) -> dict[str, Any]:
    """`{rank}` in a text is the knob's."""
    rank = str(knobs["rank"])
    return {name: told.replace("{rank}", rank) if isinstance(told, str) else told for name, told in arguments.items()}
