"""What a set of labels is: one class a row, several of them, or a number to predict. Kept beside what was trained."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json, write_json

FILE = "labels.json"
MOST_CLASSES = 10_000
PROBLEMS = {
    "one": "single_label_classification",
    "many": "multi_label_classification",
    "number": "regression",
}


@dataclass(frozen=True, slots=True)
class Labels:
    kind: Literal["one", "many", "number"]
    names: tuple[str, ...]  # of the classes, in their order; empty for numbers

    @property
    def outputs(self) -> int:
        return max(1, len(self.names))

    @property
    def settings(self) -> dict[str, Any]:
        """Of transformers' configuration of a model with such a head."""
        classes = dict(enumerate(self.names))
        told = {"id2label": classes, "label2id": {name: number for number, name in classes.items()}} if classes else {}
        return {"num_labels": self.outputs, "problem_type": PROBLEMS[self.kind], **told}

    def encoded(self, label: str) -> int | float | list[float]:
        """`label`: a row's, as JSON. A class's place, a row of zeros and ones, or the number."""
        value = json.loads(label)
        if self.kind == "number":
            return float(value)
        if self.kind == "one":
            return self.names.index(named(value))
        held = {named(each) for each in value}
        return [float(name in held) for name in self.names]


def labels_of(labels: Iterable[str]) -> Labels:
    """`labels`: of all rows, as JSON. Raises the Problem of labels from which nothing can be told apart."""
    values = [json.loads(label) for label in labels]
    if any(isinstance(value, list) for value in values):
        names = {named(each) for value in values for each in (value if isinstance(value, list) else [value])}
        return checked(Labels("many", in_order(names)))
    if any(isinstance(value, float) for value in values):
        return Labels("number", ())
    return checked(Labels("one", in_order({named(value) for value in values})))


def named(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Numbers by their size, words by the alphabet."""
    return tuple(sorted(names, key=rank))


def rank(name: str) -> tuple[bool, int, str]:
    return (False, int(name), name) if name.lstrip("-").isdecimal() else (True, 0, name)


def checked(labels: Labels) -> Labels:
    if not (1 if labels.kind == "many" else 2) <= len(labels.names) <= MOST_CLASSES:
        told = {"count": len(labels.names), "first": ", ".join(labels.names[:3]), "most": MOST_CLASSES}
        raise WizardError("labels-not-told-apart", exit_code=ExitCode.FAILED, **told)
    return labels


def keep(labels: Labels, folder: Path) -> None:
    write_json(folder / FILE, asdict(labels))


def kept(trained: str) -> Labels | None:
    """`trained`: the folder that the train stage left; None for a head that has no classes."""
    file = Path(trained).parent / FILE
    told = read_json(file)
    return Labels(told["kind"], tuple(told["names"])) if told else None
