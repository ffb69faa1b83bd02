"""Addresses in rows, against a small server on the loopback that misbehaves in every way it knows."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.unit.data.pictures import PICTURES
from wizard import words
from wizard.contract import Rejected
from wizard.data.files.media.asking import _check
from wizard.data.files.media.fetching import Cache

WHOLE = PICTURES["jpeg"]


class Site(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[Counter[str]] = Counter()
    agents: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked[path] += 1
        {
            "/redirect": lambda: self.moved("/a.jpg"),
            "/round": lambda: self.moved("/round"),
            "/to-file": lambda: self.moved("file:///etc/passwd"),
            "/to-ftp": lambda: self.moved("ftp://127.0.0.1/a.jpg"),
            "/nowhere": lambda: self.send_error(404),
            "/busy": lambda: self.send_error(503) if self.asked["/busy"] < 2 else self.whole(WHOLE),
            "/always-busy": lambda: self.send_error(503),
            "/cut": lambda: self.whole(WHOLE, claimed=len(WHOLE) + 100),
            "/endless": self.endless,
            "/endless-redirect": lambda: self.endless(302),
            "/drip": self.drip,
            "/silent": lambda: time.sleep(3),
            "/rude": lambda: self.connection.close(),
        }.get(path, lambda: self.whole(WHOLE))()

    def whole(self, body: bytes, claimed: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(claimed or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def moved(self, onward: str) -> None:
        self.send_response(302)
        self.send_header("Location", onward)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def endless(self, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Location", "/a.jpg")
        self.end_headers()
        try:
            while True:
                self.wfile.write(bytes(1 << 16))
        except OSError:
            pass

    def drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            pass

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    Site.asked.clear()


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(folder=tmp_path / "media", private=True, seconds=1.0, most_bytes=1 << 20, pause=0.01)


def code(found: object) -> str:
    assert isinstance(found, Rejected), found
    assert words.known(f"reject.{found.code}")
    return found.code


def leftovers(cache: Cache) -> list[Path]:
    return [path for path in cache.folder.glob("tmp*") if path.is_file()]


def test_a_file_is_fetched_once_and_kept_by_its_content(site: str, cache: Cache) -> None:
    first, again, other = (cache.get(f"{site}/{name}") for name in ("a.jpg", "a.jpg", "b.jpg"))
    assert isinstance(first, Path)
    assert first.read_bytes() == WHOLE
    assert first == again == other
    assert Site.asked == {"/a.jpg": 1, "/b.jpg": 1}
    assert leftovers(cache) == []


def test_a_redirect_is_followed_and_a_busy_server_asked_again(site: str, cache: Cache) -> None:
    assert isinstance(cache.get(f"{site}/redirect"), Path)
    assert isinstance(cache.get(f"{site}/busy"), Path)
    assert Site.asked["/busy"] == 2


def test_an_address_in_chinese_with_spaces_is_one(site: str, cache: Cache) -> None:
    assert isinstance(cache.get(f"{site}/图 片.jpg?名=一"), Path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/nowhere", "media-status"),
        ("/always-busy", "media-status"),
        ("/round", "media-unreachable"),
        ("/to-file", "media-scheme"),
        ("/to-ftp", "media-scheme"),
        ("/cut", "broken-media"),
        ("/endless", "media-large"),
        ("/drip", "media-slow"),
        ("/silent", "media-slow"),
        ("/rude", "media-unreachable"),
    ],
)
def test_what_goes_wrong_is_named_in_time_and_leaves_nothing(path: str, expected: str, site: str, cache: Cache) -> None:
    start = time.monotonic()
    assert code(cache.get(site + path)) == expected
    assert time.monotonic() - start < 2.5
    assert leftovers(cache) == []


def test_the_body_of_a_redirect_is_not_read(site: str, cache: Cache) -> None:
    assert isinstance(cache.get(f"{site}/endless-redirect"), Path)


@pytest.mark.parametrize(
    "url",
    ["http://", "http://[", "http://me:secret@127.0.0.1:x/", "http://no.such.host.invalid/a", "http://127.0.0.1:1/"],
)
def test_an_address_that_is_none_is_unreachable_and_keeps_its_secrets(url: str, cache: Cache) -> None:
    found = cache.get(url)
    assert code(found) in ("media-unreachable", "media-slow")
    assert "secret" not in str(found)


def test_private_networks_are_refused_also_by_name_and_behind_a_redirect(site: str, cache: Cache) -> None:
    public = Cache(folder=cache.folder, seconds=1.0)
    port = site.rpartition(":")[2]
    for url in (f"{site}/a.jpg", f"http://localhost:{port}/a.jpg", "http://169.254.169.254/latest", "http://[::1]/a"):
        assert code(public.get(url)) == "media-private", url
    assert Site.asked == {}


@pytest.mark.parametrize("address", ["10.0.0.1", "192.168.1.1", "172.16.0.9", "100.64.0.1", "0.0.0.0", "fe80::1%eth0"])
def test_addresses_of_private_networks_are_known(address: str) -> None:
    with pytest.raises(OSError):
        _check(address)


def test_a_name_that_changes_its_address_meanwhile_gets_no_question(
    site: str, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo
    answers = iter([[(2, 1, 6, "", ("93.184.216.34", 80))]])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: next(answers, None) or real(*a, **k))
    public = Cache(folder=cache.folder, seconds=1.0)
    assert code(public.get(f"{site}/a.jpg")) == "media-private"
    assert Site.asked == {}


def test_the_cache_s_own_disk_is_not_the_server_s_fault(
    site: str, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        cache.get(f"{site}/a.jpg")
    assert leftovers(cache) == []


def test_a_proxy_is_used_where_one_is_set(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", site)
    assert isinstance(Cache(folder=tmp_path / "m", seconds=1.0).get("http://pictures.example/a.jpg"), Path)
    assert Site.asked["http://pictures.example/a.jpg"] == 1
