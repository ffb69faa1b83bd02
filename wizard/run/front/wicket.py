"""Whether a request may pass: asked by nginx (`auth_request`) over a unix socket, answered from the keys' hashes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

LONGEST = 16_384  # bytes of a question; nginx's own header lines are no longer
BEARER = re.compile(rb"(?i:bearer) +(\S+) *")
YES = "HTTP/1.1 204 No Content\r\nX-Key-Name: {name}\r\n\r\n"
NO = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


def key_in(head: bytes) -> bytes:
    """The only bearer key among the header lines of a request; empty where there is none, or more than one."""
    lines = (line.partition(b":") for line in head.split(b"\r\n")[1:])
    given = [value.strip(b" \t") for name, _, value in lines if name.lower() == b"authorization"]
    found = BEARER.fullmatch(given[0]) if len(given) == 1 else None
    return found[1] if found else b""


class Wicket(asyncio.Protocol):
    """One connection, on which nginx asks for one request after another."""

    def __init__(self, name_of: Callable[[bytes], str]) -> None:
        self._name_of = name_of
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._read += data
        while b"\r\n\r\n" in self._read:
            head, _, self._read = self._read.partition(b"\r\n\r\n")
            self._transport.write(self._answer(head))
        if len(self._read) > LONGEST:
            self._transport.close()

    def _answer(self, head: bytes) -> bytes:
        key = key_in(head)
        name = self._name_of(key) if key else ""
        return YES.format(name=name).encode() if name else NO
