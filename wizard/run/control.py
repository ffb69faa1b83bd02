"""What people ask of a running supervisor: a signal, or a file they write."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterable
from typing import Literal

from wizard.journal import RunFolder, read_json, write_json
from wizard.run import processes
from wizard.run.supervised import supervised

Asked = Literal["", "now", "checkpoint"]


def stop(folder: RunFolder, after_checkpoint: bool = False) -> bool:
    """Asks a run to stop; where nobody supervises it, ends what is left of it. False when nothing was running."""
    if supervised(folder):
        try:
            write_json(folder.stop, {"mode": "checkpoint" if after_checkpoint else "now", "at": time.time()})
        except OSError:
            folder.stop.touch()  # on a full disk: an empty one means now
        return True
    return processes.end(lambda: processes.marked(run_marker(folder)), grace=60) > 0


def going(folders: Iterable[RunFolder]) -> list[RunFolder]:
    """Those that are supervised, or of which a killed supervisor left a stage or a server at work."""
    return [folder for folder in folders if supervised(folder) or processes.marked(run_marker(folder))]


def run_marker(folder: RunFolder) -> dict[str, str]:
    return {"YCDY_RUN_DIR": str(folder.path.absolute())}


def stage_marker(folder: RunFolder, stage: str) -> dict[str, str]:
    """The run's name alone would also match a copy of the run in another home."""
    return {"YCDY_STAGE": f"{folder.name}/{stage}", **run_marker(folder)}


class Control:
    """The supervisor's side: SIGTERM means stop, a vanished terminal means nothing."""

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        self._signalled = False
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)

    def asked(self) -> Asked:
        if self._signalled:
            return "now"
        if not self._folder.stop.exists():
            return ""
        return "checkpoint" if read_json(self._folder.stop).get("mode") == "checkpoint" else "now"

    def asked_at(self) -> float:
        return float(read_json(self._folder.stop).get("at", 0.0))

    def _on_signal(self, number: int, frame: object) -> None:
        self._signalled = True
