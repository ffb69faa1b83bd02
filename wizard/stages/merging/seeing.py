"""Models that see: as those that write (causal.py), asked about a picture too; what reads pictures is kept as it is."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ExitCode, WizardError
from wizard.stages import prompts
from wizard.stages.client import said
from wizard.stages.desk import Bench, Order
from wizard.stages.loading import seeing_of
from wizard.stages.looking import processor_of
from wizard.stages.merging.causal import learn_end
from wizard.stages.merging.comparing import halved, held_as
from wizard.stages.merging.saving import in_place, write
from wizard.stages.prepared import with_pictures
from wizard.stages.weights import check_adapter, check_model

if TYPE_CHECKING:
    from wizard.stages.seeing import Looker, Said
    from wizard.stages.widening import Wide

KEPT = (".json", ".jinja", ".model", ".txt")  # of tokenizer and processor, as the base's folder has them
WRITTEN = ("config.json", "generation_config.json")
TRIED = 20  # rows whose pictures may be gone by now


def merge(bench: Bench) -> tuple[Path, dict[str, Any]]:
    from wizard.stages.seeing import Looker
    from wizard.stages.widening import Wide

    order = bench.order
    base, device = order.input("fetch", "model"), order.spec.get("device", "cpu")
    trained = trained_by(order)
    bench.phase("load-model")
    model = load(base, order)
    looker, wide = Looker(base, device, int(order.spec["max_new_tokens"])), Wide()
    wide.cover(model)
    questions = [looker.question(text) for text in order.spec["questions"]]
    seen = about_pictures(order, looker)
    asked = (*questions, *seen)
    bench.phase("answer-before")
    before = [looker.said(model, each) for each in asked]
    bench.phase("merge-adapter")
    if trained.name == "adapter":
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, trained).eval()
        wide.cover(model)
        model, parity, cast = folded(model, wide, looker, asked, before)
    else:
        del model
        model = load(trained, order)
        parity, cast = replaced(model, looker, asked, before)
    bench.phase("save-model")
    learn_end(bench, model, looker)
    part = write(model, bench.folder / "merged.part")
    keep(base, part)
    if trained.name != "adapter":
        del model
        parity |= held_against(part, looker, asked, cast)
    same = prompts.hold_library(order, processor_of(part).tokenizer, part)
    answers = [said(looker.tokenizer.decode(each.ids, skip_special_tokens=True)) for each in before]
    result = {"before": answers[: len(questions)], "parity": {**parity, "pictures": len(seen)}, "prompts": same}
    return in_place(part, bench.folder / "merged"), result


def trained_by(order: Order) -> Path:
    """`adapter`, or `model` where all of it was trained. Raises adapter-damaged, model-file-damaged."""
    if "model" in order.inputs["train"]:
        check_model(order.input("train", "model"))
        return order.input("train", "model")
    adapter = order.input("train", "adapter")
    check_adapter(adapter)
    return adapter


def load(folder: Path, order: Order) -> Any:
    return seeing_of(folder, dtype=held_as(order.spec), device_map=order.spec.get("device", "cpu")).eval()


def about_pictures(order: Order, looker: Looker) -> list[Any]:
    """The first row with pictures that can still be opened, up to its answer; none where it learnt of texts alone."""
    from wizard.stages.seeing import inputs_of, picture

    for row in islice(with_pictures(order.input("prepare", "rows")), TRIED):
        try:
            pictures = [picture(path) for path in row["images"]]
        except WizardError:
            continue
        return [inputs_of(looker.processor, row["prompt"], pictures)]
    return []


Compared = dict[str, Any]


def folded(
    model: Any, wide: Wide, looker: Looker, asked: Sequence[Any], before: Sequence[Said]
) -> tuple[Any, Compared, list[Said]]:
    """The adapter merged in fp32 and compared with base and adapter, then held in bf16: what that answers too."""
    import torch

    told = [looker.said(model, each) for each in asked]
    with wide.merged(model):
        fused = [looker.said(model, each) for each in asked]
    held_changed(before, fused)
    merged = wide.merge(model, torch.bfloat16)
    cast = [looker.said(merged, each) for each in asked]
    return merged, {**compared(told, fused), "cast_logit_diff": furthest(told, cast)}, cast


def replaced(model: Any, looker: Looker, asked: Sequence[Any], before: Sequence[Said]) -> tuple[Compared, list[Said]]:
    """A model that was trained as a whole stands for the base; its weights are held in bf16 from here on. Not its
    buffers: those of its positions are not saved, and whoever loads it makes them anew in 32 bits."""
    told = [looker.said(model, each) for each in asked]
    held_changed(before, told)
    halved(model)
    cast = [looker.said(model, each) for each in asked]
    return {"cast_logit_diff": furthest(told, cast)}, cast


def held_against(part: Path, looker: Looker, asked: Sequence[Any], cast: Sequence[Said]) -> Compared:
    """What was saved, read back, against the model that was saved."""
    import torch

    model = seeing_of(part, dtype=torch.bfloat16, device_map=looker.device).eval()
    return compared(cast, [looker.said(model, each) for each in asked])


def compared(ones: Sequence[Said], others: Sequence[Said]) -> Compared:
    """Raises merge-not-equal where one token differs."""
    farthest = furthest(ones, others)
    if [one.ids.tolist() for one in ones] != [other.ids.tolist() for other in others]:
        raise WizardError("merge-not-equal", exit_code=ExitCode.FAILED, diff=farthest)
    return {"tokens": sum(len(each.ids) for each in ones), "equal": True, "max_logit_diff": farthest}


def furthest(ones: Sequence[Said], others: Sequence[Said]) -> float:
    """Of the logits of all places that were reached by the same tokens."""
    return max((apart(one, other) for one, other in zip(ones, others, strict=True)), default=0.0)


def apart(one: Said, other: Said) -> float:
    place = prompts.first_difference(one.ids.tolist(), other.ids.tolist())
    same = len(one.ids) if place is None else min(place + 1, len(one.ids), len(other.ids))
    return float((one.logits[:same] - other.logits[:same]).abs().max())


def held_changed(before: Sequence[Said], after: Sequence[Said]) -> None:
    """Raises merge-changed-nothing where every answer begins exactly as the base's does."""
    if before and not any(apart(one, other) for one, other in zip(before, after, strict=True)):
        raise WizardError("merge-changed-nothing", exit_code=ExitCode.FAILED)


def keep(base: Path, part: Path) -> None:
    """Tokenizer, template and processor are the base's, file by file: other programs read them by their old names."""
    for file in base.iterdir():
        if file.suffix in KEPT and file.name not in WRITTEN and not file.name.endswith(".index.json"):
            shutil.copyfile(file, part / file.name)
