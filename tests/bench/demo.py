"""The demo from nothing and once more, stage by stage, in an empty home.

python tests/bench/demo.py
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def demo(home: Path) -> tuple[float, dict[str, float]]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("YCDY_", "LC_", "PYTHON"))}
    environment = kept | {"HOME": str(home), "LANG": "C.UTF-8", "YCDY_LANG": "en"}
    begun = time.monotonic()
    command = ["bash", str(ROOT / "yichuidingyin.sh"), "demo", "--json"]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - begun, json.loads(done.stdout)["seconds"]


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="ycdy-bench-"))
    try:
        first, second = demo(home), demo(home)
        print(f"{'':12}{'from nothing':>14}{'again':>10}")
        for stage in first[1]:
            print(f"{stage:12}{first[1][stage]:>12.1f} s{second[1][stage]:>8.1f} s")
        print(f"{'in all':12}{first[0]:>12.1f} s{second[0]:>8.1f} s   (at most 300 and 180)")
        print(f"again / from nothing = {second[0] / first[0]:.2f}")
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
