"""Binary files are read by a child first: a damaged one can end the process that reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict

from wizard.data.files.containers import binary_of
from wizard.data.files.parts import Part
from wizard.data.shape import DataFault

PATIENCE_SECONDS = 120


def tried(parts: Sequence[Part], groups: int, most: int) -> None:
    """Raises the DataFault of the first that cannot be read. `groups`, `most`: as of `try_child.read`."""
    binary = [(part, container) for part in parts if (container := binary_of(part))]
    told = [{**asdict(part), "path": str(part.path), "container": container} for part, container in binary]
    if not told:
        return
    broken = DataFault("data-reader-died", path=told[0]["path"])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "wizard.data.readers.try_child"],
            input=json.dumps({"parts": told, "groups": groups, "bytes": most}).encode("utf-8", "surrogateescape"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"},
            timeout=PATIENCE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise broken from None
    if done.returncode:
        raise broken
    if answer := json.loads(done.stdout):
        raise DataFault(answer["code"], **answer["params"])
