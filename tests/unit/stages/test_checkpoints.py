from __future__ import annotations

import json
from pathlib import Path

import pytest

from wizard.stages.checkpoints import UNFINISHED, newest_whole, shared
from wizard.stages.desk import Bench
from wizard.stages.keeping import manifest
from wizard.stages.keeping.retention import Kept, best_of, thin_out, too_many

FILES = {
    "adapter_model.safetensors": b"weights" * 40,
    "optimizer.pt": b"moments" * 90,
    "rng_state.pth": b"chance",
    "trainer_state.json": b"{}",
    "global_step2/zero_pp_rank_1_mp_rank_00_optim_states.pt": b"the second card's part",
}


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


def checkpoint(bench: Bench, step: int, **told: float) -> Path:
    folder = bench.folder / "checkpoints" / f"checkpoint-{step}"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    manifest.seal(folder, step=step, shared=shared(bench.order.knobs), **told)
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


@pytest.mark.parametrize("name", [*FILES, manifest.NAME])
def test_a_checkpoint_without_one_of_its_files_is_set_aside(bench: Bench, name: str) -> None:
    checkpoint(bench, 10)
    (checkpoint(bench, 20) / name).unlink()
    assert chosen(bench) == "checkpoint-10"
    assert (bench.folder / "checkpoints" / "damaged-checkpoint-20-1").is_dir()
    note = json.loads((bench.folder / "events.jsonl").read_text())
    assert (note["code"], note["params"]["step"], note["params"]["file"]) == ("checkpoint-damaged", 20, name)


@pytest.mark.parametrize("name", [*FILES, manifest.NAME])
def test_a_cut_file_is_seen(bench: Bench, name: str) -> None:
    checkpoint(bench, 10)
    file = checkpoint(bench, 20) / name
    file.write_bytes(file.read_bytes()[:-1])
    if name == manifest.NAME:
        file.write_bytes(file.read_bytes()[:-9])
    assert chosen(bench) == "checkpoint-10"


@pytest.mark.parametrize("name", FILES)
def test_one_changed_bit_is_seen(bench: Bench, name: str) -> None:
    checkpoint(bench, 10)
    file = checkpoint(bench, 20) / name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert chosen(bench) == "checkpoint-10"


def test_one_that_was_being_written_is_none_and_makes_room(bench: Bench) -> None:
    checkpoint(bench, 10)
    unfinished = bench.folder / "checkpoints" / UNFINISHED
    checkpoint(bench, 20).rename(unfinished)
    assert chosen(bench) == "checkpoint-10"
    assert not unfinished.exists()


def test_a_renamed_checkpoint_is_not_another_step(bench: Bench) -> None:
    checkpoint(bench, 20).rename(bench.folder / "checkpoints" / "checkpoint-30")
    assert chosen(bench) is None


def test_what_other_cards_shared_in_another_way_cannot_be_gone_on_from(tmp_path: Path) -> None:
    checkpoint(bench_of(tmp_path), 20)
    assert chosen(bench_of(tmp_path, n_gpus=2, zero_stage=3)) is None


def kept(*losses: float, name: str = "training") -> list[Kept]:
    return [Kept(step=step, told={name: loss}) for step, loss in enumerate(losses, start=1)]


def test_the_two_newest_and_the_best_stay() -> None:
    assert too_many(kept(5.0, 1.0, 4.0, 3.0, 2.0), 2) == [1, 3]
    assert too_many(kept(5.0, 4.0, 3.0), 2) == [1]
    assert too_many(kept(1.0), 2) == []


def test_rows_kept_back_say_what_is_best_and_training_s_loss_only_without_them() -> None:
    both = [Kept(step=1, told={"training": 9.0, "validation": 2.0}), *kept(0.1, 0.2)[1:]]
    assert best_of(both) == both[0]
    assert best_of(kept(2.0, 1.0, 1.0)) == kept(2.0, 1.0, 1.0)[2]  # of equals the newer
    assert best_of(kept(float("nan"))) is None


def test_thinning_out_reads_what_the_checkpoints_say_of_themselves(bench: Bench) -> None:
    for step, loss in ((2, 3.0), (4, 1.0), (6, 2.0), (8, 2.5)):
        checkpoint(bench, step, training=loss)
    thin_out(bench.folder / "checkpoints")
    assert sorted(path.name for path in (bench.folder / "checkpoints").iterdir()) == [
        "checkpoint-4",
        "checkpoint-6",
        "checkpoint-8",
    ]
