"""What people and programs do with a served model, done to a real one: snippets run as they are pasted, a talk, a
benchmark, and a server that is killed under both."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.unit.stages.programs import REPO, Forge, served
from tests.unit.stages.recipe_rows import drawn
from wizard.errors import WizardError
from wizard.session.chat import Endpoint, stream
from wizard.session.using import Conversation, obey
from wizard.session.using.bench import Level, Wanted, bench
from wizard.session.using.snippets import FORMS, snippet
from wizard.stages.client import Client

QUESTION = "It's \"3\" & `3`, isn't it? $HOME\n\\n 你好"


def secret(client: Client, folder: Path) -> Endpoint:
    """The key in files, as a run's secrets are, in a folder with an odd name."""
    place = folder / "it's a place"
    place.mkdir(exist_ok=True)
    (place / "run-0.5b.key").write_text(client.key)
    header = place / "run-0.5b.header"
    header.write_text(f"Authorization: Bearer {client.key}\n")
    return Endpoint(url=client.url, model=client.model, engine="transformers", key=client.key, header_file=header)


@pytest.fixture(scope="module")
def endpoint(forge: Forge, tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Endpoint]:
    folder = tmp_path_factory.mktemp("served")
    with served(forge, folder, tiny_model, "chat") as client:
        yield secret(client, folder)


@pytest.fixture(scope="session")
def clients(engine_python: Callable[[str, str], Path]) -> Path:
    """A Python with the libraries that people ask with, exactly those that were tried."""
    return engine_python("clients", str(REPO / "tests" / "clients.txt"))


