import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wizard.errors import WizardError
from wizard.session.chat import Endpoint, stream
from wizard.session.using.desk import UsingDesk
from wizard.session.using.snippets import snippet

KEY = "sk-right"
REFUSALS = {  # as engines word them
    "vllm": (400, '{"error": {"message": "This model\'s maximum context length is 2048 tokens. However ..."}}'),
    "transformers": (400, '{"error": {"message": "This model\'s context is 256 tokens; 300 are taken."}}'),
    "lmdeploy": (400, '{"message": "max_tokens is too large"}'),
    "template": (400, '{"error": {"message": "The messages do not fit the chat template: x"}}'),
    "busy": (429, "<html>too many</html>"),
    "broken": (500, '{"detail": "Internal"}'),
}


class Server(BaseHTTPRequestHandler):
    """An endpoint as the engines are: server-sent events, 401 without the key."""

    served = ("m",)

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"data": [{"id": name} for name in self.served]}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self.send_response(401)
            self.end_headers()
            self.wfile.write(b'{"error":"Unauthorized"}')
            return
        said = body["messages"][-1]["content"]
        if said in REFUSALS:
            status, words = REFUSALS[said]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(words.encode())
            return
        self.send_response(200)
        self.end_headers()
        if not body.get("stream"):
            self.wfile.write(json.dumps({"echo": body["messages"][-1]["content"]}).encode())
            return
        self.wfile.write(b": still here\n\n")
        for piece in ("you said ", said):
            event = {"choices": [{"delta": {"content": piece}}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        if said in ("break off", "break in the middle"):
            self.wfile.write(b'data: {"choices": [{"del' if said.endswith("middle") else b"")
            return
        last = {"error": {"message": "engine died"}} if said == "die" else {"choices": []}
        self.wfile.write(f"data: {json.dumps(last)}\n\ndata: [DONE]\n\n".encode())

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def endpoint(url: str, folder: Path, key: str = KEY) -> Endpoint:
    header = folder / "it's a key.header"
    header.write_text(f"Authorization: Bearer {key}\n", encoding="utf-8")
    return Endpoint(url=url, model="m", engine="e", key=key, header_file=header)


def ask(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_an_answer_comes_piece_by_piece(url: str, tmp_path: Path) -> None:
    assert list(stream(endpoint(url, tmp_path), ask("你好"))) == ["you said ", "你好"]


def test_a_wrong_key_is_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(WizardError) as caught:
        list(stream(endpoint(url, tmp_path, "sk-wrong"), ask("hello")))
    assert caught.value.problem.code == "endpoint-wrong-key"


def test_an_error_in_the_middle_of_an_answer_is_told(url: str, tmp_path: Path) -> None:
    with pytest.raises(WizardError) as caught:
        list(stream(endpoint(url, tmp_path), ask("die")))
    assert caught.value.problem.code == "endpoint-refused"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("vllm", "chat-too-long"),
        ("transformers", "chat-too-long"),
        ("lmdeploy", "chat-too-long"),
        ("template", "endpoint-refused"),
        ("busy", "endpoint-busy"),
        ("broken", "endpoint-refused"),
    ],
)
def test_a_refusal_is_told_by_what_can_be_done_about_it(url: str, tmp_path: Path, said: str, code: str) -> None:
    with pytest.raises(WizardError) as caught:
        list(stream(endpoint(url, tmp_path), ask(said)))
    assert caught.value.problem.code == code
    assert "{" not in caught.value.problem.params["answer"]


@pytest.mark.parametrize("said", ["break off", "break in the middle"])
def test_an_answer_that_breaks_off_is_not_taken_for_a_whole_one(url: str, tmp_path: Path, said: str) -> None:
    heard = []
    with pytest.raises(WizardError) as caught:
        for piece in stream(endpoint(url, tmp_path), ask(said)):
            heard.append(piece)
    assert caught.value.problem.code == "endpoint-broke-off"
    assert heard == ["you said ", said]


def test_a_picture_that_is_refused_is_told_as_one(url: str, tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
    asked = [{"role": "user", "content": [picture]}, *ask("template")]
    with pytest.raises(WizardError) as caught:
        list(stream(endpoint(url, tmp_path), asked))
    assert caught.value.problem.code == "chat-picture-refused"


class At(UsingDesk):
    """A desk of one run, served at `where`, whose model is trained by `trainer`."""

    def __init__(self, where: Endpoint, trainer: str = "sft") -> None:
        self.where, self.trainer = where, trainer

    def endpoint(self, run: str) -> Endpoint:
        return self.where

    def plan_of(self, run: str) -> Any:
        return SimpleNamespace(stages=[SimpleNamespace(name="serve", spec={"trainer": self.trainer})])


@pytest.mark.parametrize(("served", "base"), [(("m", "m-base"), "m-base"), (("m", "other", "base"), "base")])
def test_the_base_is_found_beside_an_adapter_that_was_kept_apart(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: tuple[str, ...], base: str
) -> None:
    monkeypatch.setattr(Server, "served", served)
    assert At(endpoint(url, tmp_path)).base_of("r") == base


@pytest.mark.parametrize("served", [("m",), ("m", "x-base")])
def test_of_a_merged_model_the_base_is_not_there(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: tuple[str, ...]
) -> None:
    monkeypatch.setattr(Server, "served", served)
    with pytest.raises(WizardError) as caught:
        At(endpoint(url, tmp_path)).base_of("r")
    assert caught.value.problem.code == "chat-no-base"


def test_a_model_that_does_not_write_is_not_talked_to(url: str, tmp_path: Path) -> None:
    desk = At(endpoint(url, tmp_path), "embedding")
    with pytest.raises(WizardError) as caught:
        desk.chat("r", ask("hello"))
    assert caught.value.problem.code == "chat-not-writing"
    assert desk.snippet_forms("r") == ("curl", "python", "langchain", "javascript")
    assert "/embeddings" in desk.snippet("r", "curl", "hello")
    scored = At(endpoint(url, tmp_path), "reward")
    assert scored.snippet_forms("r") == ("curl", "python", "javascript")
    for form, code in (("langchain", "snippet-none"), ("pyhton", "snippet-unknown")):
        with pytest.raises(WizardError) as caught:
            scored.snippet("r", form, "hello")
        assert caught.value.problem.code == code


def test_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(WizardError) as caught:
        list(stream(endpoint("http://127.0.0.1:9/v1", tmp_path), ask("hello")))
    assert caught.value.problem.code == "endpoint-unreachable"


def test_the_key_does_not_show_when_an_endpoint_is_printed(tmp_path: Path) -> None:
    assert KEY not in repr(endpoint("http://127.0.0.1:9/v1", tmp_path))


def test_the_curl_line_works_when_pasted_and_holds_no_key(url: str, tmp_path: Path) -> None:
    line = snippet(endpoint(url, tmp_path), "curl", 'what\'s "this"? 好')
    assert KEY not in line
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30)
    assert json.loads(done.stdout) == {"echo": 'what\'s "this"? 好'}
