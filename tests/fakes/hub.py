"""A small model hub on this machine that speaks to the real SDKs of ModelScope and Hugging Face."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAMES = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Server Error"}


@dataclass
class Hub:
    """What the hub holds, what it refuses, and what it was asked."""

    files: dict[str, bytes]
    token: str = ""
    status: dict[str, int] = field(default_factory=dict)  # hub kind -> refuse everything with this
    cut_after: int = 0  # break the connection once, after so many bytes of a file larger than that
    wrong_bytes: str = ""  # this file is served with its first byte changed
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    url: str = ""
    cuts: int = 0


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def running(hub: Hub) -> Iterator[Hub]:
    class Handler(HubHandler):
        here = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class HubHandler(BaseHTTPRequestHandler):
    here: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        path, query = unquote(address.path), {name: values[0] for name, values in parse_qs(address.query).items()}
        kind = "modelscope" if path.startswith("/api/v1/") else "huggingface"
        self.here.asked.append(f"{self.command} {path}")
        if status := self.refusal(kind):
            return self.refuse(status)
        if kind == "modelscope":
            return self.modelscope(path, query)
        return self.huggingface(path)

    def refusal(self, kind: str) -> int:
        if status := self.here.status.get(kind):
            return status
        given = self.headers.get("Authorization", "")
        return 401 if self.here.token and given != f"Bearer {self.here.token}" else 0

    def refuse(self, status: int) -> None:
        headers = {"X-Error-Code": "RepoNotFound"} if status == 404 else {}
        self.say({"Code": status, "Success": False, "Message": NAMES[status], "error": NAMES[status]}, status, headers)

    def modelscope(self, path: str, query: dict[str, str]) -> None:
        if re.fullmatch(r"/api/v1/models/[^/]+/[^/]+/repo/files", path):
            listed = [
                {"Path": name, "Name": name, "Type": "blob", "Size": len(content), "Sha256": sha256(content)}
                for name, content in self.here.files.items()
            ]
            return self.say({"Code": 200, "Success": True, "Data": {"Files": listed}})
        if re.fullmatch(r"/api/v1/models/[^/]+/[^/]+/repo", path) and query.get("FilePath") in self.here.files:
            return self.give(query["FilePath"], {})
        return self.refuse(404)

    def huggingface(self, path: str) -> None:
        if re.fullmatch(r"/api/models/[^/]+/[^/]+(/revision/[^/]+)?", path):
            siblings = [
                {"rfilename": name, "size": len(content), "lfs": self.lfs(content)}
                for name, content in self.here.files.items()
            ]
            return self.say({"id": "org/tiny", "sha": COMMIT, "siblings": siblings})
        if re.fullmatch(r"/api/models/[^/]+/[^/]+/tree/[^/]+", path):
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": sha256(content)[:40]}
                | {"lfs": self.lfs(content)}
                for name, content in self.here.files.items()
            ]
            return self.say(tree)
        found = re.fullmatch(r"/[^/]+/[^/]+/resolve/[^/]+/(.+)", path)
        if found and found[1] in self.here.files:
            content = self.here.files[found[1]]
            return self.give(found[1], {"X-Repo-Commit": COMMIT, "ETag": f'"{sha256(content)}"'})
        return self.refuse(404)

    @staticmethod
    def lfs(content: bytes) -> dict[str, object]:
        return {"oid": sha256(content), "sha256": sha256(content), "size": len(content), "pointerSize": 130}

    def give(self, name: str, headers: dict[str, str]) -> None:
        content = self.here.files[name]
        if name == self.here.wrong_bytes:
            content = bytes([content[0] ^ 1]) + content[1:]
        start, status = 0, 200
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, status = int(asked[1]), 206
            if self.command == "GET":
                self.here.ranges.append(asked[0])
        body = content[start:]
        self.send_response(status)
        if status == 206:
            headers = headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        for header, value in (headers | {"Content-Length": str(len(body)), "Accept-Ranges": "bytes"}).items():
            self.send_header(header, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.here.cut_after and not self.here.cuts and len(body) > self.here.cut_after:
            self.here.cuts += 1
            self.wfile.write(body[: self.here.cut_after])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self.wfile.write(body)

    def say(self, answer: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for header, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
