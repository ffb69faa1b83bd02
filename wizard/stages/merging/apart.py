"""Adapters that no linear layer can take in: the base and the adapter stay two, in one folder, and are served so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages import prompts
from wizard.stages.desk import Bench
from wizard.stages.loading import tokenizer_of
from wizard.stages.merging.causal import learn_end
from wizard.stages.merging.comparing import furthest, held_as
from wizard.stages.merging.saving import in_place, save
from wizard.stages.merging.whole import greedy, held_against, opened
from wizard.stages.voices import OWN, Voices
from wizard.stages.weights import check_adapter


def merge(bench: Bench) -> tuple[Path, dict[str, Any]]:
    order = bench.order
    base, adapter = order.input("fetch", "model"), order.input("train", "adapter")
    check_adapter(adapter)
    import torch

    from wizard.stages.answering import Speaker

    speaker = Speaker(base, order.spec.get("device", "cpu"), int(order.spec["max_new_tokens"]))
    bench.phase("load-model")
    model = opened(base, speaker.device, held_as(order.spec))
    bench.phase("answer-before")
    before = [speaker.answer(model, question) for question in order.spec["questions"]]
    bench.phase("answer-adapter")
    model = with_adapter(model, adapter)
    rows, begins = greedy(model, speaker, order.spec["questions"])
    told = speaker.logits(model, rows)
    changed = changed_numbers(model)
    if not changed:
        raise WizardError("weights-unchanged", exit_code=ExitCode.FAILED, path=str(adapter))
    del model
    bench.phase("save-model")
    model = opened(base, speaker.device, torch.bfloat16)
    learn_end(bench, model, speaker)
    part = save(model, speaker.tokenizer, bench.folder / "merged.part")
    shutil.copytree(adapter, part / OWN)
    cast = speaker.logits(with_adapter(opened(base, speaker.device, torch.bfloat16), adapter), rows)
    del model
    again = speaker.logits(with_adapter(opened(part, speaker.device, torch.bfloat16), part / OWN), rows)
    parity = {
        **held_against(cast, again, begins),
        "cast_logit_diff": furthest(told, cast),
        "changed": changed,
    }
    same = prompts.hold_library(order, tokenizer_of(part), part)
    return in_place(part, bench.folder / "merged"), {"before": before, "parity": parity, "prompts": same}


def with_adapter(model: Any, folder: Path) -> Any:
    return Voices(model, {"": folder}, "").network.eval()


def changed_numbers(model: Any) -> int:
    """Adapters whose way up is not the zero that it began as."""
    from wizard.tuners.bottleneck import NAME

    return sum(bool(getattr(module, NAME)[-1].weight.any()) for module in model.modules() if hasattr(module, NAME))
