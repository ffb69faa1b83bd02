"""An adapter that is kept apart by choice: the base as it is, and `adapter/` in the same folder, served as two.

Weights are linked, not copied, where the disk allows it; small files are copies, so that none of the base's is touched.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ExitCode, WizardError
from wizard.stages import prompts
from wizard.stages.desk import Bench
from wizard.stages.loading import tokenizer_of
from wizard.stages.merging import others
from wizard.stages.merging.comparing import furthest
from wizard.stages.merging.saving import in_place
from wizard.stages.voices import OWN

if TYPE_CHECKING:
    from wizard.stages.answering import Speaker

WEIGHTS = ".safetensors"


def kept_apart(
    bench: Bench, model: Any, speaker: Speaker, before: list[str], *, taught: bool
) -> tuple[Path, dict[str, Any]]:
    """`model`: base and adapter; `taught`: an end that its generation_config has and the base's file has not. Proves
    that the adapter says something; raises weights-unchanged."""
    order = bench.order
    base, adapter = order.input("fetch", "model"), order.input("train", "adapter")
    prompt = [speaker.prompt(question) for question in order.spec["questions"]]
    rows = [speaker.continued(model, each) for each in prompt]
    told = speaker.logits(model, rows)
    with model.disable_adapter():
        if furthest(told, speaker.logits(model, rows)) == 0:
            raise WizardError("weights-unchanged", exit_code=ExitCode.FAILED, path=str(adapter))
    bench.phase("save-model")
    part = bench.folder / "merged.part"
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(base, part, copy_function=linked)
    shutil.copytree(adapter, part / OWN)
    others.beside(part, order.spec.get("adapters", ()))
    if taught:
        model.generation_config.save_pretrained(part)
    same = prompts.hold_library(order, tokenizer_of(part), part)
    tokens = sum(row.shape[1] - each.shape[1] for row, each in zip(rows, prompt, strict=True))
    parity = {"tokens": tokens, "equal": True, "max_logit_diff": 0.0, "cast_logit_diff": 0.0}
    return in_place(part, bench.folder / "merged"), {"before": before, "parity": parity, "prompts": same}


def linked(source: str, target: str) -> str:
    if source.endswith(WEIGHTS):
        try:
            os.link(os.path.realpath(source), target)
            return target
        except OSError:
            pass  # another disk, or one that has no links
    return str(shutil.copy2(source, target))
