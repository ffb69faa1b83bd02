"""Models that score answers: how often the better of two has the higher score (Lambert et al., arXiv:2403.13787)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wizard.contract import EVALUATED, Result
from wizard.stages.desk import Bench
from wizard.stages.evaluating.figures import corpus, mean_of
from wizard.stages.evaluating.rows import held
from wizard.stages.evaluating.subjects import Subject, headed, number_type, scored

HALF = 0.5  # right by the toss of a coin


def measure(bench: Bench, subjects: Sequence[Subject]) -> tuple[list[Result], dict[str, Any]]:
    spec = bench.order.spec
    chosen = held(bench, EVALUATED[str(spec.get("device", "cpu"))][0])
    settings = {**chosen.settings, "dtype": str(number_type(spec)).removeprefix("torch.")}
    sides = [[*row["prompt_ids"], *row[side]] for side in ("chosen_ids", "rejected_ids") for row in chosen.rows]
    results = [corpus("guess", "pair_accuracy", HALF, len(chosen.rows), settings)]
    for subject in headed(subjects):
        bench.phase(f"evaluate-{subject.kind}")
        found = [each[0] for each in scored(subject, spec, sides, bench)]
        better, worse = found[: len(chosen.rows)], found[len(chosen.rows) :]
        right = [float(one > other) for one, other in zip(better, worse, strict=True)]
        results.append(mean_of(subject.name, "pair_accuracy", right, None, settings))
    return results, {"rows": len(chosen.rows)}
