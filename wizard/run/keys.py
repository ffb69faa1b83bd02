"""The key of a run's endpoint, in a file that only its owner can read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from wizard.journal import Home


def key_file(home: Home, run: str) -> Path:
    return home.secrets / f"{run}.key"


def api_key(home: Home, run: str) -> str:
    """The run's key, made on the first call."""
    home.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.secrets.chmod(0o700)
    path = key_file(home, run)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if key := path.read_text().strip():
            return key
        path.unlink()
        return api_key(home, run)
    with os.fdopen(fd, "w") as file:
        key = f"sk-{secrets.token_urlsafe(24)}"
        file.write(key)
    return key
