from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stages.programs import KNOBS, LORA, ROWS, Forge, StageRun, Stages
from wizard.catalog import builtin, load
from wizard.stages.device import cpu_has_bf16

LETTERS = """
def reward(prompts, completions, **columns):
    return [sum(sign.isascii() and sign.isalpha() for sign in text) / max(1, len(text)) for text in completions]
"""
SETTINGS = {"num_generations": 2, "max_completion_length": 8}
ASKED = KNOBS | {"max_steps": 6, "micro_batch": 4, "learning_rate": 1e-2}
Make = Callable[..., StageRun]


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory, trl_python: Path, lib: Path, tiny_model: Path) -> Path:
    folder = tmp_path_factory.mktemp("prompts")
    prepare = StageRun(folder / "prepare", "prepare", trl_python, lib, folder)
    told = {"data": {"kind": "bundled"}, "task": "grpo", "rows": ROWS, "knobs": KNOBS}
    assert prepare.order(told, {"fetch": {"model": tiny_model}}).run() == 0
    return Path(prepare.done()["outputs"]["rows"])


@pytest.fixture
def make(forged: Stages, tiny_model: Path, prompts: Path, tmp_path: Path) -> Make:
    file = tmp_path / "letters.py"
    file.write_text(LETTERS)

    def ordered(
        folder: str, trainer: str = "grpo", rows: Path = prompts, rehearse: bool = False, own: str = "", **changes: Any
    ) -> StageRun:
        knobs = ASKED | {name: changes.pop(name) for name in [*changes] if name in (*ASKED, "n_gpus")}
        settings = {**SETTINGS, "reward_file": own or str(file), **changes}
        spec = {"trainer": trainer, "settings": settings, "method": LORA, "knobs": knobs}
        inputs = {"fetch": {"model": tiny_model}, "prepare": {"rows": rows}}
        return forged("train", folder).order({**spec, "device": "cpu", "rehearse": rehearse}, inputs)

    return ordered


def log(run: StageRun) -> str:
    return (run.path / "log.txt").read_text()[-3000:]


def weights(train: StageRun) -> bytes:
    return (Path(train.done()["outputs"]["adapter"]) / "adapter_model.safetensors").read_bytes()


def curve(train: StageRun, *names: str) -> list[tuple[float, ...]]:
    return [tuple(step["values"][name] for name in names) for step in train.metrics()]


def killed_after(train: StageRun, step: int) -> None:
    """Without a word, once the checkpoint of this step is there."""
    assert train.forge is not None
    child = train.forge.run("wizard.stages.train", train.path, str(train.path), wait=False)
    deadline = time.monotonic() + 60
    while not [each for each in train.events("checkpoint") if each["step"] >= step]:
        assert time.monotonic() < deadline, log(train)
        time.sleep(0.01)
    os.killpg(child, signal.SIGKILL)
    assert not (train.path / "done.json").exists()


def test_the_curve_is_that_of_plain_trl(make: Make, forge: Forge, tiny_model: Path, tmp_path: Path) -> None:
    ours = make("ours", beta=0.04)
    assert ours.run() == 0, log(ours)
    rows, out = tmp_path / "rows.jsonl", tmp_path / "plain.json"
    rows.write_text("".join(
        json.dumps({"prompt": [{"role": "user", "content": row["question"]}], "solution": row["answer"]}) + "\n"
        for row in ROWS
    ))  # fmt: skip
    told = SETTINGS | {
        "beta": 0.04, "per_device_train_batch_size": 4, "learning_rate": 1e-2, "max_steps": 6, "seed": 7,
        "data_seed": 7, "optim": "adamw_torch", "use_cpu": True, "bf16": cpu_has_bf16(), "save_strategy": "no",
        "gradient_checkpointing": False, "logging_steps": 1, "report_to": "none", "disable_tqdm": True,
    }  # fmt: skip
    assert forge.run("plain_grpo", tmp_path, str(tiny_model), str(rows), str(out), json.dumps(told)) == 0
    names = ("loss", "grad_norm", "reward_std", "kl", "completions/mean_length")
    plain = [line for line in json.loads(out.read_text()) if "loss" in line]
    assert curve(ours, "reward", *names) == [tuple(line[name] for name in ("reward", *names)) for line in plain]
    assert len({line["reward"] for line in plain}) > 2
    assert max(line["grad_norm"] for line in plain) > 0


