from __future__ import annotations

import random
from pathlib import Path

from wizard.contract import DataReport
from wizard.data.readers import inspect
from wizard.errors import WizardError

FILES = 2000
SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".txt", ".md", "")
BITS = (b"\0", b"\xff\xfe", b'"', b"{", b"[", b"]", b"}", b"\n", b"\r", b",", b"\\", b"\xe4", b"null", b"1e999", b"NaN")


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


def test_any_bytes_end_in_a_report_or_a_problem(corpus: Path, tmp_path: Path) -> None:
    chance = random.Random(3)
    seeds = [path.read_bytes() for path in sorted(corpus.iterdir()) if path.name != "expected.json"]
    for number in range(FILES):
        path = tmp_path / f"rows{chance.choice(SUFFIXES)}"
        path.write_bytes(_mutated(chance.choice(seeds), chance))
        assert _ends_well(path), number
