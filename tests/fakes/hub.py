"""A small model hub on this machine that speaks to the real SDKs of ModelScope and Hugging Face, and can misbehave."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NAMES = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests", 500: "Server Error"}
BRANCHES = ("main", "master")
BLOCK = 1 << 16


@dataclass
class Hub:
    """What the hub holds, what it refuses or does wrong, and what it was asked."""

    files: dict[str, bytes]  # at the branch and at `commit`
    commit: str = COMMIT
    revisions: dict[str, dict[str, bytes]] = field(default_factory=dict)  # other commits and tags
    token: str = ""
    hides: bool = False  # a refusal says that there is no such model
    status: dict[str, int] = field(default_factory=dict)  # hub kind -> refuse everything with this
    stumbles: list[int] = field(default_factory=list)  # the next listings are answered with these
    file_stumbles: dict[str, list[int]] = field(default_factory=dict)  # so are the next requests for a file
    retry_after: str = ""
    cut_after: int = 0  # break the connection after so many bytes of a file larger than that
    cut_times: int = 1  # as often as this; -1 always
    stall_after: int = 0  # send nothing more, in the same way
    stall_times: int = 1
    pause: float = 0.0  # seconds between blocks of 64 KiB
    wrong_bytes: str = ""  # this file is served with its first byte changed
    sizes: dict[str, int] = field(default_factory=dict)  # which the listing claims
    without_hashes: bool = False  # of ModelScope's listing
    ignores_ranges: bool = False
    sends_to: str = ""  # files are had from this other address
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)  # Authorization and Cookie headers that came
    sent: Counter[str] = field(default_factory=Counter)  # file -> bytes
    url: str = ""
    cuts: int = 0
    stalls: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    def at(self, revision: str) -> dict[str, bytes] | None:
        return self.files if revision in ("", self.commit, *BRANCHES) else self.revisions.get(revision)

    def commit_of(self, revision: str) -> str:
        return self.commit if revision in ("", *BRANCHES) else revision


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_oid(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_lfs(name: str) -> bool:
    return name.endswith((".safetensors", ".bin"))


def weights(size: int, seed: str = "") -> bytes:
    """A whole safetensors file with `size` bytes of one tensor, each seed another one."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    body = hashlib.shake_128(seed.encode()).digest(size)
    return struct.pack("<Q", len(header)) + header + body


