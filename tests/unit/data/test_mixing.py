"""Several sources as one: shares, repeats, kinds, and data that changed since."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from wizard.contract import DataSource, Line, Rejected
from wizard.data.files import identity_of, listing, open_sources
from wizard.data.shape import DataFault


def written(path: Path, *asked: str, broken: int = 0) -> Path:
    path.parent.mkdir(exist_ok=True)
    rows = [json.dumps({"question": each, "answer": "a"}) + "\n" for each in asked]
    path.write_text("".join(rows) + "{broken\n" * broken)
    return path


def told(path: Path, **more: Any) -> dict[str, Any]:
    return asdict(DataSource(ref=str(path), **more))


def asked(sources: list[dict[str, Any]], seed: int = 0) -> list[str]:
    found = [example for _, example in open_sources(sources, seed)]
    return [example.messages[0]["content"] for example in found if not isinstance(example, Rejected)]


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    return written(tmp_path / "ten.jsonl", *"0123456789", broken=1)


def test_sources_follow_one_another(tmp_path: Path, ten: Path) -> None:
    other = written(tmp_path / "other.jsonl", "x", "y")
    assert asked([told(ten), told(other)]) == [*"0123456789", "x", "y"]


def test_a_sample_has_no_row_twice_keeps_their_order_and_is_drawn_by_the_seed(ten: Path) -> None:
    drawn = [asked([told(ten, samples=4)], seed) for seed in range(20)]
    assert all(len(set(each)) == 4 and each == sorted(each) for each in drawn)
    assert asked([told(ten, samples=4)], 3) == drawn[3]
    assert set().union(*drawn) == set("0123456789")


def test_more_than_there_is_repeats_all_before_any_is_drawn_again(ten: Path) -> None:
    counts = Counter(asked([told(ten, samples=23)]))
    assert sorted(counts.values()) == [2] * 7 + [3] * 3


@pytest.mark.parametrize(("times", "rows"), [(2.0, 20), (0.5, 5), (1.25, 12), (0.01, 0)])
def test_a_weight_is_how_often_each_row_counts(ten: Path, times: float, rows: int) -> None:
    assert len(asked([told(ten, times=times)])) == rows


def test_a_rejected_row_is_told_once_whatever_share_is_taken(ten: Path) -> None:
    for share in ({"samples": 3}, {"samples": 35}, {"times": 2.0}, {"times": 0.01}):
        found = [example for _, example in open_sources([told(ten, **share)]) if isinstance(example, Rejected)]
        assert [(row.line, row.code) for row in found] == [(11, "bad-json")]


def test_each_row_knows_its_file_and_its_line(tmp_path: Path, ten: Path) -> None:
    folder = tmp_path / "more"
    written(folder / "a.jsonl", "x")
    written(folder / "b.jsonl", "y", broken=1)
    places = [
        (line.file.removeprefix(f"{tmp_path}/"), int(line))
        for line, _ in open_sources([told(ten, samples=1), told(folder)])
        if isinstance(line, Line)
    ]
    assert places[1:] == [("ten.jsonl", 11), ("more/a.jsonl", 1), ("more/b.jsonl", 1), ("more/b.jsonl", 2)]
    assert json.dumps([Line(3, "a")]) == "[3]"


def test_each_source_is_read_in_its_own_way(tmp_path: Path, ten: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_bytes("甲,乙\n問,答\n".encode("big5"))
    mapping = {"question": "甲", "answer": "乙"}
    assert asked([told(ten, samples=1), told(other, encoding="big5", format="qa", mapping=mapping)])[1:] == ["問"]


def test_two_kinds_are_not_mixed(tmp_path: Path, ten: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("Words.\n")
    with pytest.raises(DataFault) as caught:
        open_sources([told(ten), told(text)])
    assert caught.value.problem.code == "data-kinds-mixed"


def test_data_that_changed_or_went_is_refused_before_any_row(tmp_path: Path, ten: Path) -> None:
    folder = tmp_path / "more"
    written(folder / "a.jsonl", "x")
    for path, change in ((ten, ten), (folder, folder / "a.jsonl"), (folder, folder / "b.jsonl")):
        source = told(path, sha256=identity_of(listing(path)))
        assert asked([source])
        written(change, "other")
        with pytest.raises(DataFault) as caught:
            open_sources([source])
        assert caught.value.problem.code == "data-changed"
    ten.unlink()
    with pytest.raises(DataFault) as caught:
        open_sources([told(ten)])
    assert caught.value.problem.code == "data-gone"


def test_what_lies_hidden_beside_the_data_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "more"
    written(folder / "a.jsonl", "x")
    before = identity_of(listing(folder))
    (folder / ".lock").write_text("")
    (folder / "README.md").write_text("# about")
    assert identity_of(listing(folder)) == before


def test_packed_sources_are_shared_out_too(tmp_path: Path, ten: Path) -> None:
    packed = tmp_path / "ten.jsonl.gz"
    packed.write_bytes(gzip.compress(ten.read_bytes()))
    assert asked([told(packed, samples=4)]) == asked([told(ten, samples=4)])
