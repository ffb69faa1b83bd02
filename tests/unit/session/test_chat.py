import json
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from wizard.errors import WizardError
from wizard.session.chat import Endpoint, stream

KEY = "sk-right"


class Server(BaseHTTPRequestHandler):
    """An endpoint as the engines are: server-sent events, 401 without the key."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self.send_response(401)
            self.end_headers()
            self.wfile.write(b'{"error":"Unauthorized"}')
            return
        self.send_response(200)
        self.end_headers()
        if not body.get("stream"):
            self.wfile.write(json.dumps({"echo": body["messages"][-1]["content"]}).encode())
            return
        said = body["messages"][-1]["content"]
        for piece in ("you said ", said):
            event = {"choices": [{"delta": {"content": piece}}]}
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
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


def test_a_server_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(WizardError) as caught:
        list(stream(endpoint("http://127.0.0.1:9/v1", tmp_path), ask("hello")))
    assert caught.value.problem.code == "endpoint-unreachable"


def test_the_key_does_not_show_when_an_endpoint_is_printed(tmp_path: Path) -> None:
    assert KEY not in repr(endpoint("http://127.0.0.1:9/v1", tmp_path))


def test_the_curl_line_works_when_pasted_and_holds_no_key(url: str, tmp_path: Path) -> None:
    line = endpoint(url, tmp_path).curl('what\'s "this"? 好')
    assert KEY not in line
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=30)
    assert json.loads(done.stdout) == {"echo": 'what\'s "this"? 好'}
