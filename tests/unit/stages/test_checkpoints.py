from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from wizard.stages.checkpoints import newest_whole
from wizard.stages.desk import Bench

ALONE = ("optimizer.pt", "scheduler.pt", "rng_state.pth")
SHARDS = [
    f"global_step20/{name}"
    for card in (0, 1)
    for name in (
        f"bf16_zero_pp_rank_{card}_mp_rank_00_optim_states.pt",
        f"zero_pp_rank_{card}_mp_rank_00_model_states.pt",
    )
]
SHARED = ("scheduler.pt", "rng_state_0.pth", "rng_state_1.pth", *SHARDS)


def bench_of(folder: Path, **knobs: int) -> Bench:
    order = {
        "stage": "train",
        "run": "r",
        "digest": "d",
        "rung": 0,
        "attempt": 1,
        "spec": {"knobs": knobs},
        "home": "h",
        "store": "h",
    }
    (folder / "spec.json").write_text(json.dumps(order))
    return Bench(folder)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return bench_of(tmp_path)


def checkpoint(bench: Bench, step: int, archives: Iterable[str] = ALONE) -> Path:
    folder = bench.folder / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (folder / "adapter_model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    for name in archives:
        (folder / name).parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("data", "x" * 100)
    if archives is not ALONE:
        (folder / "latest").write_text("global_step20")
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


@pytest.mark.parametrize("name", ["trainer_state.json", "adapter_model.safetensors", *ALONE])
def test_a_checkpoint_without_one_of_its_files_is_set_aside(bench: Bench, name: str) -> None:
    checkpoint(bench, 10)
    (checkpoint(bench, 20) / name).unlink()
    assert chosen(bench) == "checkpoint-10"
    assert (bench.folder / "checkpoints" / "damaged-checkpoint-20-1").is_dir()
    note = json.loads((bench.folder / "events.jsonl").read_text())
    assert (note["code"], note["params"]["step"], note["params"]["file"]) == ("checkpoint-damaged", 20, name)


@pytest.mark.parametrize("name", ["trainer_state.json", "adapter_model.safetensors", *ALONE])
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


def test_the_checkpoint_of_several_cards_is_whole_with_each_card_s_part(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, n_gpus=2, zero_stage=3)
    checkpoint(bench, 20, SHARED)
    assert chosen(bench) == "checkpoint-20"


@pytest.mark.parametrize("name", ["latest", *SHARED])
def test_a_checkpoint_that_lacks_one_card_s_part_is_set_aside(tmp_path: Path, name: str) -> None:
    bench = bench_of(tmp_path, n_gpus=2, zero_stage=3)
    (checkpoint(bench, 20, SHARED) / name).unlink()
    assert chosen(bench) is None
    note = json.loads((tmp_path / "events.jsonl").read_text())
    assert note["params"]["file"] == Path(name).name.removeprefix("bf16_")


@pytest.mark.parametrize("name", SHARED)
def test_one_card_s_part_that_was_cut_is_seen(tmp_path: Path, name: str) -> None:
    bench = bench_of(tmp_path, n_gpus=2, zero_stage=3)
    file = checkpoint(bench, 20, SHARED) / name
    file.write_bytes(file.read_bytes()[:-9])
    assert chosen(bench) is None


@pytest.mark.parametrize(
    ("stage", "archives"), [(0, ["optimizer.pt"]), (2, [*SHARDS[::2], "global_step20/mp_rank_00_model_states.pt"])]
)
def test_what_the_cards_do_not_split_up_is_there_once(tmp_path: Path, stage: int, archives: list[str]) -> None:
    bench = bench_of(tmp_path, n_gpus=2, zero_stage=stage)
    checkpoint(bench, 20, [*SHARED[:3], *archives])
    assert chosen(bench) == "checkpoint-20"


def test_the_checkpoint_of_one_card_is_none_for_two(tmp_path: Path) -> None:
    bench = bench_of(tmp_path, n_gpus=2, zero_stage=3)
    checkpoint(bench, 20)
    assert chosen(bench) is None
