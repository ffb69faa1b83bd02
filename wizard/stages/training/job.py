"""What every way of training is given: the order's model, rows and settings, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from wizard.stages import prompts
from wizard.stages.attention import attention_of, loaded
from wizard.stages.desk import Bench
from wizard.stages.loading import model_of, tokenizer_of
from wizard.stages.prepared import kept_back, rows_of, steps_of_stream
from wizard.stages.settings import arguments, number_type, quantisation
from wizard.tuners.configuring import config_of
from wizard.tuners.preparing import is_peft, prepare_model


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

    def arguments(self, kind: type, **own: Any) -> Any:
        """`kind`: the trainer's class of settings; `own`: what this way of training sets; the recipe's go before."""
        prepared = self.order.input("prepare", "rows")
        steps = {} if self.rows else steps_of_stream(prepared, self.order.knobs)
        told = {**own, **self.order.spec["method"]["arguments"], **self.order.spec["settings"], **steps, **self.changes}
        return arguments(kind, self.order.knobs, self.order.spec, self.checkpoints, **told)

    def model(self, load: Callable[..., Any] = model_of) -> Any:
        """`load`: the class of model. Held as the method says, no adapter around it yet."""
        import torch

        settings: dict[str, Any] = {"dtype": getattr(torch, number_type(self.order.spec))}
        if packing := quantisation(self.order.spec["method"]["base"], settings["dtype"]):
            settings["quantization_config"] = packing
        torch.manual_seed(int(self.order.knobs["seed"]))
        spec, halves = self.order.spec, settings["dtype"] != torch.float32
        chosen = attention_of(self.order.knobs, spec["device"], halves)
        model, found = loaded(partial(load, self.folder), chosen, **settings)
        if not self.rows and (found.why != "attention-own" or spec["device"] == "cuda"):
            self.bench.note(found.why, attention=found.name, dtype=number_type(spec))
        return model

    def tuned(self, model: Any, task_type: str = "CAUSAL_LM") -> tuple[Any, Any]:
        """The model, and the configuration that TRL's trainers lay around it by PEFT: None where nothing is left to do.

        `task_type`: PEFT's, of the head that the model has.
        """
        config = config_of(self.order.spec["method"], self.order.knobs, model, task_type)
        return (model, config) if is_peft(config) else (prepare_model(model, config), None)

    def train_rows(self) -> Any:
        from datasets import Dataset

        if self.rows:
            return Dataset.from_list(list(self.rows))
        return rows_of(self.order.input("prepare", "rows"), self.order.knobs)

    def validation_rows(self) -> Any:
        return None if self.rows else kept_back(self.order.inputs["prepare"], self.order.knobs)
