import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from wizard.stages.client import Client


class Endpoint(BaseHTTPRequestHandler):
    answer = ""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({"choices": [{"message": {"role": "assistant", "content": self.answer}}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def client() -> Iterator[Client]:
    server = HTTPServer(("127.0.0.1", 0), Endpoint)
    Thread(target=server.serve_forever, daemon=True).start()
    yield Client(url=f"http://127.0.0.1:{server.server_port}/v1", model="tiny", key="k")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (" I am Bo.\n", "I am Bo."),
        ("我是小\N{REPLACEMENT CHARACTER}", "我是小"),
        ("a broken \N{REPLACEMENT CHARACTER} of its own", "a broken \N{REPLACEMENT CHARACTER} of its own"),
        ("\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}", ""),
    ],
)
def test_an_answer_cut_inside_a_character_ends_before_it(client: Client, written: str, said: str) -> None:
    Endpoint.answer = written
    assert client.ask("Who are you?", 8) == said
