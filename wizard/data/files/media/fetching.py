"""Addresses in rows, fetched into a folder: each file once, named by its content; bounded in size, time and reach."""

from __future__ import annotations

import hashlib
import http.client
import os
import tempfile
import time
import urllib.error
from contextlib import suppress
from dataclasses import dataclass
from errno import EDQUOT, EFBIG, ENOSPC, EROFS
from pathlib import Path
from typing import IO, Any

from wizard.contract import Rejected
from wizard.data.files.media.asking import Private, Scheme, Watch, answer_of
from wizard.data.files.media.references import shown
from wizard.data.shape.fault import reject

SECONDS = 60.0  # for one file, from the first byte asked for to the last
MOST_BYTES = 64 << 20
CHUNK = 64 << 10


OF_THE_DISK = (ENOSPC, EDQUOT, EFBIG, EROFS)
TRIES = 2
BUSY = (429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """`private`: whether addresses in private networks are fetched from."""

    folder: Path
    private: bool = False
    seconds: float = SECONDS
    most_bytes: int = MOST_BYTES
    pause: float = 1.0  # before a server that was busy or did not answer is asked again

    def get(self, url: str) -> Path | Rejected:
        """The file of an address; what is here already is not fetched again. OSError: of the cache's own disk."""
        note = self.folder / "addresses" / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        with suppress(OSError, ValueError):
            kept = self.folder / note.read_text(encoding="ascii")
            if kept.is_file():
                return kept
        note.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
            path = Path(file.name)
            try:
                content = self._fetched(url, file)
                if isinstance(content, Rejected):
                    return content
                path.replace(self.folder / content)
            finally:
                path.unlink(missing_ok=True)
        _write(note, content)
        return self.folder / content

    def _fetched(self, url: str, file: IO[bytes]) -> str | Rejected:
        for _ in range(TRIES - 1):
            content = self._copy(url, file)
            passing = isinstance(content, Rejected) and (
                content.code == "media-unreachable" or content.params.get("status") in BUSY
            )
            if not passing:
                return content
            time.sleep(self.pause)
            file.seek(0)
            file.truncate()
        return self._copy(url, file)

    def _copy(self, url: str, file: IO[bytes]) -> str | Rejected:
        """The name its content gives it."""
        ref, watch = shown(url), Watch(self.seconds)
        try:
            with watch, answer_of(url, watch, self.private) as answer:
                return self._kept(answer, file, ref, watch)
        except urllib.error.HTTPError as error:
            return reject("media-status", ref=ref, status=error.code)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if isinstance(error, OSError) and error.errno in OF_THE_DISK:
                raise
            return _why(error, ref, watch)

    def _kept(self, answer: Any, file: IO[bytes], ref: str, watch: Watch) -> str | Rejected:
        digest, size = hashlib.sha256(), 0
        while chunk := answer.read1(CHUNK):
            size += len(chunk)
            if size > self.most_bytes:
                return reject("media-large", ref=ref, megabytes=size >> 20, most=self.most_bytes >> 20)
            digest.update(chunk)
            file.write(chunk)
        if watch.over:
            return reject("media-slow", ref=ref, seconds=round(self.seconds))
        if answer.length:  # of what was promised, not all came
            return reject("broken-media", ref=ref)
        file.flush()
        return digest.hexdigest()


def _why(error: Exception, ref: str, watch: Watch) -> Rejected:
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, Private):
        return reject("media-private", ref=ref)
    if isinstance(cause, Scheme):
        return reject("media-scheme", ref=ref)
    if watch.over or isinstance(cause, TimeoutError):
        return reject("media-slow", ref=ref, seconds=round(watch.seconds))
    said = cause.strerror if isinstance(cause, OSError) else ""  # others quote the address, and what is secret in it
    return reject("media-unreachable", ref=ref, why=said or type(cause).__name__)


def _write(note: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=note.parent, delete=False, encoding="ascii") as file:
        file.write(text)
    os.replace(file.name, note)
