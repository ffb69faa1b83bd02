"""What a forecast costs: one case, one task over the whole registry, all tasks; cold and warm, each beside what it may.

python tests/bench/fit.py [ROUNDS]

Seconds are the processor's own count for one core, so that neighbours disturb little. Each round is a fresh
interpreter: the first offers in it are cold (no recording of any layer is there), or recall what an earlier process
recorded, as every start but the first does; the second ones are warm.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.unit.fit.published import outcomes  # noqa: E402
from wizard.catalog import builtin, load  # noqa: E402
from wizard.contract import Catalog, Cpu, Disk, Gpu, Machine  # noqa: E402
from wizard.fit import GIB, judge, offers, recall, recorded  # noqa: E402
from wizard.fit.memory.law import numbers_of, peak_of  # noqa: E402

BOARD = "rtx-4090"
ALLOWED = {"a case, peak only": 20e-6, "one task, recalled": 0.4, "one task, warm": 0.4, "all tasks, cold": 3.0}
AGAIN = 200


def machine(catalog: Catalog) -> Machine:
    board = catalog.boards[BOARD]
    card = Gpu(
        index=0,
        name=board.title,
        uuid="GPU-0",
        total_bytes=board.total_bytes,
        free_bytes=board.total_bytes - board.reserved_bytes,
        compute_capability=board.compute_capability,
        profile=board.id,
    )
    return Machine(
        gpus=(card,),
        cpu=Cpu(name="a CPU", cores=16, arch="x86_64", flags=("avx2",)),
        ram_bytes=1024 * GIB,
        ram_free_bytes=1000 * GIB,
        disks=(Disk(path="/home", free_bytes=10**13, total_bytes=10**13, kind="local"),),
        driver="580.65.06",
        cuda=(13, 0),
        pythons={"3.12": "/usr/bin/python3.12"},
        tools=("cc", "python-headers"),
    )


def seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def cases() -> dict[str, float]:
    """Seconds for one of the cases that others measured: the numbers alone, and with the terms that are shown."""
    steps = [one.step for one in outcomes("train")]
    each = AGAIN * len(steps)
    numbers = seconds(lambda: [numbers_of(step) for _ in range(AGAIN) for step in steps]) / each
    terms = seconds(lambda: [peak_of(step) for _ in range(AGAIN // 10) for step in steps]) / (each // 10)
    return {"a case, peak only": numbers, "a case, with its terms": terms}


def searches(task: str, kept: Path) -> dict[str, float]:
    """In this interpreter nothing was forecast before."""
    catalog = load([builtin()])
    here = machine(catalog)
    name, again = "one task" if task else "all tasks", kept.exists()

    def first() -> None:
        if again:
            recall(json.loads(kept.read_bytes()))
        offers(here, catalog, task, terms=False)

    found = {f"{name}, {'recalled' if again else 'cold'}": seconds(first)}
    if not again:
        kept.write_text(json.dumps(recorded()))
    found[f"{name}, warm"] = seconds(lambda: offers(here, catalog, task, terms=False))
    if task:
        best = next(verdict for verdict in offers(here, catalog, task, terms=False) if verdict.status == "fits")
        longer = replace(best.knobs, seq_len=best.knobs.seq_len + 1)
        found["a knob turned"] = seconds(lambda: judge(here, catalog, best.recipe, best.model, longer))
    return found


def one_round(task: str) -> dict[str, float]:
    """Two processes, one after the other."""
    found: dict[str, float] = {}
    with TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--task", task, str(Path(folder) / "recorded.json")]
        for _ in range(2):
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found |= json.loads(done.stdout)
    return found


def told(value: float) -> str:
    return f"{value * 1e6:8.1f} us" if value < 1e-3 else f"{value * 1e3:8.1f} ms"


def main() -> None:
    if sys.argv[1:2] == ["--task"]:
        print(json.dumps(searches(sys.argv[2], Path(sys.argv[3]))))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    catalog = load([builtin()])
    print(f"{len(catalog.models)} models, {len(catalog.recipes)} recipes, {BOARD}; the median of {rounds} rounds\n")
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, value in {**cases(), **one_round("sft"), **one_round("")}.items():
            taken.setdefault(name, []).append(value)
    for name, values in taken.items():
        here = median(values)
        share = f"{here / ALLOWED[name]:.2f} of the {told(ALLOWED[name]).strip()} allowed" if name in ALLOWED else ""
        print(f"{name:24} {told(here)}  {share}".rstrip())
    cold, warm = median(taken["one task, cold"]), median(taken["one task, warm"])
    terms, numbers = median(taken["a case, with its terms"]), median(taken["a case, peak only"])
    print(f"\ncold to warm {cold / warm:.1f}, terms to numbers {terms / numbers:.1f}")


if __name__ == "__main__":
    main()
