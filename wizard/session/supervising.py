"""The detached process behind a run: the engine room with this machine's gauges and its law of fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wizard import detect
from wizard import run as engine_room
from wizard.contract import Plan
from wizard.journal import Home, RunFolder
from wizard.run import front
from wizard.session.desk import Desk
from wizard.session.refit import refit, wanted


def supervise(path: Path) -> int:
    home = Home.from_environment(os.environ)
    desk = Desk(home)

    def judged(plan: Plan, stage: str, changes: Mapping[str, Any], result: Mapping[str, Any]) -> Mapping[str, Any]:
        return refit(desk.judge, plan, changes, result) if wanted(plan, stage, result) else {}

    return engine_room.supervise(RunFolder(path), home, desk.catalog().engines, detect.Meter, judged)


def keep_front(path: Path) -> int:
    """The detached process behind a run's open front."""
    return front.keep(RunFolder(path), Home.from_environment(os.environ))
