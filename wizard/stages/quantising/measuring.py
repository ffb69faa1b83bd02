"""How good a model is on rows, and what it answers: the same before and after it was quantised."""

from __future__ import annotations

import gc
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from wizard.stages.desk import Bench
from wizard.stages.quantising.rows import Sample

WORST = 1e9
AT_ONCE = 8  # rows


def measured(bench: Bench, folder: Path, samples: Sequence[Sample], device: str, dtype: Any) -> dict[str, Any]:
    """`perplexity` of the samples' answers, `answers` to the questions (greedy), and `seconds` of each."""
    from wizard.stages.answering import Speaker
    from wizard.stages.loading import model_of

    spec = bench.order.spec
    model = model_of(folder, dtype=dtype, device_map=device).eval()
    speaker = Speaker(folder, device, int(spec["max_new_tokens"]))
    read = round(perplexity(bench, model, samples, device), 4)
    if spec["questions"]:
        bench.phase("ask")  # which may take longer than what was counted
    answers = [speaker.answer(model, question) for question in spec["questions"]]
    del model
    let_go()
    return {"perplexity": read, "answers": answers}


def perplexity(bench: Bench, model: Any, samples: Sequence[Sample], device: str) -> float:
    """e to the mean loss of a token that counts, each token alike (Jelinek et al. 1977); `WORST` where it is no number.

    Several rows go at once: weights in few bits are unpacked anew each time.
    """
    import torch

    from wizard.stages.evaluating.losses import mean, summed

    losses = []
    for start in range(0, len(samples), AT_ONCE):
        batch = samples[start : start + AT_ONCE]
        ids = padded([row.ids for row in batch], 0, device)
        seen = padded([[1] * len(row.ids) for row in batch], 0, device)
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=seen).logits
            losses += [summed(told, row.labels) for told, row in zip(logits, batch, strict=True)]
        bench.progress(start + len(batch), len(samples), "rows")
    loss = mean(losses)
    return math.exp(loss) if loss < math.log(WORST) else WORST  # of what is no number this is true too


def padded(rows: Sequence[Sequence[int]], filler: int, device: str) -> Any:
    """Filled up at their ends: what is read before is not changed by it."""
    import torch

    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows], device=device)


def let_go() -> None:
    """What a model held is given back before the next one comes."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