Pasted = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pasted(clients: Path, tmp_path: Path) -> Pasted:
    """A snippet as somebody would use it: saved, and run by what it is written for."""

    def run(form: str, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
        file = tmp_path / {"curl": "ask.sh", "javascript": "ask.mjs"}.get(form, "ask.py")
        file.write_text(text, encoding="utf-8")
        program = {"curl": "bash", "javascript": shutil.which("node")}.get(form, str(clients))
        if program is None:
            pytest.skip("needs node")
        hidden = ("PYTHON", "YCDY_", "OPENAI_", "LANG")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        clean |= {"NO_PROXY": "127.0.0.1", "PYTHONUTF8": "1", **variables}
        return subprocess.run([program, str(file)], capture_output=True, text=True, env=clean, timeout=400)

    return run


@pytest.mark.parametrize("form", FORMS)
def test_a_snippet_works_when_pasted_and_holds_no_key(endpoint: Endpoint, pasted: Pasted, form: str) -> None:
    text = snippet(endpoint, form, QUESTION)
    assert endpoint.key not in text
    done = pasted(form, text)
    assert done.returncode == 0, done.stderr
    said = done.stdout.strip()
    if form == "curl":
        found = json.loads(done.stdout)
        said = found["choices"][0]["message"]["content"]
        asked = {"role": "user", "content": QUESTION}
        whole = Client(url=endpoint.url, model=endpoint.model, key=endpoint.key).chat(messages=[asked], max_tokens=1)
        assert found["usage"]["prompt_tokens"] == whole["usage"]["prompt_tokens"]
    assert said


@pytest.mark.parametrize("form", [form for form in FORMS if form != "curl"])
def test_on_another_machine_the_key_comes_from_a_variable(endpoint: Endpoint, pasted: Pasted, form: str) -> None:
    text = snippet(endpoint, form, "Hello").replace(str(endpoint.key_file), "/not/here.key")
    assert pasted(form, text).returncode != 0
    done = pasted(form, text, YCDY_API_KEY=endpoint.key)
    assert (done.returncode, bool(done.stdout.strip())) == (0, True), done.stderr


def test_what_does_not_write_is_asked_by_its_own_route(pasted: Pasted, tmp_path: Path) -> None:
    """By the routes that test_scoring asks of real models; here a server that tells what it was asked."""
    from http.server import BaseHTTPRequestHandler, HTTPServer

    heard: list[tuple[str, dict[str, Any]]] = []

    class Tell(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            vector = {"object": "embedding", "index": 0, "embedding": [0.5]}
            self.wfile.write(json.dumps({"object": "list", "data": [vector], "model": "m", "usage": {}}).encode())

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Tell)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = Client(url=f"http://127.0.0.1:{server.server_port}/v1", model="m", key="k")
    routes = {"score": "classify", "judge": "classify", "rerank": "rerank", "embedding": "embeddings"}
    for head, route in routes.items():
        for form in FORMS:
            if form == "langchain" and head != "embedding":
                continue
            done = pasted(form, snippet(secret(client, tmp_path), form, QUESTION, head))
            assert done.returncode == 0, done.stderr
            assert heard[-1][0] == f"/v1/{route}"
            told = heard[-1][1]
            turns = [turn["content"] for turn in told.get("messages", ())]
            assert QUESTION in (told.get("query"), *told.get("input", ()), *turns)
    server.shutdown()


def test_a_talk_is_heard_with_its_history_and_settings(endpoint: Endpoint) -> None:
    talk = Conversation()
    for line in ("/system Be brief.", "/temperature 0", "/max 6"):
        obey(line, talk, str)
    answers = []
    for text in ("one", "two", "one"):
        exchange = talk.asked(text)
        exchange.answers["tuned"] = "".join(stream(endpoint, talk.messages(exchange), **talk.options()))
        answers.append(exchange.answers["tuned"])
        talk.keep(exchange)
    assert all(answers)
    fresh = Conversation(system="Be brief.", sampling={"temperature": 0, "max_tokens": 6})
    again = fresh.asked("one")
    assert "".join(stream(endpoint, fresh.messages(again), **fresh.options())) == answers[0]


@pytest.mark.parametrize(
    ("asked", "code"),
    [("picture", "chat-picture-refused"), ("long", "chat-too-long"), ("key", "endpoint-wrong-key")],
)
def test_what_the_server_refuses_is_told_and_it_goes_on(endpoint: Endpoint, asked: str, code: str) -> None:
    talk, where = Conversation(), endpoint
    if asked == "picture":
        talk.pictures[Path("a.png")] = drawn("red")
    if asked == "key":
        where = Endpoint(url=endpoint.url, model="me", engine="e", key="wrong", header_file=endpoint.header_file)
    exchange = talk.asked("word " * 200 if asked == "long" else "What?")
    with pytest.raises(WizardError) as caught:
        list(stream(where, talk.messages(exchange)))
    assert caught.value.problem.code == code
    assert list(stream(endpoint, talk.messages(talk.asked("Hello")), max_tokens=4))


def server_of(endpoint: Endpoint) -> int:
    port = int(endpoint.url.rpartition(":")[2].partition("/")[0])
    found = [each for each in psutil.net_connections("tcp") if each.laddr.port == port and each.status == "LISTEN"]
    assert found[0].pid
    return found[0].pid


def test_a_benchmark_of_a_real_server_counts_its_tokens(endpoint: Endpoint) -> None:
    sweep = bench("r", endpoint, "chat", Wanted(users=(1, 2), read=40, written=6), lambda level: None)
    assert sweep.problem is None
    for level in sweep.levels:
        assert (level.failures, level.requests >= 8) == (0, True)
        assert level.read == pytest.approx(40, abs=12)
        assert 0 < level.written <= 6
        assert level.ttft_p50 and level.tokens_per_second > 0
    assert sweep.recommended in (1, 2)


def test_a_server_killed_under_a_talk_and_a_benchmark(forge: Forge, tmp_path: Path, tiny_model: Path) -> None:
    levels: list[Level] = []
    heard: list[Iterator[str]] = []
    with served(forge, tmp_path, tiny_model, "chat") as client:
        endpoint = secret(client, tmp_path)
        server = server_of(endpoint)

        def told(level: Level) -> None:
            levels.append(level)
            if not heard:
                asked = [{"role": "user", "content": "Tell me"}]
                heard.append(stream(endpoint, asked, max_tokens=200, temperature=0))
                next(heard[0])
                threading.Timer(0.05, os.kill, (server, signal.SIGKILL)).start()

        sweep = bench("r", endpoint, "chat", Wanted(users=(1, 2), read=40, written=40), told)
        with pytest.raises(WizardError) as caught:
            list(heard[0])
    assert caught.value.problem.code in ("endpoint-broke-off", "endpoint-unreachable")
    assert sweep.problem and sweep.problem.code == "bench-broke-off"
    assert sweep.levels[0] == levels[0]
    assert not levels[0].failures
    assert levels[1].failures
