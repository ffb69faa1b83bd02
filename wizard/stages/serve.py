"""Serve the model behind an OpenAI-compatible API with a key, prove it answers, and keep it up until told to stop.

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
from dataclasses import replace
from pathlib import Path
from typing import Any

from wizard.contract import CHAT, head_of
from wizard.errors import ExitCode, WizardError
from wizard.stages import engine, ports, prompts, safety
from wizard.stages.client import Client, Untold, said, text_of, thought_of
from wizard.stages.commanding import adapters_of, command, hold_draft, positions_of
from wizard.stages.desk import STOPPED, Bench, Order, run
from wizard.stages.guard import KEY_VARIABLE
from wizard.stages.heads import answers
from wizard.stages.lives import Lives
from wizard.stages.weights import check_model


class Swallowed(Exception):
    """Each answer was taken for a thought: the training taught the model to answer without."""


def work(bench: Bench) -> None:
    order = bench.order
    model = model_of(order)
    check_model(model)
    safety.check(model)
    hold_draft(order.spec)
    key = key_of(Path(order.spec["key_file"]))
    host, port = order.spec["host"], ports.claim(order.spec["host"], int(order.spec["port"]))
    client = Client(url=f"http://{reachable(host)}:{port}/v1", model=order.spec["served_name"], key=key)
    signal.signal(signal.SIGTERM, engine.stop)
    signal.signal(signal.SIGINT, engine.stop)
    engine.adopt_orphans()
    try:
        keep_up(bench, client, model, port)
    except engine.Stop:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(STOPPED)


def keep_up(bench: Bench, client: Client, model: Path, port: int) -> None:
    """Until told to stop. What ends before it was ever ready is the end; after that it is started again."""
    spec, lives = bench.order.spec, Lives()
    while True:
        bench.phase("restart-engine" if lives.were_ready else "start-engine")
        served = engine.start(command(spec, model, port), {**os.environ, KEY_VARIABLE: client.key})
        try:
            engine.wait_until_healthy(served, client.healthy, name(bench), log(bench))
            introduce(bench, served, client, model, spec, again=lives.were_ready)
            lives.ready()
            while served.poll() is None:
                time.sleep(engine.LOOK_SECONDS)
        except Swallowed:
            bench.note("thoughts-not-taught", engine=name(bench))
            spec = without_thoughts(spec)
            continue
        except WizardError:
            if not lives.were_ready:
                raise
        finally:
            engine.end(served)
        told = {"engine": name(bench), "exit": served.returncode, "log": log(bench)}
        wait = lives.ended()
        if wait is None:
            raise WizardError("engine-keeps-ending", exit_code=ExitCode.FAILED, times=lives.ends, **told)
        bench.note("engine-restarted", "warning", wait=wait, time=lives.ends, **told)
        time.sleep(wait)


def without_thoughts(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "options": {name: parts for name, parts in spec["options"].items() if name != "reasoning"}}


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


def introduce(
    bench: Bench, served: subprocess.Popen[bytes], client: Client, model: Path, spec: Mapping[str, Any], *, again: bool
) -> None:
    """Health is no proof: some engines die at the first request, so the questions are asked before it is ready."""
    bench.phase("answer-after")
    try:
        after, same = answered(bench, client, model, spec)
        greet(bench, client, model)
    except (OSError, ValueError, LookupError) as error:
        if served.poll() is not None:
            raise engine.died(served, name(bench), log(bench)) from error
        raise WizardError("engine-refuses", exit_code=ExitCode.FAILED, engine=name(bench), log=log(bench)) from error
    if not again:
        if same.get("talks"):
            code = "prompts-same" if "merge" in bench.order.inputs else "prompts-written"
            bench.note(code, talks=same["talks"], tokens=same["tokens"])
        result = {"after": after[: len(spec["questions"])], "endpoint": client.url, "engine": name(bench)}
        bench.event("result", **result, why=spec.get("why", []), prompts=same)
    bench.event("ready", endpoint=client.url, model=client.model, engine=name(bench))


def answered(bench: Bench, client: Client, model: Path, spec: Mapping[str, Any]) -> tuple[list[str], dict[str, int]]:
    """The answers after the training; of a model that writes, that it reads what it was trained on."""
    questions = spec["questions"] or ["Hello"]
    if (head := head_of(spec)) != CHAT:
        return answers(client, head, questions, bench.order.results.get("merge", {}).get("texts", ())), {}
    told = [client.reply(question, int(spec["max_new_tokens"])) for question in questions]
    if "reasoning" in spec.get("options", {}) and all(map(swallowed, told)):
        raise Swallowed
    bench.phase("compare-prompts")
    return [said(text_of(each["message"])) for each in told], same_prompts(bench, client, model)


def swallowed(told: Mapping[str, Any]) -> bool:
    """It ended of itself, and was never seen to have begun its answer."""
    message = told["message"]
    return told.get("finish_reason") == "stop" and not message.get("content") and bool(thought_of(message))


def greet(bench: Bench, client: Client, model: Path) -> None:
    """Each adapter answers too, and is warm with that."""
    for adapter in adapters_of(bench.order.spec, model) if head_of(bench.order.spec) == CHAT else ():
        try:
            replace(client, model=adapter).reply("Hello", 1)
        except OSError as error:
            here = {"name": adapter, "engine": name(bench), "log": log(bench)}
            raise WizardError("adapter-refused", exit_code=ExitCode.FAILED, **here) from error


def same_prompts(bench: Bench, client: Client, model: Path) -> dict[str, int]:
    """The tokens of a request are those of the training; without a training, those of the model's own template."""
    from wizard.stages.template import Talker

    talker = Talker(model)
    sheet = prompts.noted(bench.order) or prompts.sheet_of(talker, bench.order.spec["questions"])
    room = min(int(bench.order.spec["context"]), positions_of(model))
    try:
        return prompts.hold(sheet, "endpoint", lambda talk: client.prompt_ids(talk.messages, talk.tools), talker, room)
    except Untold:
        return {}


def name(bench: Bench) -> str:
    return str(bench.order.spec["engine"])


def log(bench: Bench) -> str:
    return str(bench.folder / "log.txt")


if __name__ == "__main__":
    run(work)
