"""The keys that open the front: several, named, revocable; on disk only their hashes.

SHA-256 without salt or stretching is right for them: a key is 256 random bits, so there is nothing to guess and no two
are alike. What slows down guessing (bcrypt, argon2) is for words that people choose, and would cost each request.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from wizard.contract import AccessKey
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, write_atomic
from wizard.run.locks import take
from wizard.strict import nearest

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
BYTES = 32
Kept = dict[str, dict[str, Any]]  # name -> {"sha256", "made"}
T = TypeVar("T")


def file_of(home: Home) -> Path:
    return home.secrets / "access.json"


def digest_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()


def listed(home: Home) -> tuple[AccessKey, ...]:
    """The oldest first."""
    kept = read(file_of(home))
    return tuple(AccessKey(name=name, made=kept[name]["made"]) for name in sorted(kept, key=lambda n: kept[n]["made"]))


def add(home: Home, name: str) -> str:
    """The new key, which nobody can show again. Raises WizardError key-name-odd, key-name-taken."""
    if not NAME.fullmatch(name):
        raise WizardError("key-name-odd", name=name)
    key = f"sk-{secrets.token_urlsafe(BYTES)}"

    def put(kept: Kept) -> None:
        if name in kept:
            raise WizardError("key-name-taken", name=name)
        kept[name] = {"sha256": digest_of(key.encode()), "made": time.time()}

    _changed(home, put)
    return key


def revoke(home: Home, name: str) -> None:
    """It opens nothing from the next request on. Raises WizardError key-unknown."""

    def drop(kept: Kept) -> None:
        if name not in kept:
            known = ", ".join(kept) or "-"
            raise WizardError("key-unknown", name=name, known=known, nearest=nearest(name, kept))
        del kept[name]

    _changed(home, drop)


def _changed(home: Home, change: Callable[[Kept], T]) -> T:
    try:
        home.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.secrets.chmod(0o700)
        lock = take(home.locks / "access.lock", patience=10.0)
        if lock is None:
            raise WizardError("keys-busy", exit_code=ExitCode.FAILED, path=str(file_of(home)))
        try:
            kept = read(file_of(home))
            done = change(kept)
            write_atomic(file_of(home), json.dumps({"keys": kept}, indent=1) + "\n", mode=0o600)
            return done
        finally:
            lock.release()
    except OSError as error:
        told = error.strerror or str(error)
        raise WizardError("keys-unwritable", exit_code=ExitCode.FAILED, path=str(home.secrets), error=told) from error


def read(file: Path) -> Kept:
    """Raises WizardError keys-unreadable where the file is not as we wrote it."""
    try:
        kept: Kept = json.loads(file.read_bytes())["keys"]
        return {str(name): {"sha256": str(each["sha256"]), "made": float(each["made"])} for name, each in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise WizardError("keys-unreadable", exit_code=ExitCode.FAILED, path=str(file)) from error


class Known:
    """The hashes as they are on disk now, looked at for each question: what was revoked is unknown at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen: tuple[int, ...] = ()
        self._hashes: Mapping[str, str] = {}

    def name_of(self, key: bytes) -> str:
        """Whose key it is; nobody's is empty. Compares with all of them, each in constant time."""
        self._look()
        digest, found = digest_of(key), ""
        for name, kept in self._hashes.items():
            if hmac.compare_digest(kept, digest):
                found = name
        return found

    def _look(self) -> None:
        try:
            told = self._file.stat()
            seen = (told.st_ino, told.st_mtime_ns, told.st_size)
            if seen != self._seen:
                self._hashes = {name: each["sha256"] for name, each in read(self._file).items()}
                self._seen = seen
        except (OSError, WizardError):  # no file or no sense in it: nothing opens
            self._hashes, self._seen = {}, ()
