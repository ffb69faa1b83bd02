"""A run that serves (a small HTTP server tells what reached it), and its front: the real nginx, the real keeper."""

from __future__ import annotations

import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from wizard.contract import Choice, DataChoice, Front, Knobs, Plan, Stage, Verdict
from wizard.journal import Home, Journal, RunFolder, write_plan
from wizard.run import api_key, take
from wizard.run.control import run_marker
from wizard.run.processes import marked, tree
from wizard.session.fronts import Fronts

RUN = "20250101-tiny-identity-ab12"
CHUNK_SECONDS = 0.15


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
    return value


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Engine:
    """It answers everything, as an engine without a key does, and remembers what it was asked."""

    def __init__(self, port: int = 0) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                engine.seen.append((self.command, self.path, dict(self.headers.items()), body))
                if b'"stream": true' in body:
                    return self.stream()
                told = json.dumps({"object": "list", "data": [{"id": "tiny"}], "read": len(body)}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def stream(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for number in (*range(4), "[DONE]"):
                    piece = f"data: {number}\n\n".encode()
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                    time.sleep(CHUNK_SECONDS)
                self.wfile.write(b"0\r\n\r\n")

            do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = do_OPTIONS = do_PATCH = answer

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = int(self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Served:
    """A run whose state says that it serves; this process holds its lock as a supervisor would."""

    home: Home
    folder: RunFolder
    engine: Engine
    fronts: Fronts
    port: int = field(default_factory=free_port)
    key: str = ""

    def open(self, **asked: Any) -> Front:
        given = {"listen": f"127.0.0.1:{self.port}", "allow": ["private"], "tls": "off", **asked}
        return self.fronts.open(RUN, self.fronts.asked(RUN, **given))

    def says(self, kind: str, **rest: Any) -> None:
        Journal(self.folder.supervisor).write(kind, **rest)

    def ready(self, port: int) -> None:
        endpoint = f"http://127.0.0.1:{port}/v1"
        Journal(self.folder.stage("01-serve").events).write("ready", endpoint=endpoint, model="tiny", engine="toy")

    @property
    def path(self) -> Path:
        return self.folder.path / "front"

    def raw(self, data: bytes, *pieces: bytes, pause: float = 0.0, patience: float = 10.0) -> bytes:
        """What comes back until the connection is closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as line:
            line.sendall(data)
            for piece in pieces:
                time.sleep(pause)
                line.sendall(piece)
            read: list[bytes] = []
            with suppress(ConnectionResetError):
                while piece := line.recv(65536):
                    read.append(piece)
            return b"".join(read)

    def ask(
        self, path: str = "/v1/models", key: str = "", method: str = "GET", body: bytes = b"", more: str = ""
    ) -> tuple[int, bytes]:
        """Status and body, of one request on a connection of its own; nothing is tidied on the way."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close"]
        lines += [f"Authorization: Bearer {key}"] if key else []
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"] if body else []
        head = "\r\n".join([*lines, *([more] if more else [])]) + "\r\n\r\n"
        return parted(self.raw(head.encode("latin-1") + body))


def parted(answer: bytes) -> tuple[int, bytes]:
    """A connection that is closed without a word is status 0."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return (int(head.split(b" ")[1]) if head.startswith(b"HTTP/") else 0), body


def plan(run: str) -> Plan:
    sizes = dict.fromkeys(("peak_bytes", "reserved_bytes", "card_bytes", "safe_bytes", "capacity_bytes"), 1)
    texts = dict.fromkeys(("recipe", "model", "task", "method", "moment"), "x")
    return Plan(
        run=run,
        created=0.0,
        language="en",
        choice=Choice(recipe="x", model="x", knobs=Knobs(), data=DataChoice(kind="path", ref="x")),
        device="cpu",
        gpus=(),
        stages=(Stage(name="serve", folder="01-serve", engine="toy", environment="toy", service=True),),
        environments=(),
        forecast=Verdict(knobs=Knobs(), status="fits", terms=(), **sizes, **texts),  # type: ignore[arg-type]
    )


def has_nginx() -> bool:
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is not None


@contextmanager
def serving(root: Path) -> Iterator[Served]:
    """The engine's words stand in the run's files, and this process holds the run's lock."""
    if not has_nginx():
        pytest.skip("needs nginx: apt-get install nginx-light")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("YCDY_") and name != "YCDY_UV"]:
            patch.delenv(name)
        home = Home(root, root)
        patch.setenv("YCDY_HOME", str(root))
        folder = home.run(RUN)
        folder.stage("01-serve").path.mkdir(parents=True)
        write_plan(folder.plan, plan(RUN))
        api_key(home, RUN)
        lock, engine = take(folder.lock), Engine()
        assert lock
        made = Served(home, folder, engine, Fronts(home))
        made.says("run-started", pid=os.getpid(), attempt=1)
        made.says("stage-started", stage="serve", attempt=1, rung=0)
        made.ready(engine.port)
        yield made
        made.fronts.close(RUN)
        until(lambda: not marked(run_marker(folder)), 10)
        lock.release()
        engine.end()


def descendants(folder: RunFolder) -> list[int]:
    """The keeper, which carries the run's mark, nginx's master and its workers."""
    return sorted({pid for keeper in marked(run_marker(folder)) for pid in tree(keeper)})
