from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from wizard.stages.record import Record, read_record, unchanged, write_record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".cache").mkdir()
    for name in ("config.json", "sub/weights", ".cache/lock"):
        (tmp_path / name).write_text(name)
    write_record(tmp_path, Record(kind="bundled", ref="smollm2", revision="1"))
    return tmp_path


def known(folder: Path) -> Record:
    record = read_record(folder)
    assert record is not None
    return record


def test_only_the_model_s_own_files_are_recorded(folder: Path) -> None:
    assert sorted(known(folder).files) == ["config.json", "sub/weights"]


def test_an_untouched_folder_is_unchanged(folder: Path) -> None:
    assert unchanged(folder, known(folder)) == ""


def test_a_file_only_dated_anew_is_unchanged(folder: Path) -> None:
    os.utime(folder / "config.json", (1, 1))
    assert unchanged(folder, known(folder)) == ""


@pytest.mark.parametrize("content", ["shorter", "sub/weightZ"])
def test_a_damaged_file_is_named(folder: Path, content: str) -> None:
    (folder / "sub/weights").write_text(content)
    assert unchanged(folder, known(folder)) == "sub/weights"


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "config.json").unlink()
    assert unchanged(folder, known(folder)) == "config.json"


@pytest.mark.parametrize("text", ["", "{cut", "[]", '{"kind": "x"}'])
def test_a_folder_without_a_readable_record_was_not_fetched(folder: Path, text: str) -> None:
    (folder / "fetched.json").write_text(text)
    assert read_record(folder) is None


def test_a_record_meets_any_revision_its_own_and_the_name_it_was_asked_by() -> None:
    record = Record(kind="modelscope", ref="a/b", revision="c0ffee", asked="v1")
    for revision in ("", "c0ffee", "v1"):
        assert record.meets({"kind": "modelscope", "ref": "a/b", "revision": revision})
    assert not record.meets({"kind": "modelscope", "ref": "a/b", "revision": "v2"})
    assert not record.meets({"kind": "modelscope", "ref": "a/c"})
    assert not record.meets({"kind": "huggingface", "ref": "a/b"})


def test_a_record_of_an_older_version_is_still_read(folder: Path) -> None:
    values = json.loads((folder / "fetched.json").read_text())
    del values["asked"]
    (folder / "fetched.json").write_text(json.dumps(values | {"sha256": {}}))
    assert known(folder).revision == "1"


def test_known_sums_are_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "weights").write_text("weights")
    record = write_record(tmp_path, Record(kind="huggingface", ref="a/b", revision="1"), {"weights": "sum"})
    assert record.files["weights"]["sha256"] == "sum"
