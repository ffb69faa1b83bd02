from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from wizard import words
from wizard.contract import DataReport, Rejected
from wizard.data.readers import inspect
from wizard.data.shape import Converted, DataFault, recognise, to_example
from wizard.errors import WizardError

FILES = 2000
SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".txt", ".md", "")
BITS = (b"\0", b"\xff\xfe", b'"', b"{", b"[", b"]", b"}", b"\n", b"\r", b",", b"\\", b"\xe4", b"null", b"1e999", b"NaN")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1.5, float("nan"), float("inf"), "", " ", "nan", "text", "<image>", "[]", "{}", "[{",
    "true", [], {}, [None], [[]], [{}], {"role": "user"}, {"bytes": None}, {"text": []}, ["a", 1], b"\0",
    10**400, "\ud800",
)  # fmt: skip


def _mutated(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.randrange(40))
        piece = chance.choice([b"", chance.choice(BITS), chance.randbytes(3), data[at:to] * 2, b"[" * 2000])
        data = data[:at] + piece + data[chance.choice([at, to]) :]
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.2 else data


def _ends_well(path: Path) -> bool:
    try:
        report = inspect(path)
    except WizardError:
        return True
    assert isinstance(report, DataReport)
    return report.rows == report.usable + sum(report.reasons.values())


def _seeds(corpus: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(corpus.iterdir()) if path.is_file() and path.name != "expected.json"]


@pytest.mark.parametrize("files", [FILES, pytest.param(5 * FILES, marks=pytest.mark.soak)])
def test_any_bytes_end_in_a_report_or_a_problem(corpus: Path, tmp_path: Path, files: int) -> None:
    chance = random.Random(files)
    seeds = _seeds(corpus)
    for number in range(files):
        path = tmp_path / f"rows{chance.choice(SUFFIXES)}"
        path.write_bytes(_mutated(chance.choice(seeds), chance))
        assert _ends_well(path), number


def _changed(value: Any, chance: random.Random) -> Any:
    """The same with a value or two in it replaced by another kind's."""
    if chance.random() < 0.15:
        return chance.choice(VALUES)
    if isinstance(value, dict):
        return {key: _changed(each, chance) for key, each in value.items() if chance.random() > 0.05}
    if isinstance(value, list):
        return [_changed(each, chance) for each in value]
    return value


def _is_sound(converted: Converted) -> bool:
    """A reason has words; an example can be counted, and written down."""
    if isinstance(converted, Rejected):
        return words.known(f"reject.{converted.code}")
    talks = [converted.messages, converted.rejected, *converted.positives, *converted.negatives]
    json.dumps(converted.as_json(), sort_keys=True, default=str)
    return all(isinstance(turn["content"], str) for talk in talks for turn in talk)


@pytest.mark.parametrize("rounds", [20, pytest.param(400, marks=pytest.mark.soak)])
def test_any_values_in_a_known_shape_end_in_an_example_or_a_reason(corpus: Path, rounds: int) -> None:
    chance = random.Random(rounds)
    for path in sorted(corpus.glob("*.jsonl")):
        try:
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        except ValueError:
            continue
        for _ in range(rounds):
            changed = [_changed(row, chance) for row in rows]
            try:
                shape = recognise(rows if chance.random() < 0.5 else changed)
            except DataFault:
                continue
            for row in changed:
                assert _is_sound(to_example(shape, row)), row
