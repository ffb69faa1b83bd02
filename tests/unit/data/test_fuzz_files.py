"""Damaged binaries of every kind end in a report or a Problem: no traceback, no panic, no hang."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from types import FrameType

import pytest

from wizard.contract import DataReport
from wizard.data.readers import inspect
from wizard.errors import WizardError

PATIENCE_SECONDS = 20
CARELESS = ("bomb.jsonl.gz",)  # large on purpose


def mutated(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(data) + 1)
        to = min(len(data), at + chance.randrange(30))
        piece = chance.choice([b"", chance.randbytes(3), b"\0" * 8, b"\xff" * 8, data[at:to] * 2, b"\x7f\xff\xff\xff"])
        data = data[:at] + piece + data[chance.choice([at, to, min(len(data), at + len(piece))]) :]
    return data[: chance.randrange(len(data) + 1)] if chance.random() < 0.2 else data


def looked_at(path: Path) -> None:
    def too_long(number: int, frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(PATIENCE_SECONDS)
    try:
        report = inspect(path)
        assert isinstance(report, DataReport)
    except WizardError as error:
        assert error.problem.params["path"].startswith(str(path))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def hammered(corpus: Path, folder: Path, files: int, seed: int, suffixes: tuple[str, ...] = ()) -> None:
    chance = random.Random(seed)
    seeds = [path for path in sorted(corpus.iterdir()) if path.is_file() and path.name not in CARELESS]
    seeds = [path for path in seeds if not suffixes or path.suffix in suffixes]
    seeds = [path for path in seeds if path.name not in ("make.py", "expected.json")]
    for number in range(files):
        model = chance.choice(seeds)
        path = folder / f"f{model.suffix if chance.random() < 0.8 else ''}"
        path.write_bytes(mutated(model.read_bytes(), chance))
        try:
            looked_at(path)
        except BaseException as error:
            raise AssertionError(f"{number}: {model.name} of seed {seed}: {error!r}") from error


def test_any_binary_ends_in_a_report_or_a_problem(corpus_of_files: Path, tmp_path: Path) -> None:
    hammered(corpus_of_files, tmp_path, 300, 5)


def test_any_archive_does(corpus_of_files: Path, tmp_path: Path) -> None:
    hammered(corpus_of_files, tmp_path, 2000, 5, (".zip", ".gz", ".zst"))


@pytest.mark.soak
def test_ten_thousand_of_them_do(corpus_of_files: Path, tmp_path: Path) -> None:
    hammered(corpus_of_files, tmp_path, 10_000, 6)
