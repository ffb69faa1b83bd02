"""Models that tell classes: how many are right, F1 of each class, beside what always saying the commonest gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wizard.contract import EVALUATED, Result
from wizard.stages.desk import Bench
from wizard.stages.evaluating.figures import corpus, mean_of
from wizard.stages.evaluating.rows import held
from wizard.stages.evaluating.subjects import Subject, headed, number_type, scored
from wizard.stages.training import labels

MANY_ROWS = 8  # classes are told in a moment: so many times the rows whose loss is taken
SHOWN = 20  # classes with a line of their own


def measure(bench: Bench, subjects: Sequence[Subject]) -> tuple[list[Result], dict[str, Any]]:
    spec = bench.order.spec
    known = labels.kept(next(iter(bench.order.inputs["train"].values())))
    chosen = held(bench, MANY_ROWS * EVALUATED[str(spec.get("device", "cpu"))][0])
    settings = {**chosen.settings, "dtype": str(number_type(spec)).removeprefix("torch.")}
    if known is None:
        return [], {"rows": 0}
    wanted = [known.encoded(row["label"]) for row in chosen.rows]
    results = list(guessed(wanted, known, settings))
    for subject in headed(subjects):
        bench.phase(f"evaluate-{subject.kind}")
        scores = scored(subject, spec, [row["input_ids"] for row in chosen.rows], bench)
        results += told(subject.name, scores, wanted, known, settings)
    return results, {"rows": len(wanted), "classes": list(known.names)}


def guessed(wanted: Sequence[Any], known: labels.Labels, settings: Mapping[str, Any]) -> Iterator[Result]:
    if known.kind == "one":
        commonest, _ = Counter(wanted).most_common(1)[0]
        by = {**settings, "always": known.names[commonest]}
        yield mean_of("guess", "accuracy", [float(each == commonest) for each in wanted], None, by)


def told(
    name: str, scores: Sequence[Sequence[float]], wanted: Sequence[Any], known: labels.Labels, settings: Any
) -> Iterator[Result]:
    if known.kind == "number":
        off = [abs(score[0] - right) for score, right in zip(scores, wanted, strict=True)]
        yield mean_of(name, "mean_error", off, None, settings, "down")
        return
    given = [chosen(score, known) for score in scores]
    yield mean_of(
        name, "accuracy", [float(one == other) for one, other in zip(given, wanted, strict=True)], None, settings
    )
    each = f1(given, wanted, known)
    yield corpus(name, "macro_f1", sum(each) / len(each), len(wanted), settings)
    for label, value in list(zip(known.names, each, strict=True))[:SHOWN]:
        yield corpus(name, f"f1 {label}", value, len(wanted), settings)


def chosen(scores: Sequence[float], known: labels.Labels) -> Any:
    if known.kind == "many":
        return [float(score > 0) for score in scores]
    return max(range(len(scores)), key=lambda place: scores[place])


def f1(given: Sequence[Any], wanted: Sequence[Any], known: labels.Labels) -> list[float]:
    """Of each class in its order; 0 for one that was neither given nor wanted."""
    from sklearn.metrics import f1_score

    places = {"labels": list(range(len(known.names)))}
    return [float(each) for each in f1_score(wanted, given, average=None, zero_division=0, **places)]