def test_a_killed_run_goes_on_exactly(make: Make) -> None:
    whole, killed = make("whole", learning_rate=1e-3), make("killed", learning_rate=1e-3)
    assert whole.run() == 0, log(whole)
    killed_after(killed, 2)
    assert killed.run() == 0, log(killed)
    assert "resumed" in killed.notes()
    last = {step["step"]: step["values"]["reward"] for step in killed.metrics()}
    assert list(last.values()) == [value for (value,) in curve(whole, "reward")]
    assert weights(killed) == weights(whole)


def test_what_is_learnt_from_several_times_is_saved_and_stopped_between(make: Make) -> None:
    whole, killed = (make(name, num_iterations=3, save_steps=2) for name in ("whole", "killed"))
    assert whole.run() == 0, log(whole)
    assert [event["step"] for event in whole.events("checkpoint")] == [3, 6]
    assert {"saves-between"} <= set(whole.notes())
    killed_after(killed, 3)
    assert killed.run() == 0, log(killed)
    assert weights(killed) == weights(whole)


def test_rloo_learns_and_a_step_is_filled_to_whole_groups(make: Make) -> None:
    train = make("rloo", "rloo", num_generations=3, max_steps=2, micro_batch=2)
    assert train.run() == 0, log(train)
    filled = next(event for event in train.events("note") if event["code"] == "groups-filled")
    assert filled["params"] == {"group": 3, "wanted": 2, "answers": 6}
    assert max(norm for (norm,) in curve(train, "grad_norm")) > 0


