"""The checkpoints that a training has kept, as subjects: each a folder of links in the layout that is served, the base
with `adapter/` or a whole model, with tokenizer and ends of the trained model, so that all are asked alike."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from wizard.errors import ExitCode, WizardError
from wizard.stages.checkpoints import newest_first, step_of
from wizard.stages.desk import Bench
from wizard.stages.evaluating.subjects import Subject, loads
from wizard.stages.keeping import manifest
from wizard.stages.voices import MORE, OWN
from wizard.stages.weights import check_adapter
from wizard.tuners import starting

PLACE = "checkpoints"  # beside what the training left, and in the stage's folder
WEIGHTS = (".safetensors", ".safetensors.index.json", ".gguf")


def with_checkpoints(bench: Bench, subjects: Sequence[Subject]) -> list[Subject]:
    """Behind the base, in the order of their steps. Says which are damaged; raises checkpoints-none where no whole one
    is left, and checkpoints-packed of adapters whose base is not read here."""
    order = bench.order
    trained = Path(next(iter(order.inputs["train"].values())))
    kept = trained.parent / PLACE
    whole = [path for path in reversed(newest_first(kept)) if sound(bench, path)]
    if not whole:
        raise WizardError("checkpoints-none", exit_code=ExitCode.FAILED, run=order.run, path=str(kept))
    base = order.input("fetch", "model")
    if trained.name == "adapter" and not loads(base):
        raise WizardError("checkpoints-packed", exit_code=ExitCode.FAILED, run=order.run, path=str(base))
    if count := len(order.spec.get("adapters", ())):
        bench.note("checkpoints-alone", "warning", count=count)
    shutil.rmtree(bench.folder / PLACE, ignore_errors=True)
    found = [laid_out(bench, path, base if trained.name == "adapter" else None) for path in whole]
    before = [subject for subject in subjects if subject.name == "base"]
    return [*before, *found, *(subject for subject in subjects if subject not in before)]


def sound(bench: Bench, checkpoint: Path) -> bool:
    """Every file as it was written, by its manifest."""
    fault = manifest.fault_of(checkpoint)
    if fault is not None:
        told = {"step": step_of(checkpoint), "file": fault, "path": str(checkpoint)}
        bench.note("checkpoint-not-measured", "warning", **told)
    return fault is None


def laid_out(bench: Bench, checkpoint: Path, base: Path | None) -> Subject:
    """`base`: of an adapter; None of a whole model."""
    place = bench.folder / PLACE / checkpoint.name
    place.mkdir(parents=True)
    merged = bench.order.input("merge", "merged")
    for path in (*filter(weighs, (base or checkpoint).iterdir()), *filter(tells, merged.iterdir())):
        (place / path.name).symlink_to(os.path.realpath(path))
    if base:
        start = checkpoint.parent / starting.FOLDER
        if start.is_dir():
            check_adapter(start)
            starting.taken_off(checkpoint, start, place / OWN)
        else:
            (place / OWN).symlink_to(checkpoint.resolve())
    return Subject(name=checkpoint.name, folder=place)


def weighs(path: Path) -> bool:
    """Weights, and the shape that they have."""
    return path.name == "config.json" or path.name.endswith(WEIGHTS)


def tells(path: Path) -> bool:
    """How the model is asked."""
    return not weighs(path) and path.name not in (OWN, MORE)


def cleared(bench: Bench) -> None:
    shutil.rmtree(bench.folder / PLACE, ignore_errors=True)
