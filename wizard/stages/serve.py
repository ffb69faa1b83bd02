"""Serve the model behind an OpenAI-compatible API with a key, prove it answers, and watch it until told to stop.

python -m wizard.stages.serve RUN/05-serve
grep ready RUN/05-serve/events.jsonl
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from wizard.contract import MOST_OF_A_CARD, share_of_card
from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json
from wizard.stages import engine, ports, prompts, safety
from wizard.stages.client import Client
from wizard.stages.desk import STOPPED, Bench, Order, run
from wizard.stages.device import cpu_has_bf16
from wizard.stages.guard import KEY_VARIABLE
from wizard.stages.heads import CHAT, answers, head_of
from wizard.stages.weights import check_model

LOOK_SECONDS = 0.2
START_SECONDS = 1800
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


class Stop(BaseException):
    """SIGTERM came."""


def work(bench: Bench) -> None:
    order = bench.order
    model = model_of(order)
    check_model(model)
    safety.check(model)
    key = key_of(Path(order.spec["key_file"]))
    host, port = order.spec["host"], ports.claim(order.spec["host"], int(order.spec["port"]))
    client = Client(url=f"http://{reachable(host)}:{port}/v1", model=order.spec["served_name"], key=key)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    engine.adopt_orphans()
    bench.phase("start-engine")
    served = engine.start(command(order.spec, model, port), {**os.environ, KEY_VARIABLE: key})
    try:
        wait_until_healthy(bench, served, client)
        introduce(bench, served, client, model)
        while served.poll() is None:
            time.sleep(LOOK_SECONDS)
        raise died(bench, served)
    except Stop:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(STOPPED)
    finally:
        engine.end(served)


def stop(number: int, frame: FrameType | None) -> None:
    raise Stop


def model_of(order: Order) -> Path:
    if "quantise" in order.inputs:
        return order.input("quantise", "quantised")
    return order.input("merge", "merged") if "merge" in order.inputs else order.input("fetch", "model")


def key_of(file: Path) -> str:
    try:
        key = file.read_text(encoding="utf-8").strip()
    except OSError:
        key = ""
    if not key:
        raise WizardError("key-missing", exit_code=ExitCode.FAILED, path=str(file))
    return key


def reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "") else host


def command(spec: Mapping[str, Any], model: Path, port: int) -> list[str]:
    values = {
        "model": str(model),
        "name": spec["served_name"],
        "host": spec["host"],
        "port": str(port),
        "dtype": spec.get("dtype") or number_type(spec),
        "context": str(spec["context"]),
        "head": head_of(spec),
        "share": share() if any("{share}" in part for part in spec["argv"]) else "",
    }
    adapter = adapter_of(model)
    if adapter is None or not spec.get("adapter_argv"):
        return [sys.executable, *(part.format_map(values) for part in spec["argv"])]
    beside = {**values, "adapter": str(adapter), "rank": str(largest_rank(adapter))}
    base = {**values, "name": f"{spec['served_name']}-base"}  # the name that is asked for is the adapter's
    told = [part.format_map(base) for part in spec["argv"]]
    return [sys.executable, *told, *(part.format_map(beside) for part in spec["adapter_argv"])]


def adapter_of(model: Path) -> Path | None:
    """One that was kept apart from the model that it was trained on."""
    return model / "adapter" if (model / "adapter" / "adapter_config.json").is_file() else None


def largest_rank(adapter: Path) -> int:
    """The least that vLLM lets one ask for (vllm/config/lora.py) and that this adapter needs."""
    told = read_json(adapter / "adapter_config.json")
    rank = max(int(told.get("r") or 1), *(int(each) for each in (told.get("rank_pattern") or {"": 1}).values()))
    return next((most for most in RANKS if most >= rank), RANKS[-1])


def share() -> str:
    """Of the card, as it is now: asked in a process of its own, since a context on the card stays while its process
    does. An engine has one too when it looks."""
    code = "import torch; print(*torch.cuda.mem_get_info())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    if len(told) != 2:
        return f"{MOST_OF_A_CARD:g}"
    return f"{share_of_card(int(told[0]), int(told[1])):g}"


def number_type(spec: Mapping[str, Any]) -> str:
    """fp32 serves 1.7 times faster than bf16 on a CPU without bf16 instructions; a GPU's engine chooses itself."""
    if spec.get("device", "cpu") != "cpu" or spec["engine"] == "vllm":
        return "auto"
    return "bfloat16" if cpu_has_bf16() else "float32"


def wait_until_healthy(bench: Bench, served: subprocess.Popen[bytes], client: Client) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not client.healthy():
        if served.poll() is not None:
            raise died(bench, served)
        if time.monotonic() > deadline:
            raise WizardError("engine-silent", exit_code=ExitCode.FAILED, engine=name(bench), log=log(bench))
        time.sleep(LOOK_SECONDS)


def introduce(bench: Bench, served: subprocess.Popen[bytes], client: Client, model: Path) -> None:
    """Health is no proof: some engines die at the first request, so the questions are asked before it is ready."""
    spec = bench.order.spec
    bench.phase("answer-after")
    try:
        after, same = answered(bench, client, model)
    except (OSError, ValueError, LookupError) as error:
        if served.poll() is not None:
            raise died(bench, served) from error
        raise WizardError("engine-refuses", exit_code=ExitCode.FAILED, engine=name(bench), log=log(bench)) from error
    if same.get("talks"):
        code = "prompts-same" if "merge" in bench.order.inputs else "prompts-written"
        bench.note(code, talks=same["talks"], tokens=same["tokens"])
    result = {"after": after[: len(spec["questions"])], "endpoint": client.url, "engine": name(bench)}
    bench.event("result", **result, why=spec.get("why", []), prompts=same)
    bench.event("ready", endpoint=client.url, model=client.model, engine=name(bench))


def answered(bench: Bench, client: Client, model: Path) -> tuple[list[str], dict[str, int]]:
    """The answers after the training; of a model that writes, that it reads what it was trained on."""
    spec = bench.order.spec
    questions = spec["questions"] or ["Hello"]
    if (head := head_of(spec)) != CHAT:
        return answers(client, head, questions, bench.order.results.get("merge", {}).get("texts", ())), {}
    after = [client.ask(question, int(spec["max_new_tokens"])) for question in questions]
    bench.phase("compare-prompts")
    return after, same_prompts(bench, client, model)


def same_prompts(bench: Bench, client: Client, model: Path) -> dict[str, int]:
    """The tokens of a request are those of the training; without a training, those of the model's own template."""
    from wizard.stages.template import Talker

    talker = Talker(model)
    sheet = prompts.noted(bench.order) or prompts.sheet_of(talker, bench.order.spec["questions"])
    room = int(bench.order.spec["context"])
    return prompts.hold(sheet, "endpoint", lambda talk: client.prompt_ids(talk.messages, talk.tools), talker, room)


def died(bench: Bench, served: subprocess.Popen[bytes]) -> WizardError:
    code = served.wait()
    return WizardError("engine-died", exit_code=ExitCode.FAILED, engine=name(bench), exit=code, log=log(bench))


def name(bench: Bench) -> str:
    return str(bench.order.spec["engine"])


def log(bench: Bench) -> str:
    return str(bench.folder / "log.txt")


if __name__ == "__main__":
    run(work)
