from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from wizard.stages.checkpoints import ARCHIVES, newest_whole
from wizard.stages.desk import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    order = {
        "stage": "train",
        "run": "r",
        "digest": "d",
        "rung": 0,
        "attempt": 1,
        "spec": {},
        "home": "h",
        "store": "h",
    }
    (tmp_path / "spec.json").write_text(json.dumps(order))
    return Bench(tmp_path)


def checkpoint(bench: Bench, step: int) -> Path:
    folder = bench.folder / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (folder / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    for name in ARCHIVES:
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("data", "x" * 100)
    (folder / "trainer_state.json").write_text(json.dumps({"global_step": step}))
    return folder


def chosen(bench: Bench) -> str | None:
    found = newest_whole(bench, bench.folder / "checkpoints")
    return found.name if found else None


def test_the_newest_counts_by_step_not_by_name(bench: Bench) -> None:
    for step in (9, 10, 100):
        checkpoint(bench, step)
    assert chosen(bench) == "checkpoint-100"


def test_none_is_none(bench: Bench) -> None:
    assert chosen(bench) is None


@pytest.mark.parametrize("name", ["trainer_state.json", "adapter_model.safetensors", *ARCHIVES])
def test_a_checkpoint_without_one_of_its_files_is_set_aside(bench: Bench, name: str) -> None:
    checkpoint(bench, 10)
    (checkpoint(bench, 20) / name).unlink()
    assert chosen(bench) == "checkpoint-10"
    assert (bench.folder / "checkpoints" / "damaged-checkpoint-20-1").is_dir()
    note = json.loads((bench.folder / "events.jsonl").read_text())
    assert (note["code"], note["params"]["step"], note["params"]["file"]) == ("checkpoint-damaged", 20, name)


@pytest.mark.parametrize("name", ["trainer_state.json", "adapter_model.safetensors", *ARCHIVES])
def test_a_cut_file_is_seen(bench: Bench, name: str) -> None:
    checkpoint(bench, 10)
    file = checkpoint(bench, 20) / name
    file.write_bytes(file.read_bytes()[:-9])
    assert chosen(bench) == "checkpoint-10"


def test_a_changed_byte_in_an_archive_is_seen(bench: Bench) -> None:
    checkpoint(bench, 10)
    file = checkpoint(bench, 20) / "optimizer.pt"
    content = bytearray(file.read_bytes())
    content[60] ^= 1
    file.write_bytes(content)
    assert chosen(bench) == "checkpoint-10"
