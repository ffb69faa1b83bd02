from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from wizard.journal import Journal, Tail, last_lines, write_atomic, write_json


def test_what_is_written_is_read_once(tmp_path: Path) -> None:
    journal, tail = Journal(tmp_path / "e.jsonl"), Tail(tmp_path / "e.jsonl")
    journal.write("phase", code="loading")
    assert [event["code"] for event in tail.new()] == ["loading"]
    assert tail.new() == []


def test_numbers_json_cannot_hold_become_null(tmp_path: Path) -> None:
    Journal(tmp_path / "m.jsonl").append(step=1, values={"loss": float("nan"), "norm": float("inf"), "rate": 0.5})
    (event,) = Tail(tmp_path / "m.jsonl").new()
    assert event["values"] == {"loss": None, "norm": None, "rate": 0.5}


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_text('{"kind": "a"}\n{"kind": "b')
    tail = Tail(file)
    assert [event["kind"] for event in tail.new()] == ["a"]
    with file.open("a") as more:
        more.write('"}\n')
    assert [event["kind"] for event in tail.new()] == ["b"]
    assert tail.corrupt == 0


def test_a_line_torn_by_death_costs_only_itself(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_text('{"kind": "a"}\n{"kind": "to')
    Journal(file).write("b")
    tail = Tail(file)
    assert [event["kind"] for event in tail.new()] == ["a", "b"]
    assert tail.corrupt == 1


@pytest.mark.parametrize(
    "rubbish",
    [b"\x00\x00\x00", b"[1, 2]", b'"text"', b"{", b"}", b"\xff\xfe\xfa", b"[" * 100_000, b'{"a": 1}, {"b": 2}', b"nul"],
)
def test_a_corrupt_line_is_skipped_and_counted(tmp_path: Path, rubbish: bytes) -> None:
    file = tmp_path / "e.jsonl"
    file.write_bytes(b'{"kind": "a"}\n' + rubbish + b'\n{"kind": "b"}\n')
    tail = Tail(file)
    assert [event["kind"] for event in tail.new()] == ["a", "b"]
    assert tail.corrupt == 1


def test_two_halves_do_not_make_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_bytes(b'{"a": [1\n2]}\n{"kind": "b"}\n')
    tail = Tail(file)
    assert tail.new() == [{"kind": "b"}]
    assert tail.corrupt == 2


def test_a_file_that_began_anew_is_read_from_its_start(tmp_path: Path) -> None:
    file = tmp_path / "meter.jsonl"
    file.write_text('{"n": 1}\n{"n": 2}\n')
    tail = Tail(file)
    tail.new()
    file.write_text('{"n": 3}\n')
    assert tail.new() == [{"n": 3}]


def test_a_line_longer_than_a_chunk_is_read(tmp_path: Path) -> None:
    file = tmp_path / "e.jsonl"
    file.write_text(f'{{"text": "{"x" * (9 << 20)}"}}\n{{"n": 2}}\n')
    assert [len(event.get("text", "")) for event in Tail(file).new()] == [9 << 20, 0]


def test_a_short_write_is_closed_by_the_next_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "e.jsonl")
    journal.write("first")
    real, calls = os.write, iter((1, 2))

    def full(fd: int, data: bytes) -> int:
        if next(calls) == 1:
            return real(fd, data[:10])
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("wizard.journal.lines.os.write", full)
    with pytest.raises(OSError, match="full"):
        journal.write("lost", text="0123456789")
    monkeypatch.undo()
    journal.write("after")
    assert [event["kind"] for event in Tail(tmp_path / "e.jsonl").new()] == ["first", "after"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_json(tmp_path / "plan.json", {"old": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("wizard.journal.files.os.fsync", full)
    with pytest.raises(OSError, match="full"):
        write_atomic(tmp_path / "plan.json", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    assert "old" in (tmp_path / "plan.json").read_text()


def test_a_log_is_shown_as_a_terminal_would(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    file.write_bytes(b"one\n 10%\r 20%\r 30%\n\x1b[31mred\x1b[0m\n" + "中文\n".encode() + b"\xff torn")
    assert last_lines(file, 10) == ["one", " 30%", "red", "中文", "\ufffd torn"]
    assert last_lines(file, 2) == ["中文", "\ufffd torn"]
    assert last_lines(tmp_path / "none", 5) == []
