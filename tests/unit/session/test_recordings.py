"""A second look at the offers need not record the memory law again, in whichever process it is."""

from __future__ import annotations

import json
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


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', '{"a": [1, 2]}', "\x00"])
def test_a_file_that_is_none_is_passed_over_and_written_anew(home: Home, content: str) -> None:
    home.root.mkdir()
    home.cache.mkdir()
    path = home.cache / f"recordings-{recordings._code()}.json"
    path.write_text(content)
    assert looked(home)
    assert len(json.loads(path.read_text())) > 10


def test_those_of_other_code_go(home: Home) -> None:
    home.root.mkdir()
    home.cache.mkdir()
    old = home.cache / "recordings-0123456789ab.json"
    old.write_text("{}")
    looked(home)
    assert not old.exists()
    assert len(kept(home)) == 1


def test_a_disk_that_takes_nothing_costs_time_alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.root.mkdir()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recordings, "write_atomic", full)
    assert looked(home)
    assert not kept(home)
