"""Models that make vectors: of each question, where its own text stands among all texts of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wizard.contract import EVALUATED, Result
from wizard.stages.desk import Bench
from wizard.stages.evaluating.ranks import rank_of, results_of
from wizard.stages.evaluating.rows import held
from wizard.stages.evaluating.subjects import Subject, emptied, number_type
from wizard.stages.loading import encoder_of
from wizard.stages.prepared import Row


def measure(bench: Bench, subjects: Sequence[Subject]) -> tuple[list[Result], dict[str, Any]]:
    spec = bench.order.spec
    chosen = held(bench, EVALUATED[str(spec.get("device", "cpu"))][0])
    texts = list(dict.fromkeys(text for row in chosen.rows for text in (row["positive"], *row["negatives"])))
    settings = {**chosen.settings, "texts": len(texts), "dtype": str(number_type(spec)).removeprefix("torch.")}
    ranks: dict[str, list[int]] = {}
    results: list[Result] = []
    for subject in subjects:
        bench.phase(f"evaluate-{subject.name}")
        ranks[subject.name] = found = ranked(subject, spec, chosen.rows, texts)
        results += results_of(subject.name, found, ranks.get("base") if subject.name != "base" else None, settings)
        bench.progress(len(ranks), len(subjects), "models")
    return results, {"rows": len(chosen.rows)}


def ranked(subject: Subject, spec: Any, rows: Sequence[Row], texts: Sequence[str]) -> list[int]:
    """Of each row's positive, by the cosine to its anchor."""
    device, limit = str(spec.get("device", "cpu")), int(spec["seq_len"])
    encoder = encoder_of(subject.folder, limit, device, dtype=number_type(spec)).eval()
    asked, told = (encoder.encode(list(each), convert_to_tensor=True).float() for each in (anchors(rows), texts))
    near = (asked / asked.norm(dim=1, keepdim=True)) @ (told / told.norm(dim=1, keepdim=True)).T
    del encoder
    emptied()
    places = {text: place for place, text in enumerate(texts)}
    return [rank_of(near[at].tolist(), places[row["positive"]]) for at, row in enumerate(rows)]


def anchors(rows: Sequence[Row]) -> list[str]:
    return [row["anchor"] for row in rows]
