"""A second look at the offers need not record the memory law again, in whichever process it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wizard.fit.memory import forms, training
from wizard.journal import Home
from wizard.session import Desk, recordings


@pytest.fixture(autouse=True)
def another_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    forget(monkeypatch)
    yield
    recordings._recall.cache_clear()


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "_KNOWN", {})
    monkeypatch.setattr(forms, "_RECORDED", {})
    forms._instants.cache_clear()
    recordings._recall.cache_clear()


def looked(home: Home) -> list[tuple[Any, ...]]:
    found = Desk(home, pretend="rtx-4090").offers("sft", "qwen3-4b", terms=False)
    return [(each.recipe, each.knobs, each.peak_bytes, each.reserved_bytes, each.safe_bytes) for each in found]


def kept(home: Home) -> list[Path]:
    return list(home.cache.glob("recordings-*.json"))


def test_the_next_process_records_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.root.mkdir()
    first = looked(home)
    assert len(kept(home)) == 1
    forget(monkeypatch)

    def fail(step: Any) -> None:
        raise AssertionError(f"recorded again: {step}")

    monkeypatch.setattr(training, "instants", fail)
    assert looked(home) == first


def test_looking_alone_makes_no_home(home: Home) -> None:
    assert looked(home)
    assert not home.root.exists()


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00", "[" * 100_000])
def test_a_file_that_is_none_is_passed_over_and_written_anew(home: Home, content: str) -> None:
    assert looked(home)
    home.cache.mkdir(parents=True)
    path = home.cache / f"recordings-{recordings.code()}.json"
    path.write_text(content)
    forms._RECORDED.clear()
    forms._KNOWN.clear()
    assert looked(home)
    assert len(json.loads(path.read_text())) > 10


SIZE = [1, 0, 5, 0]


@pytest.mark.parametrize(
    "told",
    [
        1, None, [], [1, 2], [1, 2, 3], [None, None, None], [[], [], 0], [[SIZE], SIZE, 0], [[SIZE], [], "0"],
        [[[1, 2]], [], 0], [[["1", 0, 5, 0]], [], 0], [[[1.5, 0, 5, 0]], [], 0], [[[True, 0, 5, 0]], [], 0],
    ],
)  # fmt: skip
def test_what_is_no_recording_is_recorded_anew(told: Any) -> None:
    assert not recordings.whole(told)
    assert recordings.whole([[SIZE], [SIZE], 0])


def test_those_of_older_code_go_but_for_the_newest_and_what_is_somebodys_own_stays(home: Home) -> None:
    home.root.mkdir()
    home.cache.mkdir()
    older, newer, own = (home.cache / f"recordings-{mark}.json" for mark in ("0" * 12, "1" * 12, "mine"))
    for at, path in enumerate((older, newer, own)):
        path.write_text("{}")
        os.utime(path, (at, at))
    looked(home)
    assert [path.exists() for path in (older, newer, own)] == [False, True, True]
    assert len(kept(home)) == 3


def test_a_store_that_is_not_there_is_not_made(home: Home) -> None:
    home.root.mkdir()
    away = Home(home.root, home.root.parent / "unmounted")
    assert looked(away)
    assert not away.store.exists()


def test_a_disk_that_takes_nothing_costs_time_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.root.mkdir()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recordings, "write_atomic", full)
    assert looked(home)
    assert not kept(home)
