"""More adapters of the same base than the one that was trained: added to it, or laid beside it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json
from wizard.stages.voices import MORE
from wizard.stages.weights import check_adapter

CONFIG = "adapter_config.json"
Others = Sequence[Mapping[str, Any]]  # path and weight of each


def added(model: Any, adapter: Path, others: Others) -> None:
    """Base + its adapter + the others, each times its weight: what LoRA adds to a layer is a sum (arXiv 2106.09685,
    section 4.1), so that several are merged one after another. `model`: PEFT's, with `adapter` in force."""
    if not others:
        return
    for path in (adapter, *(Path(each["path"]) for each in others)):
        if not adds(path):
            raise WizardError("adapter-does-not-add", exit_code=ExitCode.FAILED, path=str(path))
    names = list(model.active_adapters)
    for number, each in enumerate(others, start=1):
        laid(model, Path(each["path"]), name := f"other-{number}")
        scale(model, name, float(each["weight"]))
        names.append(name)
    model.base_model.set_adapter(names, inference_mode=True)


def adds(folder: Path) -> bool:
    """Whether it is a LoRA whose layers are sums of the base's and its own: DoRA's also scale the base's."""
    told = read_json(folder / CONFIG)
    return told.get("peft_type") == "LORA" and not told.get("use_dora")


def laid(model: Any, folder: Path, name: str) -> None:
    check_adapter(folder)
    try:
        model.load_adapter(folder, adapter_name=name)
    except (RuntimeError, ValueError, KeyError) as error:  # sizes or layers that this base has not
        told = " ".join(str(error).split())[:200]
        problem = {"path": str(folder), "error": told}
        raise WizardError("adapter-of-another-base", exit_code=ExitCode.FAILED, **problem) from error


def scale(model: Any, name: str, weight: float) -> None:
    from wizard.stages.widening import adapted

    for layer in adapted(model):
        if name in layer.scaling:
            layer.set_scale(name, weight)


def beside(folder: Path, others: Others) -> None:
    """As `adapters/NAME` of the model's folder: NAME is what a request asks for."""
    for each in others:
        check_adapter(path := Path(each["path"]))
        shutil.copytree(path, folder / MORE / str(each["name"]))
