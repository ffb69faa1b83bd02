"""Run in an engine's environment: its libraries are loaded once, then each stage is a fork of this process.

A stage so started differs from a program of its own in nothing but the twenty seconds of imports; cards are forks of
it. YCDY_TEST_CODE names files that are run before it.
"""

import json
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path


class Forked:
    """A card's process as the crew sees it: a fork of the stage's."""

    def __init__(self, command: list, environment: dict) -> None:
        self.returncode = None
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.environ.clear()
            os.environ.update(environment)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            sys.modules["torch"].set_num_threads(int(environment["OMP_NUM_THREADS"]))
            os._exit(ended(command[2], command[3:]))

    def poll(self) -> object:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def forks_cards() -> None:
    """A crew's cards are forks too: else each would load the libraries for itself."""
    from wizard.stages import crew

    crew.spawn = lambda command, folder, environment: Forked(command, environment)


def work(order: dict) -> int:
    os.setpgid(0, 0)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["variables"])
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    forks_cards()
    for code in filter(None, order["variables"].get("YCDY_TEST_CODE", "").split(os.pathsep)):
        exec(compile(Path(code).read_text(), code, "exec"), {})
    return ended(order["module"], order["arguments"])


def ended(module: str, arguments: list) -> int:
    sys.argv = [module, *arguments]
    try:
        run = runpy.run_path if module.endswith(".py") else runpy.run_module
        run(module, run_name="__main__")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main(*modules: str) -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print as they load is no answer
    for name in modules:
        __import__(name)
    print("ready", file=answers)
    for line in sys.stdin:
        order = json.loads(line)
        child = order.get("child") or os.fork()
        if child == 0:
            code = work(order)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) if order["wait"] else child, file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
