"""How long until something is seen: the first screen from nothing, the second time, and a verb beside bare Python.

python tests/bench/start.py
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pexpect
import psutil

ROOT = Path(__file__).parents[2]
SCRIPT = str(ROOT / "yichuidingyin.sh")
ROUNDS = 5


def surroundings(home: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("YCDY_", "LC_", "PYTHON"))}
    return kept | {"HOME": str(home), "TERM": "xterm-256color", "LANG": "C.UTF-8", "YCDY_LANG": "en"}


def first_paint(home: Path) -> tuple[float, int]:
    """Seconds from the command to the welcome screen, and the resident bytes of the screen's process."""
    begun = time.monotonic()
    screen = pexpect.spawn("bash", [SCRIPT], env=surroundings(home), dimensions=(24, 80), timeout=120)  # type: ignore[arg-type]
    screen.expect("What do you want to do")
    seconds = time.monotonic() - begun
    time.sleep(2)
    resident = psutil.Process(screen.pid).memory_info().rss
    screen.send("q")
    screen.close(force=True)
    return seconds, resident


def timed(home: Path, *command: str) -> float:
    begun = time.monotonic()
    subprocess.run(command, env=surroundings(home), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.monotonic() - begun


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="ycdy-bench-"))
    try:
        cold, _ = first_paint(home)
        warm = [first_paint(home) for _ in range(ROUNDS)]
        pairs = [(timed(home, "bash", SCRIPT, "runs"), timed(home, sys.executable, "-c", "")) for _ in range(ROUNDS)]
        wizard = size(home / ".local/share/yichuidingyin/wizard")
        print(f"first screen, from nothing      {cold:6.2f} s   (at most 10)")
        print(f"first screen, after that        {statistics.median(s for s, _ in warm):6.2f} s   (at most 1.5)")
        verb, bare = (statistics.median(pair[index] for pair in pairs) for index in (0, 1))
        print(f"a verb without a screen         {verb:6.2f} s   (at most 0.5)   {verb / bare:.1f} x bare Python")
        print(f"the wizard's environment        {wizard / 1e6:6.0f} MB  (at most 120)")
        print(f"the screen's process, resident  {max(r for _, r in warm) / 1e6:6.0f} MB  (at most 120)")
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
