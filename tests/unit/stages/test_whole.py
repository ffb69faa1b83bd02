"""Whole models and tuners of our own, through the stages: exact resume, what is saved, merged and served."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.stages.programs import KNOBS, SFT, Forge, StageRun, Stages
from wizard.stages.client import Client
from wizard.stages.ports import claim

WHOLE = {"base": "whole", "trainable": "all", "settings": {}, "arguments": {}}
LOW_RANK = ".*[.]layers[.][0-9]+[.].*"
METHODS: dict[str, dict[str, Any]] = {
    "full": {**WHOLE, "tuner": "full"},
    "fp8": {**WHOLE, "tuner": "fp8"},
    "freeze": {**WHOLE, "tuner": "freeze", "settings": {"layers": 1}},
    "adapter": {**WHOLE, "tuner": "adapter", "trainable": "adapter"},
    "lisa": {**WHOLE, "tuner": "lisa", "settings": {"layers": 1, "interval": 4}},
    "llama-pro": {**WHOLE, "tuner": "llama-pro", "settings": {"blocks": 1}},
    "galore": {
        **WHOLE,
        "tuner": "galore",
        "arguments": {
            "optim": "galore_adamw",
            "optim_target_modules": LOW_RANK,
            "optim_args": "rank={rank}, update_proj_gap=5",
        },
    },
    "apollo": {
        **WHOLE,
        "tuner": "apollo",
        "arguments": {
            "optim": "apollo_adamw",
            "optim_target_modules": LOW_RANK,
            "optim_args": "rank={rank}, update_proj_gap=5",
        },
    },
}
QUESTIONS = ["What is 3 and 3?"]
Make = Callable[..., StageRun]


@pytest.fixture
def make(forged: Stages, torchao: dict[str, str], tiny_model: Path, tiny_rows: Path) -> Make:
    def ordered(folder: str, method: str, **knobs: Any) -> StageRun:
        steps = {"max_steps": 12, "save_steps": 3, "learning_rate": 1e-3}
        spec = {
            **SFT,
            "knobs": {**KNOBS, **steps, **knobs},
            "method": {"id": method, **METHODS[method]},
            "device": "cpu",
        }
        inputs = {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}
        return forged("train", folder, **torchao if method == "fp8" else {}).order(spec, inputs)

    return ordered


def trained(train: StageRun) -> Path:
    (folder,) = [Path(path) for path in train.done()["outputs"].values()]
    return folder


def weights(train: StageRun) -> bytes:
    (file,) = trained(train).glob("*model.safetensors")
    return file.read_bytes()


def curve(train: StageRun) -> dict[int, float]:
    return {line["step"]: line["values"]["loss"] for line in train.metrics()}


def log(stage: StageRun) -> str:
    return (stage.path / "log.txt").read_text()[-3000:]


def killed_after(train: StageRun, steps: int) -> None:
    """Once so many steps are told and a checkpoint is whole."""
    assert train.forge
    process = train.forge.run("wizard.stages.train", train.path, str(train.path), wait=False, **train.variables)
    while len(train.metrics()) < steps or not train.events("checkpoint"):
        assert Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z", log(train)
        time.sleep(0.01)
    os.killpg(process, signal.SIGKILL)
    while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)


@pytest.mark.parametrize("method", METHODS)
def test_a_killed_and_resumed_run_ends_with_the_same_weights(method: str, make: Make, tiny_model: Path) -> None:
    whole, killed = make("whole", method), make("killed", method)
    assert whole.run() == 0, log(whole)
    killed_after(killed, steps := random.randrange(4, 9))
    assert not (killed.path / "done.json").exists(), f"killed at {steps}"
    assert killed.run() == 0, log(killed)
    assert "resumed" in killed.notes()
    assert weights(killed) == weights(whole), f"killed at {steps}"
    assert curve(killed) == curve(whole)
    assert curve(whole)[12] < curve(whole)[1]
    checkpoint = whole.path / "checkpoints" / "checkpoint-12"
    assert (checkpoint / "config.json").exists() == (method != "adapter"), (
        "an adapter's checkpoint is the adapter alone"
    )


def test_computing_in_float8_is_another_way_to_weights_of_the_same_names(make: Make) -> None:
    found = {}
    for method in ("full", "fp8"):
        train = make(method, method, max_steps=2)
        assert train.run() == 0, log(train)
        file = weights(train)
        found[method] = json.loads(file[8 : 8 + int.from_bytes(file[:8], "little")]), file, curve(train)
    (names, halves, slow), (float8_names, eighths, fast) = found.values()
    assert float8_names == names, "and of the same shapes and types"
    assert eighths != halves
    assert fast == {step: pytest.approx(loss, rel=0.02) for step, loss in slow.items()}


def test_lisa_keeps_no_state_of_what_sleeps(make: Make) -> None:
    sizes = {}
    for method in ("full", "lisa"):
        train = make(method, method, max_steps=6)
        assert train.run() == 0, log(train)
        sizes[method] = (train.path / "checkpoints" / "checkpoint-6" / "optimizer.pt").stat().st_size
    assert sizes["lisa"] < 0.8 * sizes["full"]


def test_a_damaged_whole_checkpoint_is_set_aside(make: Make) -> None:
    whole, killed = make("whole", "full"), make("killed", "full")
    assert whole.run() == 0
    killed_after(killed, 7)
    newest = max(killed.events("checkpoint"), key=lambda event: event["step"])
    for half in Path(newest["path"]).parent.glob("checkpoint-*"):  # which the kill may have left behind it
        if int(half.name.rpartition("-")[2]) > newest["step"]:
            shutil.rmtree(half)
    file = Path(newest["path"]) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert killed.run() == 0
    assert killed.notes() == ["checkpoint-damaged", "resumed"]
    assert weights(killed) == weights(whole)


@pytest.fixture
def merge(forged: Stages, tiny_model: Path) -> Make:
    def ordered(train: StageRun, folder: str = "merge", **more: Any) -> StageRun:
        order = json.loads((train.path / "spec.json").read_text())
        spec = {**SFT, "method": order["spec"]["method"], "questions": QUESTIONS, "max_new_tokens": 12, **more}
        return forged("merge", folder).order(spec, {"fetch": {"model": tiny_model}, "train": train.done()["outputs"]})

    return ordered


@pytest.mark.parametrize("method", ["full", "llama-pro", "adapter"])
def test_what_was_trained_is_proven_and_served_as_it_was_saved(
    method: str, make: Make, merge: Make, tiny_model: Path
) -> None:
    train = make("train", method, max_steps=6)
    assert train.run() == 0, log(train)
    merged = merge(train)
    assert merged.run() == 0, log(merged)
    result, folder = merged.done()["result"], Path(merged.done()["outputs"]["merged"])
    assert result["parity"]["equal"] is True
    assert result["parity"]["max_logit_diff"] == 0.0
    assert 0.0 < result["parity"]["cast_logit_diff"] < 1.0
    assert result["parity"]["changed"] > 0
    assert len(result["before"]) == 1
    for name in ("config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "generation_config.json"):
        assert (folder / name).is_file(), name
    config = json.loads((folder / "config.json").read_text())
    assert config["dtype"] == "bfloat16"
    assert config["num_hidden_layers"] == (3 if method == "llama-pro" else 2)
    assert (folder / "adapter").is_dir() == (method == "adapter")
    ends = [
        json.loads((place / "generation_config.json").read_text())["eos_token_id"] for place in (tiny_model, folder)
    ]
    assert ends[0] == ends[1]
    halves = merge(train, "halves", weight_bytes=2)
    assert halves.run() == 0, log(halves)


def test_a_training_that_changed_nothing_is_told(make: Make, merge: Make, tiny_model: Path) -> None:
    train = make("train", "full", max_steps=2)
    assert train.run() == 0
    model = trained(train)
    shutil.copy(tiny_model / "model.safetensors", model / "model.safetensors")
    merged = merge(train)
    assert merged.run() == 1
    assert merged.problem()["code"] == "weights-unchanged"
    assert not (merged.path / "merged").exists()
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    damaged = merge(train, "damaged")
    assert damaged.run() == 1
    assert damaged.problem()["code"] == "model-file-damaged"


@pytest.mark.parametrize(
    ("method", "change", "code"),
    [
        ("freeze", {"settings": {"layers": 3}}, "too-few-layers"),
        ("freeze", {"settings": {"modules": ["heads"]}}, "module-not-found"),
        ("freeze", {"settings": {"layer": 1}}, "setting-unknown"),
        ("lisa", {"settings": {"layers": 3}}, "too-few-layers"),
        (
            "galore",
            {"arguments": {**METHODS["galore"]["arguments"], "optim_target_modules": "nothing"}},
            "module-not-found",
        ),
    ],
)
def test_what_a_tuner_cannot_do_is_told(method: str, change: dict[str, Any], code: str, make: Make) -> None:
    train = make("train", method, max_steps=1)
    order = json.loads((train.path / "spec.json").read_text())
    order["spec"]["method"] |= change
    (train.path / "spec.json").write_text(json.dumps(order))
    assert train.run() == 1, log(train)
    assert train.problem()["code"] == code


@pytest.mark.parametrize("method", ["lisa", "llama-pro", "galore", "apollo", "fp8"])
def test_what_cards_cannot_share_is_told_before_they_start(method: str, make: Make) -> None:
    train = make("train", method, n_gpus=2, zero_stage=3)
    assert train.run() == 1
    assert train.problem()["code"] == "tuner-not-shared"
    assert not (train.path / "cards").exists()


@pytest.fixture
def apart(
    forged: Stages, forge: Forge, make: Make, merge: Make, tiny_model: Path, tiny_rows: Path, tmp_path: Path
) -> Iterator[Callable[[str], Client]]:
    """A server of a base and what was trained beside it: of our own kind, or two adapters of PEFT's."""
    servers = []

    def serve(kind: str) -> Client:
        if kind == "ours":
            train = make("train", "adapter", max_steps=6, learning_rate=1e-2)
            assert train.run() == 0, log(train)
            merged = merge(train)
            assert merged.run() == 0, log(merged)
            folder = Path(merged.done()["outputs"]["merged"])
        else:
            folder = tmp_path / "folder"
            shutil.copytree(tiny_model, folder)
            for steps, name in ((6, "one"), (40, "two-1.5b")):
                spec = {**SFT, "knobs": {**KNOBS, "max_steps": steps}, "device": "cpu"}
                train = forged("train", name).order(
                    spec, {"fetch": {"model": tiny_model}, "prepare": {"rows": tiny_rows}}
                )
                assert train.run() == 0, log(train)
                shutil.copytree(trained(train), folder / "adapters" / name)
        port = claim("127.0.0.1", 0)
        told = ["--model", str(folder), "--name", "me", "--port", str(port), "--dtype", "float32", "--context", "256"]
        place = tmp_path / "served"
        place.mkdir()
        servers.append(forge.run("wizard.stages.openai_server", place, *told, wait=False, VLLM_API_KEY="a key"))
        client, deadline = Client(url=f"http://127.0.0.1:{port}/v1", model="me", key="a key"), time.monotonic() + 60
        while not client.healthy() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert client.healthy(), (place / "log.txt").read_text()[-3000:]
        return client

    yield serve
    for server in servers:
        os.kill(server, signal.SIGKILL)


