"""How long re-attaching to a long run takes, and what watching it costs.

python tests/bench/attach.py            # a million metric lines
python tests/bench/attach.py --lines 100000
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from wizard.contract import Choice, DataChoice, Knobs, Plan, Stage, Verdict
from wizard.journal import Journal, RunFolder, Watch, write_plan

WATCHED_SECONDS = 10.0
POLLS_PER_SECOND = 4


def a_run(root: Path, lines: int) -> RunFolder:
    stages = tuple(
        Stage(name=name, folder=f"{number:02}-{name}", engine="e", environment="e")
        for number, name in enumerate(("fetch", "prepare", "train", "merge", "serve"), 1)
    )
    sizes = dict.fromkeys(("peak_bytes", "reserved_bytes", "card_bytes", "safe_bytes", "capacity_bytes"), 1)
    texts = dict.fromkeys(("recipe", "model", "task", "method", "moment"), "x")
    plan = Plan(
        run="long",
        created=0.0,
        language="en",
        choice=Choice(recipe="x", model="x", knobs=Knobs(), data=DataChoice(kind="path", ref="x")),
        device="cpu",
        gpus=(),
        stages=stages,
        environments=(),
        forecast=Verdict(knobs=Knobs(), status="fits", terms=(), **sizes, **texts),  # type: ignore[arg-type]
    )
    folder = RunFolder(root)
    for stage in stages:
        folder.stage(stage.folder).path.mkdir(parents=True)
    write_plan(folder.plan, plan)
    journal = Journal(folder.supervisor)
    journal.write("run-started", pid=1, attempt=1)
    journal.write("stage-started", stage="train", attempt=1, rung=0)
    rest = '"grad_norm":0.61,"learning_rate":0.0001,"tokens_per_second":3912.5,"step_seconds":0.84'
    with folder.stage("03-train").metrics.open("w") as file:
        for step in range(1, lines + 1):
            loss = f"{0.5 + 2 / (1 + step / 1000) + step * 7919 % 101 / 1000:.4f}"
            file.write(f'{{"at":{step}.5,"step":{step},"total":{lines},"values":{{"loss":{loss},{rest}}}}}\n')
    return folder


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def watching(folder: RunFolder, watch: Watch) -> float:
    """The share of a core that polling a run takes which writes two metric lines a second."""
    metrics = Journal(folder.stage("03-train").metrics)
    before, began = time.process_time(), time.perf_counter()
    for number in range(int(WATCHED_SECONDS * POLLS_PER_SECOND)):
        if number % 2:
            metrics.append(step=10_000_000 + number, total=1, values={"loss": 1.0})
        watch.poll()
        time.sleep(1 / POLLS_PER_SECOND)
    return (time.process_time() - before) / (time.perf_counter() - began)


def longest_poll(watch: Watch) -> tuple[float, float]:
    """The full fold in a worker, and the longest that a poll beside it took."""
    worker = threading.Thread(target=watch.complete)
    began, longest = time.perf_counter(), 0.0
    worker.start()
    while worker.is_alive():
        longest = max(longest, timed(watch.poll))
        time.sleep(0.05)
    return time.perf_counter() - began, longest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    lines = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as root:
        folder = a_run(Path(root) / "long", lines)
        size = folder.stage("03-train").metrics.stat().st_size
        watch = Watch(folder)
        first = timed(watch.poll)
        glimpsed = watch.poll()
        full, longest = longest_poll(watch)
        exact = watch.poll()
        agree = (glimpsed.step, glimpsed.latest, glimpsed.status) == (exact.step, exact.latest, exact.status)
        print(f"metric lines           {lines:,} ({size / 1e6:.0f} MB)")
        print(f"first paint's read     {first * 1000:.0f} ms, {first / 0.5:.2f} of the 500 ms allowed")
        print(f"full fold in a worker  {full * 1000:.0f} ms, {full / first:.0f} x the first; agrees: {agree}")
        print(f"longest poll meanwhile {longest * 1000:.0f} ms")
        share = watching(folder, watch)
        print(f"watching, {POLLS_PER_SECOND} polls/s    {share:.2%} of a core, {share / 0.03:.2f} of the 3 % allowed")
        print(f"memory                 {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
