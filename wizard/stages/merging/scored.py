"""Models that score: merge the adapter in fp32, compare the scores of conversations, save in bf16 with their head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.contract import head_of, pair_of
from wizard.errors import ExitCode, WizardError
from wizard.stages import prompts
from wizard.stages.desk import Bench, Order
from wizard.stages.loading import HEADS, padding, scorer_of, tokenizer_of
from wizard.stages.merging.comparing import furthest, halved, held_as
from wizard.stages.merging.saving import in_place, save
from wizard.stages.merging.vectors import texts_of
from wizard.stages.training import labels
from wizard.stages.weights import check_adapter

if TYPE_CHECKING:
    from wizard.stages.widening import Wide

ALWAYS = "Hi"  # scored where a person has no questions
TOLERANCE = 1e-3  # between scores in fp32, as a part of the larger one or of 1


def merge(bench: Bench) -> tuple[Path, dict[str, Any]]:
    if "model" in bench.order.inputs["train"]:
        return finished(bench, *whole_model(bench))
    order = bench.order
    base, adapter = order.input("fetch", "model"), order.input("train", "adapter")
    check_adapter(adapter)
    from peft import PeftModel

    from wizard.stages.widening import Wide

    device = order.spec.get("device", "cpu")
    bench.phase("load-model")
    model: Any = scorer_of(base, scores_in(adapter), dtype=held_as(order.spec), device_map=device)
    tokenizer = tokenizer_of(base)
    model.config.pad_token_id = padding(tokenizer)
    rows = asked(order, tokenizer)
    bench.phase("merge-adapter")
    model = PeftModel.from_pretrained(model, adapter).eval()
    wide = Wide()
    wide.cover(model)
    merged, result = compared(model, wide, rows)
    parity = result["parity"]
    if not parity["equal"]:
        raise WizardError("scores-not-equal", exit_code=ExitCode.FAILED, diff=parity["max_logit_diff"])
    if not parity["changed"]:
        raise WizardError("scores-not-changed", exit_code=ExitCode.FAILED, path=str(adapter))
    return finished(bench, merged, tokenizer, result)


def whole_model(bench: Bench) -> tuple[Any, Any, dict[str, Any]]:
    """One that was trained with its head: the model, its tokenizer and what was found."""
    from wizard.stages.merging.whole import changed_weights

    order, device = bench.order, bench.order.spec.get("device", "cpu")
    base, trained = order.input("fetch", "model"), order.input("train", "model")
    bench.phase("compare-weights")
    if not (changed := changed_weights(base, trained)):
        raise WizardError("scores-not-changed", exit_code=ExitCode.FAILED, path=str(trained))
    bench.phase("load-model")
    model, tokenizer = scorer_of(trained, dtype=held_as(order.spec), device_map=device).eval(), tokenizer_of(base)
    rows = asked(order, tokenizer)
    told = scores(model, rows)
    halved(model)
    parity = {
        "tokens": sum(row.shape[1] for row in rows),
        "equal": True,
        "changed": changed,
        "max_logit_diff": 0.0,
        "cast_logit_diff": furthest(told, scores(model, rows)),
    }
    return model, tokenizer, {"scores": [score.tolist() for score in told], "parity": parity}


def finished(bench: Bench, model: Any, tokenizer: Any, result: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Saved with the names of its classes; `texts`: what a reranker's endpoint is tried with."""
    order = bench.order
    bench.phase("save-model")
    if known := labels.kept(next(iter(order.inputs["train"].values()))):
        model.config.update(known.settings)
    part = save(model, tokenizer, bench.folder / "merged.part")
    same = prompts.hold_library(order, tokenizer_of(part), part)
    told = {**result, "prompts": same}
    if order.spec["trainer"] == "reranker":
        told["texts"] = texts_of(order)
    return in_place(part, bench.folder / "merged"), told


def scores_in(adapter: Path) -> int:
    """How many scores the trained head gives, which PEFT saves whole beside an adapter."""
    from safetensors import safe_open

    ends = tuple(f".{name}.weight" for name in HEADS)
    with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
        head = next((name for name in file.keys() if name.endswith(ends)), None)  # noqa: SIM118  # no mapping
        if head is None:
            raise WizardError("adapter-damaged", exit_code=ExitCode.FAILED, path=str(adapter))
        return int(file.get_slice(head).get_shape()[0])


def asked(order: Order, tokenizer: Any) -> list[Any]:
    """The questions as the endpoint will read them: of each one row of token ids."""
    import torch

    from wizard.stages.scoring import ids_of

    questions, head = order.spec["questions"] or (ALWAYS,), head_of(order.spec)
    read = [pair_of(line) for line in questions] if head == "judge" else questions
    rows = ids_of(tokenizer, read, templated=head != "rerank")
    return [torch.tensor([ids], device=order.spec.get("device", "cpu")) for ids in rows]


def compared(model: Any, wide: Wide, rows: Sequence[Any]) -> tuple[Any, dict[str, Any]]:
    """The merged model; of its scores those with the adapter, whether they stayed equal, and whether the adapter
    changes what the base under the same head says."""
    import torch

    from wizard.stages.widening import adapted

    told = scores(model, rows)
    for layer in adapted(model):
        layer.enable_adapters(False)
    untaught = scores(model, rows)
    for layer in adapted(model):
        layer.enable_adapters(True)
    with wide.merged(model):
        fused = scores(model, rows)
    merged = wide.merge(model, torch.bfloat16)
    cast = scores(merged, rows)
    return merged, {
        "scores": [score.tolist() for score in told],
        "parity": {
            "tokens": sum(row.shape[1] for row in rows),
            "equal": all(near(one, other) for one, other in zip(told, fused, strict=True)),
            "changed": furthest(told, untaught) > 0,
            "max_logit_diff": furthest(told, fused),
            "cast_logit_diff": furthest(told, cast),
        },
    }


def near(one: Any, other: Any) -> bool:
    return bool(((one - other).abs() <= TOLERANCE * one.abs().clamp(min=1)).all())


def scores(model: Any, rows: Sequence[Any]) -> list[Any]:
    """Of each conversation, one tensor of as many numbers as the head gives."""
    import torch

    with torch.inference_mode():
        return [model(row).logits[0].float() for row in rows]
