"""One file over HTTP: from where its part on the disk ends, through cuts and silences, until all of it is here."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import urllib3

from wizard.stages.faults import NO_ROOM
from wizard.stages.hubs import LATER, LONGEST_WAIT, retry_after
from wizard.stages.listing import Entry
from wizard.stages.record import BLOCK

CHUNK = 1 << 20
WAITS = (0.0, 1.0, 2.0, 4.0, 8.0)  # seconds before each try that follows one without a new byte
CONNECT = 15.0
PATIENCE = float(os.environ.get("HF_HUB_DOWNLOAD_TIMEOUT") or 30.0)  # seconds without a byte: a stall
FAULTS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
SILENT = (requests.ReadTimeout, urllib3.exceptions.ReadTimeoutError)
NO_ANSWER = (requests.ConnectTimeout, urllib3.exceptions.NewConnectionError)


class Refused(Exception):
    """The hub will not give this file, whoever asks again."""

    def __init__(self, status: int) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status


class GivenUp(Exception):
    """No further byte came in any of the tries; `cause` is the word key of the last one's fault."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Differs(Exception):
    """The hub sends a file of another length than it lists."""


class Stopped(Exception):
    """Another file has failed: this one keeps its part."""


@dataclass(frozen=True, kw_only=True)
class Ears:
    """Who hears of it: bytes that were here, bytes that came (fewer, where a file begins anew), seconds to wait."""

    here: Callable[[int], None]
    moved: Callable[[int], None]
    waits: Callable[[float], None]
    over: threading.Event


class Part:
    """A file that grows on the disk, and the hash of what is in it."""

    def __init__(self, path: Path, total: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.total = total
        self.size = 0
        self._file = path.open("a+b", buffering=0)
        self._digest = hashlib.sha256()
        self._file.seek(0)
        while block := self._file.read(BLOCK):
            self._count(block)
        if 0 <= total < self.size:
            self.restart()

    @property
    def whole(self) -> bool:
        return 0 <= self.total <= self.size

    def write(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]
        self._count(block)

    def restart(self) -> int:
        """Empty again; returns how many bytes were dropped."""
        dropped, self.size = self.size, 0
        self._file.truncate(0)
        self._digest = hashlib.sha256()
        return dropped

    def close(self) -> str:
        """The sha256 of all of it, which now lies safely on the disk."""
        os.fsync(self._file.fileno())
        self._file.close()
        return self._digest.hexdigest()

    def _count(self, block: bytes) -> None:
        self._digest.update(block)
        self.size += len(block)


def session(hub: str, token: str) -> requests.Session:
    """`requests` drops both headers where a hub redirects to another host or port."""

    def sign(request: Any) -> Any:
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        if token and hub == "modelscope":
            request.headers["Cookie"] = f"m_session_id={token}"
        return request

    made = requests.Session()
    made.auth = sign  # also keeps a .netrc from answering in our place
    made.headers.update({"Accept-Encoding": "identity", "User-Agent": "yichuidingyin"})
    return made


def transfer(web: requests.Session, entry: Entry, path: Path, ears: Ears) -> str:
    """The file's sha256; all of it is at `path`. Raises Refused, GivenUp, Differs, Stopped, or the disk's OSError."""
    part = Part(path, entry.bytes)
    try:
        ears.here(part.size)
        most, idle = part.size, 0
        while not part.whole:
            fault = attempt(web, entry, part, ears)
            if part.whole:
                break
            most, idle = (part.size, 0) if part.size > most else (most, idle + 1)
            if idle == len(WAITS):
                raise GivenUp(fault.cause)
            wait = min(LONGEST_WAIT, fault.seconds) if fault.seconds else WAITS[idle]
            if fault.seconds:
                ears.waits(wait)
            if ears.over.wait(wait):
                raise Stopped
    finally:
        sha256 = part.close()
    return sha256


@dataclass(frozen=True)
class Fault:
    cause: str
    seconds: float = 0.0  # that the hub asks to wait


def attempt(web: requests.Session, entry: Entry, part: Part, ears: Ears) -> Fault:
    """One request, as far as it goes; what ended it is of no interest where the part is whole."""
    headers = {"Range": f"bytes={part.size}-"} if part.size else {}
    try:
        with web.get(entry.url, headers=headers, stream=True, timeout=(CONNECT, PATIENCE)) as answer:
            if answer.status_code in LATER:
                cause = "hub-busy" if answer.status_code == 429 else "hub-failing"
                return Fault(cause, retry_after(answer, 0.0))
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                ears.moved(-part.restart())
                return Fault("hub-cut")
            if answer.status_code not in (200, 206):
                raise Refused(answer.status_code)
            if not goes_on(answer, part.size):
                ears.moved(-part.restart())
            take(answer, part, ears)
    except FAULTS as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise
        return Fault(cause_of(error))
    return Fault("hub-cut")


def goes_on(answer: requests.Response, start: int) -> bool:
    told = answer.headers.get("Content-Range", "")
    return not start or (answer.status_code == 206 and told.startswith(f"bytes {start}-"))


def take(answer: requests.Response, part: Part, ears: Ears) -> None:
    length = answer.headers.get("Content-Length", "")
    plain = length.isdigit() and "Content-Encoding" not in answer.headers
    end = part.size + int(length) if plain else -1
    if plain and part.total not in (-1, end):
        raise Differs
    while block := answer.raw.read1(CHUNK, decode_content=True):
        part.write(block)
        ears.moved(len(block))
        if ears.over.is_set():
            raise Stopped
        if part.whole:
            return
    if part.total < 0 and end in (-1, part.size):
        part.total = part.size


def cause_of(error: BaseException) -> str:
    """Word keys of cause.…: what the connection did."""
    inner = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    reason = getattr(inner, "reason", inner)
    if isinstance(error, SILENT) or isinstance(reason, SILENT):
        return "hub-silent"
    return "hub-unreachable" if isinstance(error, NO_ANSWER) or isinstance(reason, NO_ANSWER) else "hub-cut"
