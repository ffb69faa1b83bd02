"""Whom an evaluation compares: the base, what the training made of it, and that in its smaller format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json
from wizard.stages.desk import Bench
from wizard.stages.device import cpu_has_bf16
from wizard.stages.loading import model_of, padding, scorer_of, tokenizer_of
from wizard.stages.merging.scored import scores_in
from wizard.stages.voices import Voices, kept_apart, laid
from wizard.stages.weights import check_model

PLACES = {"base": ("fetch", "model"), "tuned": ("merge", "merged"), "quantised": ("quantise", "quantised")}
LOADED = ("", "bitsandbytes", "compressed-tensors")  # quant_method; GPTQ and AWQ need packages of another torch


@dataclass(frozen=True, kw_only=True)
class Subject:
    name: str
    folder: Path  # of a whole model; an adapter that stays apart lies in it

    @property
    def kind(self) -> str:
        """What it is called while it is measured."""
        return self.name.partition("-")[0]

    @property
    def adapters(self) -> dict[str, Path]:
        return {name: path for name, path in kept_apart(self.folder, self.name).items() if name == self.name}


def subjects_of(bench: Bench) -> list[Subject]:
    """Those there are, the base first. Raises the Problem of one that is damaged; says which format only its own engine
    loads."""
    order = bench.order
    found = [
        Subject(name=name, folder=order.input(stage, output))
        for name, (stage, output) in PLACES.items()
        if output in order.inputs.get(stage, {})
    ]
    unread = [subject for subject in found if not loads(subject.folder)]
    for subject in unread:
        bench.note("format-not-measured", "warning", subject=subject.name, path=str(subject.folder))
    for subject in (read := [subject for subject in found if subject not in unread]):
        check_model(subject.folder)
    if not read:
        raise WizardError("evaluate-unread", exit_code=ExitCode.FAILED, path=str(found[0].folder))
    return read


def loads(folder: Path) -> bool:
    """Whether transformers reads it in this environment: plain weights, and two of the formats."""
    config = read_json(folder / "config.json")
    packed = (config.get("quantization_config") or {}).get("quant_method", "")
    bare = not any(folder.glob("*.safetensors")) and any(folder.glob("*.gguf"))
    return not bare and packed in LOADED


@contextmanager
def opened(subject: Subject, spec: Mapping[str, Any]) -> Iterator[Any]:
    """The network of a model that writes, as it is served; gone when it is done with."""
    network = model_of(subject.folder, dtype=number_type(spec), device_map=str(spec.get("device", "cpu")))
    network = Voices(network.eval(), subject.adapters, subject.name).network.eval()
    try:
        yield network
    finally:
        del network
        emptied()


def emptied() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def number_type(spec: Mapping[str, Any]) -> Any:
    """What is computed fastest: fp32 on a CPU without bf16 instructions, fp16 on a card without them."""
    import torch

    if spec.get("device", "cpu") == "cpu":
        return torch.bfloat16 if cpu_has_bf16() else torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def with_head(subject: Subject, number: Any, device: str) -> Any:
    """A model that scores; of an adapter beside its base, with the head that lies in the adapter."""
    settings = {"dtype": number, "device_map": device}
    if not (adapters := subject.adapters):
        return scorer_of(subject.folder, **settings)
    network = laid(scorer_of(subject.folder, scores_in(adapters[subject.name]), **settings), adapters)
    for weight in network.parameters():
        weight.data = weight.data.to(number)  # a new head is held in fp32
    return network


def headed(subjects: Sequence[Subject]) -> list[Subject]:
    """Those with a head that scores: the base has none."""
    return [subject for subject in subjects if subject.name != "base"]


def scored(subject: Subject, spec: Mapping[str, Any], rows: Sequence[Sequence[int]], bench: Bench) -> list[list[float]]:
    """What the head says of each row of token ids, before any squashing."""
    from wizard.stages.scoring import BATCH, Scorer

    tokenizer = tokenizer_of(subject.folder)
    network = with_head(subject, number_type(spec), str(spec.get("device", "cpu"))).eval()
    network.config.pad_token_id = padding(tokenizer)
    scorer = Scorer(name=subject.name, context=int(spec["seq_len"]), tokenizer=tokenizer, network=network)
    found: list[list[float]] = []
    for start in range(0, len(rows), BATCH):
        found += scorer.scores([list(row) for row in rows[start : start + BATCH]])
        bench.progress(len(found), len(rows), "rows")
    del network, scorer
    emptied()
    return found
