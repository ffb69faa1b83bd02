"""How long a large data file takes to be recognised, sampled and estimated in length, and what that holds resident.

python tests/bench/large_data.py [GIGABYTES] [jsonl|csv|jsonl.gz] [FOLDER]

The file is written whole, not sparse, and deleted. The second look at it finds it in the page cache, as after a copy.
"""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

LOOK = """
import json, resource, sys, time
began = time.monotonic()
from wizard.data.readers import inspect
report = inspect(sys.argv[1])
seconds = time.monotonic() - began
resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([round(seconds, 2), round(resident), report.rows, report.exact, sum(report.lengths.values())]))
"""
WORDS = ("the", "model", "learns", "from", "rows", "of", "questions", "模型", "从", "人们", "写下", "的", "问答", "中")


def block(kind: str, chance: random.Random) -> bytes:
    rows = []
    for _ in range(4000):
        asked, said = (" ".join(chance.choices(WORDS, k=chance.randint(5, most))) for most in (40, 400))
        line = json.dumps({"question": asked, "answer": said}, ensure_ascii=False)
        rows.append(line if kind.startswith("jsonl") else f'{asked},"{said}"')
    return ("\n".join(rows) + "\n").encode()


def write(path: Path, size: int, kind: str) -> int:
    """Rows written."""
    chance, rows, done = random.Random(1), 0, 0
    with gzip.open(path, "wb", 1) if kind.endswith(".gz") else path.open("wb") as file:
        if kind == "csv":
            file.write(b"question,answer\n")
        blocks = [block(kind, chance) for _ in range(8)]
        while done < size:
            file.write(blocks[rows // 4000 % len(blocks)])
            rows, done = rows + 4000, done + len(blocks[rows // 4000 % len(blocks)])
    return rows


def main() -> None:
    gigabytes, kind, place = float(sys.argv[1] if sys.argv[1:] else 10), *(sys.argv[2:] or ["jsonl"])[:1], sys.argv[3:]
    with tempfile.TemporaryDirectory(dir=place[0] if place else None) as folder:
        path = Path(folder) / f"rows.{kind}"
        rows = write(path, int(gigabytes * 1e9), kind)
        print(f"{path.stat().st_size / 1e9:.2f} GB, {rows:,} rows", flush=True)
        for look in ("first", "again"):
            done = subprocess.run([sys.executable, "-c", LOOK, str(path)], capture_output=True, text=True, check=True)
            seconds, resident, found, exact, looked = json.loads(done.stdout)
            share = f"{found:,} rows estimated ({found / rows - 1:+.1%}), {looked:,} looked at, exact {exact}"
            print(f"{look}: {seconds} s, {resident} MB resident, {share}", flush=True)


if __name__ == "__main__":
    main()
