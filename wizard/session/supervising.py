"""The detached process behind a run: the engine room with this machine's gauges."""

from __future__ import annotations

import os
from pathlib import Path

from wizard import detect
from wizard import run as engine_room
from wizard.journal import Home, RunFolder
from wizard.session.desk import Desk


def supervise(path: Path) -> int:
    home = Home.from_environment(os.environ)
    return engine_room.supervise(RunFolder(path), home, Desk(home).catalog().engines, detect.Meter)