@contextmanager
def running(hub: Hub, handler: type[HubHandler] | None = None) -> Iterator[Hub]:
    """`handler`: one that answers more than a model's addresses."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (handler or HubHandler,), {"here": hub}))
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closing.set()
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
        self.here.signed += [self.headers[name] for name in ("Authorization", "Cookie") if name in self.headers]
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
        headers = {"X-Error-Code": "RepoNotFound"} if status == 404 or self.here.hides else {}
        if status == 429 and self.here.retry_after:
            headers["Retry-After"] = self.here.retry_after
        message = NAMES.get(status, "Odd")
        self.say({"Code": status, "Success": False, "Message": message, "error": message}, status, headers)

    def modelscope(self, path: str, query: dict[str, str]) -> None:
        revision = query.get("Revision", "")
        files = self.here.at(revision)
        if re.fullmatch(r"/api/v1/models/[^/]+/[^/]+/repo/files", path):
            if self.here.stumbles:
                return self.refuse(self.here.stumbles.pop(0))
            listed = None if files is None else [*self.trees(files), *(self.blob(n, files[n], revision) for n in files)]
            return self.say({"Code": 200, "Success": True, "Data": {"Files": listed}})
        if re.fullmatch(r"/api/v1/models/[^/]+/[^/]+/repo", path) and query.get("FilePath", "") in (files or {}):
            return self.give(query["FilePath"], files or {}, {})
        return self.refuse(404)

    @staticmethod
    def trees(files: dict[str, bytes]) -> list[dict[str, object]]:
        """Folders are listed too, with a size of their own."""
        names = sorted({name.rpartition("/")[0] for name in files} - {""})
        return [{"Path": name, "Name": name, "Type": "tree", "Size": 4096} for name in names]

    def blob(self, name: str, content: bytes, revision: str) -> dict[str, object]:
        told = {} if self.here.without_hashes else {"Sha256": sha256(content)}
        size = self.here.sizes.get(name, len(content))
        dated = {"Revision": self.here.commit_of(revision), "CommittedDate": 1}
        return {"Path": name, "Name": name, "Type": "blob", "Size": size, **dated, **told}

    def huggingface(self, path: str) -> None:
        if found := re.fullmatch(r"/api/models/[^/]+/[^/]+(?:/revision/(.+))?", path):
            revision = found[1] or ""
            if self.here.stumbles:
                return self.refuse(self.here.stumbles.pop(0))
            if (files := self.here.at(revision)) is None:
                return self.refuse(404)
            siblings = [
                {"rfilename": name, "size": self.here.sizes.get(name, len(content)), "blobId": git_oid(content)}
                | self.lfs(name, content)
                for name, content in files.items()
            ]
            return self.say({"id": "org/tiny", "sha": self.here.commit_of(revision), "siblings": siblings})
        if found := re.fullmatch(r"/api/models/[^/]+/[^/]+/tree/([^/]+)", path):
            files = self.here.at(found[1]) or {}
            told = [
                {"type": "file", "path": name, "size": len(held), "oid": git_oid(held)} | self.lfs(name, held)
                for name, held in files.items()
            ]
            return self.say(told)
        found = re.fullmatch(r"/[^/]+/[^/]+/resolve/([^/]+)/(.+)", path)
        files = self.here.at(found[1]) if found else None
        if found and files and found[2] in files:
            content = files[found[2]]
            mark = sha256(content) if is_lfs(found[2]) else git_oid(content)
            headers = {"X-Repo-Commit": self.here.commit_of(found[1]), "ETag": f'"{mark}"'}
            return self.give(found[2], files, headers)
        return self.refuse(404)

    @staticmethod
    def lfs(name: str, content: bytes) -> dict[str, object]:
        lfs = {"oid": sha256(content), "sha256": sha256(content), "size": len(content), "pointerSize": 130}
        return {"lfs": lfs} if is_lfs(name) else {}

    def give(self, name: str, files: dict[str, bytes], headers: dict[str, str]) -> None:
        if self.here.file_stumbles.get(name):
            return self.refuse(self.here.file_stumbles[name].pop(0))
        if self.here.sends_to:
            return self.say({}, 302, {"Location": self.here.sends_to + self.path})
        content = files[name]
        if name == self.here.wrong_bytes:
            content = bytes([content[0] ^ 1]) + content[1:]
        start, status = 0, 200
        if asked := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            if self.command == "GET":
                self.here.ranges.append(asked[0])
            if not self.here.ignores_ranges:
                start, status = int(asked[1]), 206
        if status == 206 and start >= len(content):
            return self.say({}, 416, {"Content-Range": f"bytes */{len(content)}"})
        body = content[start:]
        self.send_response(status)
        if status == 206:
            headers = headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        for header, value in (headers | {"Content-Length": str(len(body)), "Accept-Ranges": "bytes"}).items():
            self.send_header(header, value)
        self.end_headers()
        if self.command != "HEAD":
            self.pour(name, body)

    def pour(self, name: str, body: bytes) -> None:
        here = self.here
        cut = 0 < here.cut_after < len(body) and here.cuts != here.cut_times
        stall = 0 < here.stall_after < len(body) and here.stalls != here.stall_times
        limit = here.cut_after if cut else here.stall_after if stall else len(body)
        here.cuts, here.stalls = here.cuts + cut, here.stalls + stall
        try:
            for start in range(0, limit, BLOCK):
                block = body[start : min(limit, start + BLOCK)]
                self.wfile.write(block)
                here.sent[name] += len(block)
                time.sleep(here.pause)
            self.wfile.flush()
            if stall:
                here.closing.wait()
            if cut or stall:
                self.close_connection = True
                self.connection.shutdown(2)
        except OSError:
            self.close_connection = True

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
