"""One process for each card, all in the stage's own group and holding its locks, seen through to their common end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

from wizard.contract.sharing import world_of
from wizard.errors import ExitCode, WizardError
from wizard.journal import read_json
from wizard.stages import generator
from wizard.stages.desk import STOPPED, Bench
from wizard.stages.meeting import Meeting
from wizard.stages.ports import claim
from wizard.stages.sharing import cards_of, visible
from wizard.stages.watching.pulse import beats_in, hang_of

HOST = "127.0.0.1"
POLL_SECONDS = 0.1
LOOK_SECONDS = 5.0  # between two looks at where the cards are
GRACE_SECONDS = 10.0  # after one has failed the others wait for it in vain, and few of them notice
FELL = "card-failed"
LOST = 70  # an exit code of our own: another machine is silent
LOST_WORDS = ("connection closed", "connection reset", "broken pipe", "timed out", "timeout", "nccl", "gloo", "socket")
CHATTER = "ignore::FutureWarning:torch.distributed.c10d_logger"  # else two lines for each exchange between cards


class Crew:
    """Its first process has the word while it runs: it alone writes the journal of the stage."""

    def __init__(
        self,
        bench: Bench,
        work: str,
        *arguments: str,
        meeting: Meeting | None = None,
        beside: subprocess.Popen[bytes] | None = None,
    ) -> None:
        """`meeting`: with the other machines that take part; `beside`: the server that writes the answers."""
        self.bench, self.meeting, self.beside = bench, meeting, beside
        self.asked_to_stop = False
        self.told = bench.folder / "cards"
        self.began = time.monotonic()
        self.pulses = bench.folder / "pulses"
        for left in (self.told, self.pulses):
            shutil.rmtree(left, ignore_errors=True)
        bench.hand_over()
        self.before = signal.signal(signal.SIGTERM, self.stop)
        cards = cards_of(bench.order.knobs)
        address = (meeting.host, meeting.port_of_cards()) if meeting else (HOST, claim(HOST, 0))
        command = [sys.executable, "-m", "wizard.stages.card", work, str(bench.folder), *arguments]
        self.processes = [self._start(command, card, address) for card in range(cards)]

    def _start(self, command: list[str], card: int, address: tuple[str, int]) -> subprocess.Popen[bytes]:
        knobs = self.bench.order.knobs
        cards, first = cards_of(knobs), cards_of(knobs) * (self.meeting.rank if self.meeting else 0)
        place = {"RANK": first + card, "LOCAL_RANK": card}
        place |= {"WORLD_SIZE": world_of(knobs) if self.meeting else cards, "LOCAL_WORLD_SIZE": cards}
        meeting = {"MASTER_ADDR": address[0], "MASTER_PORT": address[1]}
        manners = {"OMP_NUM_THREADS": max(1, len(os.sched_getaffinity(0)) // cards), "PYTHONWARNINGS": CHATTER}
        variables = {name: str(value) for name, value in {**place, **meeting, **manners}.items()}
        environment = {**os.environ, **variables}
        return spawn(command, self.bench.folder, environment)

    def stop(self, number: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True

    def wait(self) -> None:
        """Returns when all have done their work. Else raises what was told first, or ends as the first one ended."""
        try:
            code = self._watch()
        finally:
            signal.signal(signal.SIGTERM, self.before)
        problem = self._problem()
        if code and self.beside and self._forsaken() and (problem is None or problem.problem.code == FELL):
            raise generator.died(self.bench, self.beside)
        if self.meeting and not code:
            self.meeting.leave()
        elif self.meeting and not self.asked_to_stop:
            self._without_others(code, problem)
        if code < 0 and not self.asked_to_stop:
            generator.end(self.beside)
            end_by(-code)
        if problem and not (self.asked_to_stop and problem.problem.code == FELL):
            raise problem
        if self.asked_to_stop and any(process.returncode for process in self.processes):
            sys.exit(STOPPED)
        if code:
            sys.exit(code)

    def _without_others(self, code: int, problem: WizardError | None) -> None:
        """What came from another machine is no fault of this one: a stop is told, a loss ends it as a kill would, after
        which the supervisor tries once more."""
        if code == STOPPED:
            raise WizardError("stopped-elsewhere", exit_code=ExitCode.FAILED)
        error = str(problem.problem.params.get("error", "")).lower() if problem else ""
        if code == LOST or (problem and problem.problem.code == FELL and any(word in error for word in LOST_WORDS)):
            self.bench.note("machine-lost", "warning", error=error or "silence")
            end_by(signal.SIGKILL)

    def _watch(self) -> int:
        """The code of the first that failed, 0 where none did."""
        failed, asked, deadline, look = 0, False, float("inf"), time.monotonic() + LOOK_SECONDS
        while running := [process for process in self.processes if process.poll() is None]:
            if self.asked_to_stop and not asked:
                asked = True
                send(running, signal.SIGTERM)
            if not failed and (self._forsaken() or (self.meeting and not self.meeting.all_there())):
                failed, deadline = LOST, time.monotonic()
            codes = [process.returncode for process in self.processes]
            if not failed and (failed := next((code for code in codes if code not in (None, 0, STOPPED)), 0)):
                deadline = time.monotonic() + GRACE_SECONDS
            if time.monotonic() > deadline:
                send(running, signal.SIGKILL)
            if time.monotonic() > look:
                look = time.monotonic() + LOOK_SECONDS
                self._end_if_hanging(running)
            time.sleep(POLL_SECONDS)
        return failed or next((process.returncode for process in self.processes if process.returncode), 0)

    def _forsaken(self) -> bool:
        """Cards whose server has ended would ask it for a minute more, or wait for it for ever inside NCCL."""
        return self.beside is not None and self.beside.poll() is not None and not self.asked_to_stop

    def _end_if_hanging(self, running: list[subprocess.Popen[bytes]]) -> None:
        """Raises the Problem that names the card which the others wait for."""
        hang = hang_of(beats_in(self.pulses, len(self.processes), self.began), time.monotonic())
        if hang is not None:
            send(running, signal.SIGKILL)
            for process in running:
                process.wait()
            cards = visible() or [str(card) for card in range(len(self.processes))]
            told = {"card": cards[hang.card], "phase": hang.phase, "step": hang.step, "seconds": hang.seconds}
            raise WizardError("card-hangs", exit_code=ExitCode.FAILED, **told)

    def _problem(self) -> WizardError | None:
        """What the first of those that could tell it has told."""
        told = sorted((read_json(file) for file in self.told.glob("*.json")), key=lambda each: each.get("at", 0))
        return WizardError(told[0]["code"], exit_code=ExitCode.FAILED, **told[0]["params"]) if told else None


def spawn(command: list[str], folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, close_fds=False)


def send(processes: list[subprocess.Popen[bytes]], number: int) -> None:
    for process in processes:
        process.send_signal(number)


def end_by(number: int) -> None:
    """The supervisor tells by it a kill, after which it tries once more, from a crash."""
    with suppress(OSError):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
