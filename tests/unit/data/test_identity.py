"""By what data are known: all bytes of what is quickly read, samples of what is not."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from wizard.data.files import identity, identity_of, listing, open_sources
from wizard.data.files.mixing import unchanged
from wizard.data.shape import DataFault

ROW = json.dumps({"question": "q", "answer": "a" * 80}) + "\n"


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As good as large: more than is read whole."""
    for name, size in (("HASHED_BYTES", 9000), ("PLACES", 16), ("PLACE_BYTES", 64)):
        monkeypatch.setattr(identity, name, size)
    path = tmp_path / "rows.jsonl"
    path.write_text(ROW * 200)
    return path


def told(path: Path) -> dict[str, Any]:
    return {"ref": str(path), "sha256": identity_of(listing(path))}


def test_small_data_are_known_by_all_their_bytes(large: Path) -> None:
    large.write_text(ROW * 9)
    assert told(large)["sha256"] == hashlib.sha256((ROW * 9).encode()).hexdigest()


def test_large_data_are_known_by_samples_and_by_their_copy_too(large: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    shutil.copyfile(large, copy)
    assert told(large)["sha256"].startswith("sampled:")
    assert told(copy)["sha256"] == told(large)["sha256"]


def test_prepare_knows_large_data_by_all_their_bytes(large: Path) -> None:
    assert unchanged(told(large)) == hashlib.sha256(large.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    "change", [lambda text: text + "\n", lambda text: "X" + text[1:], lambda text: text[:-2] + "X\n"]
)
def test_a_replay_refuses_large_data_that_changed(large: Path, change: Any) -> None:
    source = told(large)
    large.write_text(change(large.read_text()))
    with pytest.raises(DataFault, match="data-changed"):
        open_sources([source])


def test_files_of_a_folder_change_places_or_names_and_are_other_data(large: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a", "b", "c"):
        (folder / f"{name}.jsonl").write_text(ROW.replace("q", name) * 90)
    source = told(folder)
    assert source["sha256"].startswith("sampled:") and unchanged(source)
    (folder / "a.jsonl").rename(folder / "d.jsonl")
    with pytest.raises(DataFault, match="data-changed"):
        unchanged(source)
