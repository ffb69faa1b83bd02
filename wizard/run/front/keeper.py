"""The detached process behind an open front: it keeps nginx up, follows the engine, and ends with the run."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from wizard.contract import Exposure, Problem, RunState
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, RunFolder, Watch, write_atomic
from wizard.run.control import run_marker
from wizard.run.front import access, config
from wizard.run.front.folder import FrontFolder
from wizard.run.front.nginx import Nginx, need
from wizard.run.front.wicket import Wicket
from wizard.run.keys import api_key
from wizard.run.locks import take

LOOK_SECONDS = 0.2
ORPHAN_SECONDS = 60.0  # a run without a supervisor may be resumed
BACK_OFF, LONGEST_BACK_OFF, STEADY = 0.5, 30.0, 60.0
LOG_BYTES = 32 * 1024 * 1024
MOST_FILES = 16_384
OVER = ("done", "failed", "stopped")


def keep(run: RunFolder, home: Home) -> int:
    """Takes the front's lock and keeps it open; where another holds the lock, there is nothing to do."""
    folder = FrontFolder.of(run)
    lock = take(folder.lock, patience=2.0)
    if lock is None:
        return ExitCode.OK
    try:
        _kept(run, folder, home)
        return ExitCode.OK
    except Exception as error:  # whatever it is, it is told
        traceback.print_exc()
        told = error.problem if isinstance(error, WizardError) else _crashed(folder, error)
        folder.tell("failed", (folder.asked() or (None, ""))[1], 0, told, 0)
        return ExitCode.FAILED
    finally:
        lock.release()


def _crashed(folder: FrontFolder, error: Exception) -> Problem:
    return Problem(code="front-crashed", params={"log": str(folder.log), "error": f"{type(error).__name__}: {error}"})


def _kept(run: RunFolder, folder: FrontFolder, home: Home) -> None:
    """In the main thread: nginx ends with the thread that started it."""
    os.umask(0o077)  # who asked what is nobody else's business
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with open_wicket(folder, home):
        keeper = Keeper(run, folder, home, Nginx(need(), folder.path, _environment(run)))
        try:
            while not stopping.is_set() and keeper.look():
                stopping.wait(LOOK_SECONDS)
        finally:
            keeper.end()


@contextmanager
def open_wicket(folder: FrontFolder, home: Home) -> Iterator[None]:
    """In a thread of its own, so that no look at nginx keeps a request waiting. The socket's name is relative to the
    folder: a run's path may be longer than a socket's may, and nginx's workers, who are nobody, reach it from where
    they were started though they may not walk there."""
    os.chdir(folder.path)
    folder.socket.unlink(missing_ok=True)
    known = access.Known(access.file_of(home))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(loop.create_unix_server(lambda: Wicket(known.name_of), folder.socket.name, backlog=1024))
    root = os.geteuid() == 0
    folder.path.chmod(0o711 if root else 0o700)
    folder.socket.chmod(0o666 if root else 0o600)
    threading.Thread(target=loop.run_forever, daemon=True).start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)


def _environment(run: RunFolder) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), **run_marker(run)}


class Keeper:
    def __init__(self, run: RunFolder, folder: FrontFolder, home: Home, nginx: Nginx) -> None:
        self._run, self._folder, self._home, self._nginx = run, folder, home, nginx
        self._watch = Watch(run)
        self._shown: tuple[object, ...] = ()  # what nginx was last told
        self._refused: tuple[object, ...] = ()  # what it would not take, and why
        self._refusal: Problem | None = None
        self._listens = ""
        self._begun = self._not_before = 0.0
        self._wait, self._restarts = BACK_OFF, 0
        self._open = False
        self._orphaned = 0.0
        self._told: tuple[object, ...] = ()
        self._problem: Problem | None = None

    def look(self) -> bool:
        """Sets right what is not as it should be; False when it is over."""
        wanted = self._folder.asked()
        state = self._watch.poll()
        if wanted is None or self._is_over(state):
            return False
        exposure, asked = wanted
        engine = urlsplit(state.endpoint).netloc if state.status == "serving" and state.endpoint else ""
        try:
            self._follow(exposure, engine)
            self._up(exposure)
            self._turn_log()
        except OSError:  # a full disk, say: what is open stays so
            traceback.print_exc()
        with suppress(OSError):
            self._tell(asked, engine)
        return True

    def _is_over(self, state: RunState) -> bool:
        if state.status != "interrupted":
            self._orphaned = 0.0
            return state.status in OVER
        self._orphaned = self._orphaned or time.monotonic()
        return time.monotonic() > self._orphaned + ORPHAN_SECONDS

    def _follow(self, exposure: Exposure, engine: str) -> None:
        """A new configuration is tried before it is used; where it is refused, the one before it stays."""
        files = min(MOST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        text = config.rendered(exposure, engine, files)
        shown = (text, *(_changed(path) for path in (exposure.certificate, exposure.certificate_key) if path))
        if shown == self._shown:
            self._refused, self._refusal = (), None
        if shown in (self._shown, self._refused):
            return
        before = self._folder.config.read_bytes() if self._shown else b""
        write_atomic(self._folder.engine_key, config.engine_key(api_key(self._home, self._run.name)), mode=0o600)
        write_atomic(self._folder.config, text, mode=0o600)
        try:
            self._nginx.test()
        except WizardError as error:
            self._refused, self._refusal = shown, error.problem
            if before:
                write_atomic(self._folder.config, before, mode=0o600)
            return
        self._shown, self._refused, self._refusal = shown, (), None
        if self._nginx.alive and self._listens == config.listened(exposure):
            self._nginx.read_anew()
        else:
            self._nginx.end()
            self._open, self._not_before, self._wait = False, 0.0, BACK_OFF
        self._listens = config.listened(exposure)

    def _up(self, exposure: Exposure) -> None:
        """Starts it, and again later each time it ended by itself."""
        now = time.monotonic()
        if self._nginx.alive:
            self._open = self._open or _answers(exposure)
            if self._open:
                self._problem = None
            if now > self._begun + STEADY:
                self._wait = BACK_OFF
            return
        if not self._shown or now < self._not_before:
            return
        if self._nginx.begun:
            self._restarts += 1
            log = str(self._folder.path / "error.log")
            self._problem = Problem(code="nginx-ended", params={"log": log, "times": self._restarts})
        self._nginx.end()
        self._nginx.start()
        self._open, self._begun, self._not_before = False, now, now + self._wait
        self._wait = min(self._wait * 2, LONGEST_BACK_OFF)

    def _turn_log(self) -> None:
        """By the master, who opens it for new workers: the old ones may not walk here."""
        log = self._folder.access_log
        if log.exists() and log.stat().st_size > LOG_BYTES:
            os.replace(log, log.with_suffix(".log.1"))
            self._nginx.read_anew()

    def _tell(self, asked: str, engine: str) -> None:
        problem = self._refusal or self._problem
        status = "failed" if problem else "starting"
        if self._nginx.alive and self._open and not problem:
            status = "open" if engine else "waiting"
        told = (status, asked, self._restarts, problem, self._nginx.pid)
        if told != self._told:
            self._folder.tell(*told)
            self._told = told

    def end(self) -> None:
        self._nginx.end()
        for path in (self._folder.engine_key, self._folder.socket, self._folder.wanted):
            path.unlink(missing_ok=True)
        self._folder.tell("off", "", self._restarts, None, 0)


def _changed(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0


def _answers(exposure: Exposure) -> bool:
    host = urlsplit(exposure.url).hostname or ""
    try:
        with socket.create_connection((host, exposure.port), timeout=2.0):
            return True
    except OSError:
        return False
