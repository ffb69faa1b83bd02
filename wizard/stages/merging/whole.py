"""Models that were trained as a whole, or grown: that they changed, and that plain transformers reads back what is
saved in bf16 and answers as the model in memory does."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard.errors import ExitCode, WizardError
from wizard.stages import prompts
from wizard.stages.desk import Bench
from wizard.stages.loading import model_of, tokenizer_of
from wizard.stages.merging.causal import learn_end
from wizard.stages.merging.comparing import furthest, halved, held_as
from wizard.stages.merging.saving import in_place, save
from wizard.stages.weights import check_model, shards

if TYPE_CHECKING:
    from wizard.stages.answering import Speaker


def merge(bench: Bench) -> tuple[Path, dict[str, Any]]:
    order = bench.order
    base, trained = order.input("fetch", "model"), order.input("train", "model")
    check_model(trained)
    import torch

    from wizard.stages.answering import Speaker

    speaker = Speaker(base, order.spec.get("device", "cpu"), int(order.spec["max_new_tokens"]))
    bench.phase("load-model")
    model = opened(base, speaker.device, held_as(order.spec))
    bench.phase("answer-before")
    before = [speaker.answer(model, question) for question in order.spec["questions"]]
    del model
    bench.phase("compare-weights")
    changed = changed_weights(base, trained)
    if not changed:
        raise WizardError("weights-unchanged", exit_code=ExitCode.FAILED, path=str(trained))
    model = opened(trained, speaker.device, held_as(order.spec))
    rows, begins = greedy(model, speaker, order.spec["questions"])
    told = speaker.logits(model, rows)
    cast = speaker.logits(halved(model), rows)
    bench.phase("save-model")
    model.generation_config = generation_of(base) or model.generation_config
    learn_end(bench, model, speaker)
    part = save(model, speaker.tokenizer, bench.folder / "merged.part")
    del model
    again = speaker.logits(opened(part, speaker.device, torch.bfloat16), rows)
    parity = {
        **held_against(cast, again, begins),
        "cast_logit_diff": furthest(told, cast),
        "changed": changed,
    }
    same = prompts.hold_library(order, tokenizer_of(part), part)
    return in_place(part, bench.folder / "merged"), {"before": before, "parity": parity, "prompts": same}


def opened(folder: Path, device: str, number: Any) -> Any:
    """Held as `number`, computed in fp32."""
    import torch

    from wizard.stages.widening import Wide

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    model = model_of(folder, dtype=number, device_map=device).eval()
    Wide().cover(model)
    return model


def greedy(model: Any, speaker: Speaker, questions: Sequence[str]) -> tuple[list[Any], list[int]]:
    """Prompts with their answers as rows of token ids, and where the answers begin."""
    asked = [speaker.prompt(question) for question in questions]
    return [speaker.continued(model, prompt) for prompt in asked], [prompt.shape[1] for prompt in asked]


def held_against(ones: Sequence[Any], others: Sequence[Any], begins: Sequence[int]) -> dict[str, Any]:
    """Logits in memory against those of what was saved. Raises `saved-not-equal` where another token comes first."""
    import torch

    pairs = list(zip(ones, others, begins, strict=True))
    diff = furthest(ones, others)
    if not all(torch.equal(a[begin - 1 : -1].argmax(-1), b[begin - 1 : -1].argmax(-1)) for a, b, begin in pairs):
        raise WizardError("saved-not-equal", exit_code=ExitCode.FAILED, diff=diff)
    return {"tokens": sum(one.shape[0] - begin for one, _, begin in pairs), "equal": True, "max_logit_diff": diff}


def changed_weights(base: Path, trained: Path) -> int:
    """How many of the trained model's weights are not the base's: other numbers, another shape, or new ones."""
    import torch

    found, held = 0, dict(opened_files(base))
    for name, file in opened_files(trained):
        weight = file.get_tensor(name)
        old = held[name].get_tensor(name) if name in held else None
        found += old is None or old.shape != weight.shape or not torch.equal(old.to(weight.dtype), weight)
    return found


def opened_files(folder: Path) -> Iterator[tuple[str, Any]]:
    """Each weight's name and the file that has it, mapped into memory."""
    from safetensors import safe_open

    for shard in shards(folder):
        file = safe_open(folder / shard, framework="pt")
        yield from ((name, file) for name in sorted(file.keys()))


def generation_of(folder: Path) -> Any:
    """How the base wants to be sampled, which the training has not changed."""
    from transformers import GenerationConfig

    return GenerationConfig.from_pretrained(folder) if (folder / "generation_config.json").is_file() else None
