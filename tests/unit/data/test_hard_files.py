"""Files that are odd, vast or broken in ways that hang, flood or mislead a careless reader."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wizard.data.files import Tree, jsonstream, listing_of, parts
from wizard.data.readers import inspect, sampling
from wizard.data.shape import DataFault
from wizard.errors import WizardError
from wizard.session import as_data

ROOT = Path(__file__).parents[3]
ROW = '{"question": "q", "answer": "a"}\n'


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Waiting for ever fails here."""

    def fail(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(30)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def code(path: Path) -> str:
    with pytest.raises(WizardError) as caught:
        inspect(path)
    return caught.value.problem.code


def test_pipes_and_devices_in_a_folder_are_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(ROW)
    os.mkfifo(tmp_path / "a.jsonl")
    (tmp_path / "zero.jsonl").symlink_to("/dev/zero")
    report = inspect(tmp_path)
    assert (report.rows, [(note.code, note.params["files"]) for note in report.notes]) == (
        1,
        [("data-files-skipped", 2)],
    )


def test_a_file_that_became_a_pipe_is_refused_unopened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.jsonl")
    with pytest.raises(DataFault, match="data-not-a-file"), parts.opened(parts.Part(path=tmp_path / "rows.jsonl")):
        pass


def test_a_link_to_nothing_is_told_of_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(ROW)
    (tmp_path / "lost.jsonl").symlink_to(tmp_path / "nowhere")
    assert code(tmp_path) == "data-unreadable"


def test_a_folder_of_very_many_files_is_listed_in_linear_time(tmp_path: Path) -> None:
    names = tuple(f"{number:06}.jsonl" for number in range(100_000))
    tree = Tree(root=tmp_path, names=(*names, "odd.bin"))
    found = listing_of(tree, "", "")
    assert (len(found.parts), found.notes[0].params["files"]) == (100_000, 1)


def test_nuls_that_a_crash_left_cost_their_rows_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(ROW.encode() * 5000 + b"\0" * 2000 + b"\n" + ROW.encode() * 3)
    report = inspect(path)
    assert (report.encoding, report.usable, [row.line for row in report.rejected]) == ("utf-8", 5003, [5001])


def test_utf_16_is_still_told_by_its_nuls(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes((ROW * 9).encode("utf-16-le"))
    assert inspect(path).encoding == "utf-16-le"


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("WHOLE", 500), ("CHUNK", 100), ("LONGEST", 2000)):
        monkeypatch.setattr(jsonstream, name, size)


ROWS = [{"question": f"q {number}", "answer": "a" * number} for number in range(90)]


@pytest.mark.parametrize(
    "document",
    [{"data": ROWS}, {"version": '1 \\ " {', "n": 1.5, "ok": None, "rows": ROWS, "after": {"data": [1]}}],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_in_a_wrapper_larger_than_memory_are_read_one_by_one(
    document: dict[str, Any], indent: int | None, tight: None
) -> None:
    assert list(jsonstream.elements(io.StringIO(json.dumps(document, indent=indent)))) == ROWS


def test_a_second_list_behind_such_rows_is_not_passed_over(tight: None) -> None:
    with pytest.raises(DataFault, match="Extra data"):
        list(jsonstream.elements(io.StringIO(json.dumps({"train": ROWS, "data": ROWS}))))


def test_a_large_wrapper_is_sampled(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps({"data": ROWS * 300}))
    report = inspect(path, whole_bytes=1000)
    assert not report.exact
    assert report.rows == pytest.approx(90 * 300, rel=0.1)


def test_a_row_too_long_for_memory_is_called_so(tight: None) -> None:
    with pytest.raises(DataFault, match="too long"):
        list(jsonstream.elements(io.StringIO(json.dumps([{"question": "q" * 9000}]))))


def test_numbers_beyond_reason_are_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(ROW + '{"question": "q", "answer": ' + "9" * 9000 + "}\n")
    assert as_data(inspect(path), 512)["rejected"][0]["what"].endswith("a number of thousands of digits")


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_row_from_the_middle_of_a_large_file_has_its_place_in_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(sampling, "HEAD_BYTES", 4000)
    good, bad, head = (ROW, "{broken\n", "") if kind == "jsonl" else ("q,a\n", "q,a,b\n", "question,answer\n")
    data = (head + "".join(good if number % 7 else bad for number in range(1, 99_999))).encode()
    for name in ("a", "b"):
        (tmp_path / f"{name}.{kind}").write_bytes(data)
    for source, file in ((tmp_path / f"a.{kind}", None), (tmp_path, f"a.{kind}")):
        told = as_data(inspect(source, whole_bytes=1000), 512)["rejected"]
        sampled = [row for row in told if row["line"] is None and row.get("file") == file]
        assert sampled and len(sampled) < len(told)
        assert all(data[row["offset"] - 1 :].startswith(b"\n" + bad.encode()) for row in sampled)
        assert all("offset" not in row for row in told if row["line"])


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8:strict"])
def test_json_is_json_on_any_terminal(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "rows.jsonl").write_text('{"question": "你", "answer": "好"}\n', encoding="utf-8")
    with open(os.fsencode(tmp_path) + b"/bad\xff.jsonl", "w") as file:
        file.write("{broken\n")
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(ROOT), "YCDY_HOME": str(tmp_path / "h")}
    for wanted in (["--json"], []):
        command = [sys.executable, "-m", "wizard", "data", str(tmp_path), *wanted]
        done = subprocess.run(command, env=environment, capture_output=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        if wanted:
            assert json.loads(done.stdout.decode())["samples"][0]["messages"][0]["content"] == "你"
