"""A stage that does what its spec says in Python: copied into a run's lib in place of the real ones."""

import json
import os
import signal
import sys
import time
from pathlib import Path

here = Path(sys.argv[1])
facts = json.loads((here / "spec.json").read_text())
rung, attempt, spec = facts["rung"], facts["attempt"], facts["spec"]


def line(file, **fields):
    with (here / file).open("a") as out:
        out.write(json.dumps({"at": time.time(), **fields}) + "\n")


def event(kind, **fields):
    line("events.jsonl", kind=kind, **fields)


def metric(step):
    line("metrics.jsonl", step=step, total=10, values={"loss": 1 / (step + 1)})


def done(**outputs):
    written = {"digest": facts["digest"], "rung": rung, "outputs": outputs, "result": {"knobs": spec.get("knobs")}}
    (here / "done.json.new").write_text(json.dumps({**written, "packages": [], "seconds": 0.1}))
    os.replace(here / "done.json.new", here / "done.json")


def wait_for(path):
    while not Path(path).exists():
        time.sleep(0.01)


def on_term(work):
    signal.signal(signal.SIGTERM, lambda *_: work())


exec(spec["code"])
