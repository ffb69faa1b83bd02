"""The keys of the front: named, shown once, hashed, revoked."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wizard.errors import WizardError
from wizard.journal import Home
from wizard.run.front import access
from wizard.run.front.wicket import Wicket, key_in


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, tmp_path)


def code(work: object, *given: object) -> str:
    with pytest.raises(WizardError) as told:
        work(*given)  # type: ignore[operator]
    return told.value.problem.code


def test_only_hashes_lie_on_the_disk_and_only_its_owner_reads_them(home: Home) -> None:
    key = access.add(home, "alice")
    file = access.file_of(home)
    assert len(key) >= 3 + 43  # 256 bits
    assert key not in file.read_text() and key[3:] not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.secrets.stat().st_mode) == 0o700
    assert json.loads(file.read_text())["keys"]["alice"]["sha256"] == access.digest_of(key.encode())


def test_each_key_has_a_name_of_its_own(home: Home) -> None:
    keys = {name: access.add(home, name) for name in ("alice", "bob")}
    known = access.Known(access.file_of(home))
    assert {name: known.name_of(key.encode()) for name, key in keys.items()} == {"alice": "alice", "bob": "bob"}
    assert [key.name for key in access.listed(home)] == ["alice", "bob"]
    assert code(access.add, home, "alice") == "key-name-taken"


@pytest.mark.parametrize("name", ["", " ", "a b", "../x", "a\r\nX: y", "a" * 41, "-a", "名"])
def test_a_name_that_would_not_stand_in_a_header_or_a_log_is_refused(home: Home, name: str) -> None:
    assert code(access.add, home, name) == "key-name-odd"


def test_a_revoked_key_is_nobodys_and_an_unknown_name_is_told(home: Home) -> None:
    key = access.add(home, "alice")
    known = access.Known(access.file_of(home))
    assert known.name_of(key.encode()) == "alice"
    access.revoke(home, "alice")
    assert known.name_of(key.encode()) == ""
    access.add(home, "alice")
    with pytest.raises(WizardError) as told:
        access.revoke(home, "alcie")
    assert (told.value.problem.code, told.value.problem.params["nearest"]) == ("key-unknown", "alice")


def test_many_who_add_keys_at_once_lose_none(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = dict(zip("abcdefghijkl", pool.map(lambda name: access.add(home, name), "abcdefghijkl"), strict=True))
    known = access.Known(access.file_of(home))
    assert {known.name_of(key.encode()) for key in keys.values()} == set(keys)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"keys": []}', '{"keys": {"a": 1}}', '{"keys": {"a": {"sha256": 1}}}', "\x00"]
)
def test_a_damaged_file_opens_nothing_and_is_told(home: Home, text: str) -> None:
    key = access.add(home, "alice")
    access.file_of(home).write_text(text)
    assert access.Known(access.file_of(home)).name_of(key.encode()) == ""
    assert code(access.listed, home) == code(access.add, home, "bob") == "keys-unreadable"
    assert access.file_of(home).read_text() == text


HEADS = {
    b"GET / HTTP/1.1\r\nAuthorization: Bearer abc": b"abc",
    b"GET / HTTP/1.1\r\nauthorization:bearer  abc ": b"abc",
    b"GET / HTTP/1.1\r\nAuthorization: Bearer a\r\nAuthorization: Bearer a": b"",
    b"GET / HTTP/1.1\r\nAuthorization: Bearer a b": b"",
    b"GET / HTTP/1.1\r\nAuthorization: Basic abc": b"",
    b"GET / HTTP/1.1\r\nAuthorization: Bearer": b"",
    b"GET / HTTP/1.1\r\nX-Authorization: Bearer abc": b"",
    b"GET / HTTP/1.1": b"",
}


@pytest.mark.parametrize("head", HEADS)
def test_the_key_is_read_from_the_one_header_it_belongs_in(head: bytes) -> None:
    assert key_in(head) == HEADS[head]


def test_questions_are_answered_in_turn_however_they_arrive() -> None:
    import asyncio

    async def talk() -> bytes:
        server = await asyncio.get_running_loop().create_server(
            lambda: Wicket(lambda key: "alice" if key == b"abc" else ""), "127.0.0.1", 0
        )
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        ask = b"GET / HTTP/1.1\r\nAuthorization: Bearer %s\r\n\r\n"
        for piece in (ask % b"abc" + ask[:20], ask[20:] % b"x", b"a" * 20_000):
            writer.write(piece)
            await writer.drain()
        read = await reader.read()  # to the end: one that sends on without end is left
        server.close()
        return read

    lines = asyncio.run(talk()).split(b"\r\n")
    assert [line for line in lines if line.startswith(b"HTTP")] == [
        b"HTTP/1.1 204 No Content",
        b"HTTP/1.1 401 Unauthorized",
    ]
    assert b"X-Key-Name: alice" in lines
