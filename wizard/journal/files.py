"""Files that are written whole or not at all, plans among them, and the probe of a lock."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from wizard.contract import Plan
from wizard.journal.frozen import freeze, thaw
from wizard.journal.lines import dumps


def write_atomic(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """A reader sees the old file or the new one; a full disk leaves the old one."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def write_json(path: Path, value: Any) -> None:
    write_atomic(path, dumps(value, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file; empty where there is no file or no whole object in it."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_plan(path: Path, plan: Plan) -> None:
    write_json(path, freeze(plan))


def read_plan(path: Path) -> Plan:
    return thaw(Plan, json.loads(path.read_bytes()))


def locked(path: Path) -> bool:
    """Whether somebody holds this lock. Asks with a shared lock, so two who ask do not see each other."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return False