@pytest.mark.parametrize(("kind", "names"), [("ours", ["me", "base"]), ("peft", ["me", "one", "two-1.5b"])])
def test_a_request_chooses_an_adapter_or_the_base_by_name(
    kind: str, names: list[str], apart: Callable[[str], Client]
) -> None:
    client = apart(kind)
    headers = {"Authorization": f"Bearer {client.key}"}
    listed = httpx.get(f"{client.url}/models", headers=headers).json()["data"]
    assert [each["id"] for each in listed] == names
    ask = {"messages": [{"role": "user", "content": QUESTIONS[0]}], "temperature": 0, "max_tokens": 24}

    def answers() -> list[str]:
        told = [
            httpx.post(f"{client.url}/chat/completions", json={**ask, "model": name}, headers=headers).json()
            for name in names
        ]
        assert [each["model"] for each in told] == names
        return [str(each["choices"][0]["message"]["content"]) for each in told]

    first = answers()
    assert len(set(first)) == len(names), "each speaks with a voice of its own"
    assert answers() == first, "whoever spoke before"
    refused = httpx.post(f"{client.url}/chat/completions", json={**ask, "model": "three"}, headers=headers)
    assert refused.status_code == 404
    assert all(f"`{name}`" in refused.json()["error"]["message"] for name in names)
