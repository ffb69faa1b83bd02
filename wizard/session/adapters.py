"""Adapters of other trainings, found by their run or folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from wizard.contract import Choice, Method, OtherAdapter, Recipe, writes
from wizard.errors import WizardError
from wizard.journal import Home
from wizard.session import runs

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def located(home: Home, choice: Choice, recipe: Recipe, method: Method) -> Iterator[OtherAdapter]:
    """Each with its name, its folder and the digest of its weights. Raises WizardError run-unknown, no-adapter-there,
    adapter-not-the-same, adapter-twice, adapters-not-here."""
    if choice.adapters and (not writes(recipe.trainer) or method.trainable != "adapter" or method.tuner == "adapter"):
        raise WizardError("adapters-not-here", recipe=recipe.id)
    seen: set[str] = set()
    for each in choice.adapters:
        folder = folder_of(home, each.ref)
        with (folder / WEIGHTS).open("rb") as file:
            sha256 = _sum(file)
        if each.sha256 not in ("", sha256):
            raise WizardError("adapter-not-the-same", ref=each.ref, path=str(folder))
        name = each.name or Path(each.ref).name
        if {sha256, name} & seen:
            raise WizardError("adapter-twice", ref=each.ref, name=name)
        seen |= {sha256, name}
        yield replace(each, name=name, path=str(folder), sha256=sha256)


def _sum(file: BinaryIO) -> str:
    told = hashlib.sha256()
    while piece := file.read(1 << 20):
        told.update(piece)
    return told.hexdigest()


def folder_of(home: Home, ref: str) -> Path:
    """`ref`: a folder, or a run whose training ended with an adapter."""
    folder = Path(ref).expanduser()
    if not (folder / CONFIG).is_file():
        if folder.is_dir() or "/" in ref:
            raise WizardError("no-adapter-there", ref=ref)
        folder = _of_run(home, ref)
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise WizardError("no-adapter-there", ref=ref)
    return folder.resolve()


def _of_run(home: Home, run: str) -> Path:
    folder = runs.resolve(home, run)
    for stage in runs.plan_of(folder).stages:
        done = folder.stage(stage.folder).done
        if stage.name == "train" and done.is_file():
            told = json.loads(done.read_text(encoding="utf-8"))["outputs"]
            return Path(str(told.get("adapter", folder.path)))
    raise WizardError("no-adapter-there", ref=run)
