"""The nginx program: found, looked at, installed when asked for, tried, started, told to read anew, ended."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from wizard.errors import ExitCode, WizardError

PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/nginx/sbin", "/opt/nginx/sbin")
LEAST = (1, 18)  # Ubuntu 22.04's
LOG_OPTION = (1, 19, 5)
INSTALLERS = (  # (program, package): the smallest that has what is needed
    (("apt-get",), ("install", "-y", "--no-install-recommends", "nginx-light")),
    (("dnf",), ("install", "-y", "nginx-core")),
)
SECONDS = 600
DIE_WITH_PARENT = 1  # prctl


def find() -> Path | None:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *PLACES])
    found = shutil.which("nginx", path=path)
    return Path(found) if found else None


def need() -> Path:
    """Raises WizardError nginx-missing, nginx-old."""
    program = find()
    if program is None:
        raise WizardError("nginx-missing", exit_code=ExitCode.FAILED, command=told_command() or "-")
    found = version(program)
    if found < LEAST:
        spelt = ".".join(map(str, found))
        least = ".".join(map(str, LEAST))
        raise WizardError("nginx-old", exit_code=ExitCode.FAILED, path=str(program), found=spelt, least=least)
    return program


def version(program: Path) -> tuple[int, ...]:
    told = subprocess.run([program, "-v"], capture_output=True, text=True, timeout=20).stderr
    found = re.search(r"nginx/(\d+(?:\.\d+)*)", told)
    return tuple(map(int, found[1].split("."))) if found else (0,)


def install_command() -> tuple[str, ...]:
    """As this person can run it; empty where there is no way that we know."""
    for (program,), arguments in INSTALLERS:
        if shutil.which(program):
            before = () if os.geteuid() == 0 else ("sudo", "-n") if shutil.which("sudo") else None
            return (*before, program, *arguments) if before is not None else ()
    return ()


def told_command() -> str:
    """The line that a person types, who may have to ask for rights."""
    for (program,), arguments in INSTALLERS:
        if shutil.which(program):
            return " ".join(("sudo " if os.geteuid() else "") + part for part in (program,)) + " " + " ".join(arguments)
    return ""


def install(tell: Callable[[str], None] = lambda line: None) -> Path:
    """A service that the package starts, open to all on port 80, is ended. Raises WizardError nginx-not-installed."""
    command = install_command()
    if not command:
        raise WizardError("nginx-missing", exit_code=ExitCode.FAILED, command=told_command() or "-")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    tell(" ".join(command))
    done = _run(command, environment)
    if done.returncode and "apt-get" in command:  # lists of a fresh machine are empty
        _run((*command[: command.index("apt-get") + 1], "update"), environment)
        done = _run(command, environment)
    if done.returncode or find() is None:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()] or ["?"]
        raise WizardError("nginx-not-installed", exit_code=ExitCode.FAILED, command=" ".join(command), error=lines[-1])
    if shutil.which("systemctl"):
        rights = command[: next(i for i, part in enumerate(command) if part in ("apt-get", "dnf"))]
        _run((*rights, "systemctl", "disable", "--now", "nginx"), environment)
    return need()


def _run(command: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)


class Nginx:
    """One master process over a folder; it ends with us, however we end."""

    def __init__(self, program: Path, folder: Path, environment: dict[str, str]) -> None:
        self._folder, self._environment = folder, environment
        log = ["-e", "error.log"] if version(program) >= LOG_OPTION else []
        self._command = [str(program), "-p", f"{folder}/", "-c", str(folder / "nginx.conf"), *log]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self.alive and self._process else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def begun(self) -> bool:
        """Started, and not ended by us."""
        return self._process is not None

    def test(self) -> None:
        """Raises WizardError nginx-refuses with nginx's own words."""
        done = subprocess.run(
            [*self._command, "-t", "-q"],
            cwd=self._folder, env=self._environment, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        if done.returncode:
            told = [line for line in done.stderr.splitlines() if "[emerg]" in line] or done.stderr.splitlines() or ["?"]
            raise WizardError("nginx-refuses", exit_code=ExitCode.FAILED, error=told[0], log=str(self._folder))

    def start(self) -> None:
        with (self._folder / "nginx.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def read_anew(self) -> None:
        if self._process and self.alive:
            self._process.send_signal(signal.SIGHUP)

    def end(self) -> None:
        """The workers too, whom a killed master leaves behind at the open port."""
        if self._process is None:
            return
        if self.alive:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None


def _die_with_parent() -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGTERM, 0, 0, 0)
