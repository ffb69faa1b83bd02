"""Models that write: merge the adapter in fp32, compare the greedy answers token by token, save in bf16."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ExitCode, WizardError
from wizard.stages import prompts
from wizard.stages.desk import Bench
from wizard.stages.loading import model_of, quantised_by, tokenizer_of
from wizard.stages.merging import others
from wizard.stages.merging.beside import kept_apart
from wizard.stages.merging.comparing import furthest, held_as
from wizard.stages.merging.saving import in_place, save
from wizard.stages.weights import check_adapter

FURTHEST = 0.05  # of two logits in fp32: 1e-4 is what rounding makes of them

if TYPE_CHECKING:
    from wizard.stages.answering import Speaker
    from wizard.stages.widening import Wide


def merge(bench: Bench) -> tuple[Path, dict[str, Any]]:
    order = bench.order
    base, adapter = order.input("fetch", "model"), order.input("train", "adapter")
    check_adapter(adapter)
    import torch
    from peft import PeftModel

    from wizard.stages.answering import Speaker
    from wizard.stages.widening import Wide

    device = order.spec.get("device", "cpu")
    bench.phase("load-model")
    held = quantised_by(base)  # then kernels of 16 bits compute it, and it takes no adapter in
    model: Any = model_of(base, dtype=torch.bfloat16 if held else held_as(order.spec), device_map=device).eval()
    speaker = Speaker(base, device, int(order.spec["max_new_tokens"]))
    questions = order.spec["questions"]
    wide = Wide()
    if not held:
        wide.cover(model)
    bench.phase("answer-before")
    before = [speaker.answer(model, question) for question in questions]
    bench.phase("merge-adapter")
    model = PeftModel.from_pretrained(model, adapter).eval()
    apart = bool(held) or order.spec.get("merge") == "apart"
    if not apart:
        others.added(model, adapter, order.spec.get("adapters", ()))
    if not held:
        wide.cover(model)
    if apart:
        return kept_apart(bench, model, speaker, before, taught=learn_end(bench, model, speaker))
    merged, parity = compared(model, wide, speaker, questions)
    if not wide.changed:
        raise WizardError("weights-unchanged", exit_code=ExitCode.FAILED, path=str(adapter))
    if not parity["equal"] or parity["max_logit_diff"] > FURTHEST:
        raise WizardError("merge-not-equal", exit_code=ExitCode.FAILED, diff=parity["max_logit_diff"])
    bench.phase("save-model")
    learn_end(bench, merged, speaker)
    part = save(merged, speaker.tokenizer, bench.folder / "merged.part")
    same = prompts.hold_library(order, tokenizer_of(part), part)
    return in_place(part, bench.folder / "merged"), {"before": before, "parity": parity, "prompts": same}


def compared(model: Any, wide: Wide, speaker: Speaker, questions: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """Greedy answers of base and adapter; the merged model must choose the same token at each place of them.

    As each token is chosen from the same ones before it, this is the same as comparing two greedy answers.
    """
    import torch

    prompts = [speaker.prompt(question) for question in questions]
    rows = [speaker.continued(model, prompt) for prompt in prompts]
    told = speaker.logits(model, rows)
    with wide.merged(model):
        fused = speaker.logits(model, rows)
    merged = wide.merge(model, torch.bfloat16)
    cast = speaker.logits(merged, rows)
    begins = [prompt.shape[1] for prompt in prompts]
    equal = all(
        torch.equal(said[begin - 1 : -1].argmax(-1), row[0, begin:])
        for said, row, begin in zip(fused, rows, begins, strict=True)
    )
    return merged, {
        "tokens": sum(row.shape[1] - begin for row, begin in zip(rows, begins, strict=True)),
        "equal": equal,
        "max_logit_diff": furthest(told, fused),
        "cast_logit_diff": furthest(told, cast),
    }


def learn_end(bench: Bench, model: Any, speaker: Speaker) -> bool:
    """An end that the training taught and the base does not know is named beside its own: else answers never stop.
    Whether there was one."""
    sheet = prompts.noted(bench.order)
    if taught := [end for end in (sheet.ends if sheet else ()) if end not in speaker.ends]:
        model.generation_config.eos_token_id = sorted({*speaker.ends, *taught})
        bench.note("end-learnt", token=speaker.tokenizer.decode(taught))
    return bool(taught)
