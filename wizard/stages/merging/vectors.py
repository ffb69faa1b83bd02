"""Models that make vectors: the adapter merged in fp32, each text's vector the same before and after, saved in bf16 (in
fp32 where that would lose what was learnt) in the layout of sentence-transformers, which vLLM reads too."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError
from wizard.stages.desk import Bench, Order
from wizard.stages.loading import encoder_of
from wizard.stages.merging.saving import in_place
from wizard.stages.weights import check_adapter

NEAR = 1e-4  # between numbers of vectors of length 1
ROUNDED = 0.05  # of the same, read back from what was saved: another model's are further away
LOST = 0.5  # of what was learnt: 2 steps on 60 rows moved a number by 0.23, of which 16 bits rounded 0.15 away
TEXTS = 20  # of the data, among which a question's nearest is looked for
ALWAYS = "Hello"  # where there is nothing else to compare by


def merge(bench: Bench) -> tuple[Path, dict[str, Any]]:
    import torch

    order, device = bench.order, bench.order.spec.get("device", "cpu")
    bench.phase("load-model")
    limit = int(order.spec["seq_len"])

    def held(folder: Path, number: Any = torch.float32) -> Any:
        return encoder_of(folder, limit, device, dtype=number).eval()

    encoder = held(order.input("fetch", "model"))
    questions, texts = order.spec["questions"], texts_of(order)
    asked = [*questions, *texts] or [ALWAYS]
    bench.phase("answer-before")
    before, untaught = nearest(encoder, questions, texts), vectors(encoder, asked)
    bench.phase("merge-adapter")
    encoder, told = taught(order, encoder, held, asked)
    parity = compared(order, told, vectors(encoder, asked), untaught)
    parity["tokens"] = sum(len(ids) for ids in encoder.tokenizer(asked)["input_ids"])
    bench.phase("save-model")
    part = bench.folder / "merged.part"
    saved = held(written(encoder.to(torch.bfloat16), part), torch.bfloat16)
    if furthest(told, vectors(saved, asked)) > min(ROUNDED, LOST * furthest(told, untaught)):
        encoder, _ = taught(order, held(order.input("fetch", "model")), held, asked)
        saved = held(written(encoder, part))
        bench.note("merged-in-fp32", "warning")
    parity["cast_logit_diff"] = furthest(told, vectors(saved, asked))
    if parity["cast_logit_diff"] > ROUNDED:
        raise WizardError("scores-not-equal", exit_code=ExitCode.FAILED, diff=parity["cast_logit_diff"])
    after = nearest(saved, questions, texts)
    result = {"before": before, "after": after, "texts": texts, "parity": parity}
    return in_place(part, bench.folder / "merged"), result


def compared(order: Order, told: Any, fused: Any, untaught: Any) -> dict[str, Any]:
    parity = {
        "equal": furthest(told, fused) < NEAR,
        "changed": furthest(told, untaught) > 0,
        "max_logit_diff": furthest(told, fused),
    }
    if not parity["equal"]:
        raise WizardError("scores-not-equal", exit_code=ExitCode.FAILED, diff=parity["max_logit_diff"])
    if not parity["changed"]:
        path = next(iter(order.inputs["train"].values()))
        raise WizardError("scores-not-changed", exit_code=ExitCode.FAILED, path=str(path))
    return parity


def taught(order: Order, base: Any, held: Callable[[Path], Any], asked: Sequence[str]) -> tuple[Any, Any]:
    """The encoder as one model, and the vectors that it makes with the adapter still beside it."""
    if "model" in order.inputs["train"]:
        whole = held(order.input("train", "model"))
        return whole, vectors(whole, asked)
    told = vectors(laid_on(base, order.input("train", "adapter")), asked)
    return merged(base), told


def written(encoder: Any, part: Path) -> Path:
    shutil.rmtree(part, ignore_errors=True)
    encoder.save_pretrained(str(part), create_model_card=False)
    return part


def texts_of(order: Order) -> list[str]:
    """The first texts of the data, each once."""
    from datasets import Dataset

    path = order.input("prepare", "rows")
    if path.suffix != ".arrow":
        return []
    rows = Dataset.from_file(str(path))
    return list(dict.fromkeys(rows["positive"][:TEXTS]))


def laid_on(encoder: Any, adapter: Path) -> Any:
    check_adapter(adapter)
    from peft import PeftModel

    encoder[0].model = PeftModel.from_pretrained(encoder[0].model, adapter)
    return encoder.eval()


def merged(encoder: Any) -> Any:
    encoder[0].model = encoder[0].model.merge_and_unload()
    return encoder


def nearest(encoder: Any, questions: Sequence[str], texts: Sequence[str]) -> list[str]:
    """To each question the text of the data whose vector is closest."""
    if not texts or not questions:
        return []
    near = vectors(encoder, questions) @ vectors(encoder, texts).T
    return [texts[int(row.argmax())] for row in near]


def vectors(encoder: Any, texts: Sequence[str]) -> Any:
    """One row a text, fp32."""
    return encoder.encode(list(texts), convert_to_tensor=True).float()


def furthest(ones: Any, others: Any) -> float:
    return float((ones - others).abs().max())
