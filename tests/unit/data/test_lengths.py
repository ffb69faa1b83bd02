"""What a report says of all rows: their lengths, before there is a tokenizer, and those that are twice there."""

from __future__ import annotations

import json
from pathlib import Path

from wizard.data.readers import inspect

TURNS = 2 * 6  # tokens around a question and its answer


def written(path: Path, *pairs: tuple[str, str]) -> Path:
    path.write_text("".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in pairs), encoding="utf-8")
    return path


def test_letters_are_a_quarter_of_a_token_and_other_signs_a_whole_one(tmp_path: Path) -> None:
    report = inspect(written(tmp_path / "rows.jsonl", ("a" * 40, "b" * 8), ("你好", "好"), ("abc 好", "x")))
    assert report.lengths == {TURNS + 12: 1, TURNS + 3: 2}
    assert sum(report.lengths.values()) == report.usable


def test_rows_that_are_the_same_are_counted_from_the_second_on(tmp_path: Path) -> None:
    rows = [("q", "a"), ("q", "b"), ("q", "a"), ("q", "a"), ("qa", "")]
    report = inspect(written(tmp_path / "rows.jsonl", *rows))
    assert (report.duplicates, report.usable) == (2, 4)
