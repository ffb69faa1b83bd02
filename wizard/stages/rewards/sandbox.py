"""The process that runs a user's reward file: shut off by fence.py, asked batch by batch, ended with the training.

It has no variables but those named here, no GPU, bounds of memory, files and processes, and a time limit for each
batch; what it prints is kept in a log of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.errors import ExitCode, WizardError

START_SECONDS = 120.0  # its file may load a large library
# By the first two a supervisor finds what was left over.
KEPT = ("YCDY_STAGE", "YCDY_RUN_DIR", "LANG", "LC_ALL", "PATH")
PRIVATE = (".ssh", ".aws", ".docker", ".kube", ".cache/huggingface", ".modelscope", ".config/gcloud")
LONGEST = 80  # letters of a question by which a row is named
ANSWER_BYTES = 16 << 20


class Sandbox:
    """`file`: what is run; `place`: a folder for its log and where it works; `hidden`: folders it may not see.

    Raises the Problem of a file that is broken, crashes, takes too long or returns another number of scores.
    """

    def __init__(self, file: Path, place: Path, seconds: float, hidden: Sequence[Path] = ()) -> None:
        self.file, self.seconds, self.log = file, seconds, place / "reward.log"
        work = place / "reward"
        work.mkdir(exist_ok=True)
        folders = ":".join(str(folder) for folder in [*hidden, *(Path("~").expanduser() / name for name in PRIVATE)])
        fence, worker = (str(Path(__file__).with_name(name)) for name in ("fence.py", "worker.py"))
        command = [sys.executable, "-s", "-B", fence, folders, worker]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, str(file), str(seconds)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                cwd=work, env=surroundings(work), start_new_session=True,
            )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.commands, self.answers = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.commands, False)
        self.closed = self._hear(START_SECONDS, "")["fence"] == "closed"

    def judge(self, batch: Mapping[str, Sequence[Any]]) -> tuple[list[float | None], list[dict[str, Any]]]:
        """The scores, and which rows have none and why: {"place", "error", "line"}."""
        row = named(batch)
        self._say(json.dumps(batch).encode() + b"\n", row)
        told = self._hear(self.seconds, row)
        if "count" in told:
            raise self._problem("reward-file-count", got=told["count"], wanted=told["wanted"])
        return told["scores"], told["faults"]

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _say(self, told: bytes, row: str) -> None:
        """It listens whenever it is not at work, or it has ended."""
        deadline = time.monotonic() + self.seconds
        while told:
            _, ready, _ = select.select([], [self.commands], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise self._late(self.seconds, row)
            try:
                told = told[os.write(self.commands, told) :]
            except BrokenPipeError:
                raise self._crashed(row) from None

    def _hear(self, seconds: float, row: str) -> dict[str, Any]:
        deadline, heard = time.monotonic() + seconds, b""
        while not heard.endswith(b"\n"):
            ready, _, _ = select.select([self.answers], [], [], max(0.0, deadline - time.monotonic()))
            if not ready or len(heard) > ANSWER_BYTES:
                raise self._late(seconds, row)
            part = os.read(self.answers, 1 << 16)
            if not part:
                raise self._crashed(row)
            heard += part
        try:
            told: dict[str, Any] = json.loads(heard)
        except ValueError:
            raise self._crashed(row) from None
        if broken := told.get("broken"):
            raise self._problem("reward-file-broken", **broken)
        return told

    def _late(self, seconds: float, row: str) -> WizardError:
        return self._problem("reward-file-slow", seconds=seconds, row=row)

    def _crashed(self, row: str) -> WizardError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(1.0)
        code = self.process.returncode
        ended = signal.Signals(-code).name if code is not None and code < 0 else str(code)
        return self._problem("reward-file-crashed", ended=ended, row=row)

    def _problem(self, code: str, **params: Any) -> WizardError:
        self.end()
        return WizardError(code, exit_code=ExitCode.FAILED, path=str(self.file), log=str(self.log), **params)


def surroundings(work: Path) -> dict[str, str]:
    """No key, no token, no proxy that carries one; the same order of sets in every run."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    own = {"HOME": str(work), "TMPDIR": str(work), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**kept, **own, "PYTHONHASHSEED": "0", "CUDA_VISIBLE_DEVICES": ""}


def named(batch: Mapping[str, Sequence[Any]], place: int = 0) -> str:
    """A row by the beginning of its question."""
    return str(batch["prompts"][place])[:LONGEST] if batch["prompts"] else ""
