"""Engines that take their key in their arguments alone: it stands in no list of processes and in no log."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.unit.stages.programs import StageRun, Stages, environment, serving
from tests.unit.stages.test_serve import KEY, Served, engine_environment, spec
from wizard.stages.launch import copy

STAND_IN = '''
"""Stands for {module}: tells its arguments in its log, starts children as it does, and asks for no key."""
import multiprocessing
import os
import sys

import uvicorn
from fastapi import FastAPI
from stood_in_worker import work

app = FastAPI()


@app.get("/health")
@app.get("/metrics")
def well():
    return {{"worker": WORKERS[0].is_alive()}}


@app.post("/v1/chat/completions")
def chat(asked: dict):
    message = {{"role": "assistant", "content": "six"}}
    return {{"choices": [{{"message": message, "finish_reason": "stop"}}], "model": asked["model"]}}


WORKERS = []
if __name__ == "__main__":
    print("started with", sys.argv[1:], flush=True)
    assert sys.argv[-1] == os.environ["VLLM_API_KEY"], sys.argv
    WORKERS.append(multiprocessing.get_context("spawn").Process(target=work, args=(sys.argv[1:],), daemon=False))
    WORKERS[0].start()
    port = int(next(after for flag, after in zip(sys.argv, sys.argv[1:]) if flag in ("--port", "--server-port")))
    uvicorn.run(app, host="127.0.0.1", port=port)
'''
WORKER = """
import subprocess
import sys
import time


def work(arguments):
    print("worker", arguments, flush=True)
    subprocess.Popen([sys.executable, "-c", "import time; print('grandchild', flush=True); time.sleep(600)"])
    time.sleep(600)
"""
PLACES = {"sglang": "sglang/launch_server.py", "lmdeploy": "lmdeploy/__main__.py"}


def stand_in(engine: str, folder: Path) -> None:
    file = folder / PLACES[engine]
    file.parent.mkdir(parents=True)
    (file.parent / "__init__.py").touch()
    (folder / "stood_in_worker.py").write_text(WORKER)
    file.write_text(STAND_IN.format(module=engine))


def ordered(engine: str, stage: Stages, python: Path, lib: Path, model: Path, root: Path) -> StageRun:
    stand_in(engine, root / "packages")
    path = f"{lib}{os.pathsep}{root / 'packages'}"
    made = stage("serve", python, "", **engine_environment(engine), PYTHONPATH=path)
    return made.order(spec(engine, root, dtype="auto"), {"merge": {"merged": model}})


@pytest.mark.parametrize("engine", PLACES)
def test_no_descendant_s_command_line_has_the_key_and_no_route_is_open(
    engine: str, stage: Stages, trl_python: Path, lib: Path, tiny_model: Path, tmp_path: Path
) -> None:
    serve = ordered(engine, stage, trl_python, lib, tiny_model, tmp_path)
    with serving(serve) as process:
        serve.wait_for(lambda stage: "grandchild" in (stage.path / "log.txt").read_text(), process)
        tree = psutil.Process(process.pid).children(recursive=True)
        lines = [" ".join(each.cmdline()) for each in (psutil.Process(process.pid), *tree)]
        assert len(lines) >= 5  # the stage, the engine, what writes its log, a worker, and its child
        assert [line for line in lines if KEY in line] == []
        assert any("spawn_main" in line for line in lines)
        served = Served(serve, process, serve.events("ready")[0]["endpoint"].removesuffix("/v1"))
        assert [served.status("/metrics", key=key) for key in (None, "wrong", KEY)] == [401, 401, 200]
        assert served.status("/health") == 200
        assert json.load(served.chat())["choices"][0]["message"]["content"] == "six"
    log = (serve.path / "log.txt").read_text()
    assert KEY not in log + (serve.path / "events.jsonl").read_text()
    assert re.search(r"started with .*\*\*\*", log)
    assert re.search(r"worker .*\*\*\*", log)
    assert [each for each in tree if each.is_running() and each.status() != "zombie"] == []


@pytest.mark.parametrize("pieces", [[b"a secret, a sec", b"ret\n"], [b"50 %\r100 % secret\r"], [b"no end: secret"]])
def test_a_key_that_is_written_in_parts_is_blotted_out_too(pieces: list[bytes], tmp_path: Path) -> None:
    source, end = os.pipe()
    for piece in pieces:
        os.write(end, piece)
    os.close(end)
    with (tmp_path / "log").open("wb") as log:
        copy(source, log.fileno(), b"secret")
    assert (tmp_path / "log").read_bytes() == b"".join(pieces).replace(b"secret", b"***")


def test_without_a_key_nothing_starts(trl_python: Path, lib: Path, tmp_path: Path) -> None:
    stand_in("sglang", tmp_path)
    command = [str(trl_python), "-m", "wizard.stages.launch", "sglang.launch_server", "--api-key", "--port", "1"]
    told = environment(lib, PYTHONPATH=f"{lib}{os.pathsep}{tmp_path}")
    ended = subprocess.run(command, env=told, capture_output=True, text=True, timeout=60)
    assert ended.returncode != 0
    assert "started" not in ended.stdout
