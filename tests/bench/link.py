"""What watching a run sends over the line: bytes that the window draws while a run goes on, read from a terminal.

python tests/bench/link.py            # ten seconds at three sizes
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from attach import a_run

from wizard.journal import Journal, RunFolder

SIZES = ((60, 20), (80, 24), (120, 40))
SETTLED_SECONDS = 5.0  # first paint and full fold
LINES, TOTAL = 2_000, 10_000
ALLOWED = 4_000  # bytes per second
STEPS_PER_SECOND = 2


def training(folder: RunFolder, over: threading.Event) -> None:
    """What a run writes: steps, gauges every two seconds, a note now and then."""
    metrics, meter = Journal(folder.stage("03-train").metrics), Journal(folder.meter)
    events = Journal(folder.stage("03-train").events)
    number = LINES
    while not over.wait(1 / STEPS_PER_SECOND):
        number += 1
        values = {"loss": 0.5 + number * 7919 % 101 / 1000, "grad_norm": 0.6, "learning_rate": 1e-4}
        values |= {"tokens_per_second": 3900.0 + number % 40, "step_seconds": 0.5}
        metrics.append(step=number, total=TOTAL, values=values)
        if number % 4 == 0:
            gauges = {"cpu_percent": 180.0 + number % 15, "rss_bytes": 2e9 + number * 1e6, "ram_free_bytes": 9e9}
            meter.append(values=gauges | {"disk_free_bytes": 5e10 - number * 1e5})
        if number % 10 == 0:
            events.write("checkpoint", step=number, path=str(folder.path), seconds=0.4)


def window(home: Path, run: str, size: tuple[int, int]) -> tuple[int, int]:
    pid, terminal = pty.fork()
    if pid == 0:
        settings = {
            "YCDY_HOME": str(home),
            "TERM": "xterm-256color",
            "YCDY_LANG": "en",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        os.execve(sys.executable, [sys.executable, "-m", "wizard", "attach", run], os.environ | settings)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    return pid, terminal


def drawn(terminal: int, seconds: float) -> bytes:
    deadline, seen = time.monotonic() + seconds, b""
    while (left := deadline - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            seen += os.read(terminal, 65536)
    return seen


def measure(root: Path, size: tuple[int, int], seconds: float) -> tuple[int, float]:
    folder, over = a_run(root / "runs" / "long", LINES), threading.Event()
    with folder.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a supervisor holds it
        writer = threading.Thread(target=training, args=(folder, over))
        writer.start()
        pid, terminal = window(root, folder.path.name, size)
        try:
            first = drawn(terminal, SETTLED_SECONDS)
            then = drawn(terminal, seconds)
        finally:
            over.set()
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
            writer.join()
    if b"Traceback" in first + then or not then:
        sys.exit((first + then).decode(errors="replace")[-2000:] or "nothing was drawn")
    return len(first), len(then) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    seconds = parser.parse_args().seconds
    for size in SIZES:
        with tempfile.TemporaryDirectory() as root:
            first, rate = measure(Path(root), size, seconds)
        told = f"first {SETTLED_SECONDS:.0f} s {first / 1000:.1f} kB, then {rate:.0f} bytes/s"
        print(f"{size[0]}x{size[1]}  {told}, {rate / ALLOWED:.2f} of the {ALLOWED} allowed")


if __name__ == "__main__":
    main()