def test_the_run_keeps_the_reward_file_that_it_began_with(make: Make, tmp_path: Path) -> None:
    train = make("kept", max_steps=2)
    assert train.run() == 0, log(train)
    first = next(event["params"] for event in train.events("note") if event["code"] == "reward-file")
    (tmp_path / "letters.py").write_text("raise SystemExit\n")
    (train.path / "done.json").unlink()
    assert train.run() == 0, log(train)
    notes = train.events("note")
    assert [note["params"] for note in notes if note["code"] == "reward-file"] == [first, first]
    assert "reward-file-other" in train.notes()
    assert Path(first["path"]).read_text() == LETTERS


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"rewards": ["exct"]}, "reward-unknown"),
    "none": ({"reward_file": ""}, "reward-missing"),
    "weights": ({"reward_weights": [1.0, 2.0]}, "reward-weights"),
    "gone": ({"own": "/nowhere/reward.py"}, "reward-file-gone"),
    "relative": ({"own": "reward.py"}, "reward-file-relative"),
    "pattern": ({"rewards": ["format"], "format_pattern": "("}, "pattern-broken"),
    "refused": ({"scale_rewards": "group", "num_generations": 1}, "settings-refused"),
    "few": ({"num_generations": 2, "micro_batch": 64}, "prompts-too-few"),
    "target": ({"rewards": ["length"], "length_target": 0}, "reward-number"),
    "seconds": ({"reward_seconds": "long"}, "reward-number"),
    "no-group": ({"num_generations": 0}, "settings-refused"),
    "misspelt": ({"num_generation": 2}, "setting-unknown"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_nonsense_is_a_problem_before_the_model_is_loaded(make: Make, name: str) -> None:
    changes, code = FAULTS[name]
    train = make(name, **changes)
    assert train.run() == 1, log(train)
    assert train.problem()["code"] == code


def test_answers_that_nobody_can_judge_end_the_run(make: Make, tmp_path: Path) -> None:
    (tmp_path / "none.py").write_text("def reward(prompts, **_):\n    return [None] * len(prompts)\n")
    train = make("unjudged", own=str(tmp_path / "none.py"))
    assert train.run() == 1, log(train)
    assert train.problem()["code"] == "rewards-none"


def test_a_row_that_breaks_the_function_is_told_and_the_others_are_learnt(make: Make, tmp_path: Path) -> None:
    (tmp_path / "some.py").write_text(
        "def reward(prompts, completions, **_):\n"
        "    return [len(set(text)) / (0 if '7' in asked else 1) for asked, text in zip(prompts, completions)]\n"
    )
    train = make("some", own=str(tmp_path / "some.py"))
    assert train.run() == 0, log(train)
    told = next(event["params"] for event in train.events("note") if event["code"] == "reward-row-failed")
    assert (told["row"], told["line"], told["error"]) == ("What is 7 and 7?", 2, "ZeroDivisionError: division by zero")


def test_answers_worth_the_same_are_told(make: Make) -> None:
    train = make("alike", reward_file="", rewards=["exact"], max_steps=10, micro_batch=2, save_steps=50)
    assert train.run() == 0, log(train)
    assert train.notes() == ["rewards-alike"]


def test_questions_that_leave_no_room_for_an_answer_are_left_out(make: Make) -> None:
    train = make("room", seq_len=52, max_completion_length=16, max_steps=1)
    assert train.run() == 0, log(train)
    told = next(event["params"] for event in train.events("note") if event["code"] == "prompts-left-out")
    assert 0 < told["left"] < len(ROWS)
    none = make("no-room", seq_len=32)
    assert none.run() == 1
    assert none.problem()["code"] == "prompts-too-long"


def test_a_rehearsal_asks_for_the_longest_answers_to_the_longest_questions(make: Make) -> None:
    rehearsal = replace(make("rehearsed", own="/nowhere/reward.py", reward_weights=[2.0, 1.0]), name="rehearse")
    assert rehearsal.run() == 0, log(rehearsal)
    told = rehearsal.done()["result"]
    assert told["longest"] == 37
    assert told["seconds_per_step"] > told["micro_step_seconds"] * 0.9 > 0


def test_rows_kept_back_are_asked_for_their_reward(make: Make, prompts: Path) -> None:
    train = make("held", max_steps=1)
    order = json.loads((train.path / "spec.json").read_text())
    order["inputs"]["prepare"]["validation"] = str(prompts)
    (train.path / "spec.json").write_text(json.dumps(order))
    assert train.run() == 0, log(train)
    assert 0 <= train.done()["result"]["validation_reward"] <= 1


GROUP, ANSWER = 8, 1024
WANTED: dict[str, dict[str, Any]] = {
    "grpo-lora": {"loss_type": "grpo", "beta": 0.04, "scale_rewards": "group", "use_vllm": False},
    "grpo-lora-vllm": {"use_vllm": True, "vllm_mode": "colocate", "vllm_gpu_memory_utilization": 0.3},
    "grpo-lora-vllm-server": {"use_vllm": True, "vllm_mode": "server"},
    "dr-grpo-lora": {"loss_type": "dr_grpo", "scale_rewards": "none", "beta": 0.0},
    "dapo-lora": {"loss_type": "dapo", "epsilon": 0.2, "epsilon_high": 0.28},
    "gspo-lora": {
        "importance_sampling_level": "sequence", "epsilon": 3e-4, "epsilon_high": 4e-4,
        "generation_batch_size": 128, "gradient_accumulation_steps": 8, "steps_per_generation": 32, "save_steps": 20,
    },
    "rloo-lora": {"num_generations": 4, "beta": 0.05, "generation_batch_size": 32},
}  # fmt: skip


def test_each_recipe_is_what_its_paper_says(forge: Forge, tiny_model: Path, prompts: Path, tmp_path: Path) -> None:
    recipes = load([builtin()]).recipes
    for name in WANTED:
        recipe = recipes[name]
        spec = {"trainer": recipe.trainer, "settings": dict(recipe.settings), "method": LORA, "device": "cpu"}
        run = StageRun(tmp_path / name, "train", Path(), Path(), tmp_path)
        run.order(
            {**spec, "knobs": asdict(recipe.knobs)}, {"fetch": {"model": tiny_model}, "prepare": {"rows": prompts}}
        )
    out = tmp_path / "settings.jsonl"
    assert forge.run("check_rewarded", tmp_path, str(out), *(str(tmp_path / name) for name in WANTED)) == 0
    told = dict(zip(WANTED, map(json.loads, out.read_text().splitlines()), strict=True))
    for name, wanted in WANTED.items():
        common = {"num_generations": GROUP, "max_completion_length": ANSWER} | wanted
        assert {key: told[name][key] for key in common} == common, name


def test_rows_that_are_made_while_it_trains_come_to_their_epochs(make: Make, tiny_model: Path, tmp_path: Path) -> None:
    stream = tmp_path / "stream.json"
    spec = {"data": {"kind": "bundled"}, "task": "grpo", "rows": ROWS, "knobs": KNOBS}
    pictures = {"family": "", "store": str(tmp_path), "cache": str(tmp_path)}
    told = {"spec": spec, "model": str(tiny_model), "pictures": pictures, "made": len(ROWS), "longest": 37}
    stream.write_text(json.dumps(told))
    train = make("streamed", rows=stream, max_steps=0)
    assert train.run() == 0, log(train)
    assert train.metrics()[-1]["step"] == train.metrics()[-1]["total"] == len(ROWS) * 2 / 4


def test_two_cards_answer_the_questions_of_one_step(make: Make) -> None:
    train = make("cards", n_gpus=2, max_steps=2, micro_batch=3, num_generations=4)
    assert train.run() == 0, log(train)
    filled = next(event for event in train.events("note") if event["code"] == "groups-filled")
    assert filled["params"] == {"group": 4, "wanted": 6, "answers": 12}
    assert len(curve(train, "loss", "reward")) == 2
    assert weights(train)
