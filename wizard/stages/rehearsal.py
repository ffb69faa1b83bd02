"""The train stage's side of a rehearsal: holds it in a process of its own and tells forecast beside measured."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from wizard.contract import MEMORY_KNOBS
from wizard.errors import ExitCode, WizardError
from wizard.journal import Tail, read_json, write_json
from wizard.stages.desk import STOPPED, Bench, Order
from wizard.stages.faults import OUT_OF_MEMORY

POLL_SECONDS = 0.2
NEARLY_ALL = 0.97  # of what the device can give: another program's window may be what is missing then
NUMBERS = ("peak_bytes", "reserved_bytes", "card_bytes", "seconds_per_step")


def hold(bench: Bench) -> Mapping[str, Any]:
    """What was measured for these knobs, now or in an earlier attempt; empty where none is wanted or it broke."""
    if not bench.order.spec.get("rehearse"):
        return {}
    if earlier := told_before(bench):
        return earlier
    place = lay_out(bench)
    bench.phase("rehearse")
    code = Rehearsing(bench, place).wait()
    log = str(bench.folder / "log.txt")
    if code == OUT_OF_MEMORY:
        raise WizardError("rehearsal-out-of-memory", exit_code=ExitCode.FAILED, stage=bench.order.stage, log=log)
    result = read_json(place / "done.json").get("result")
    if code or not result:
        bench.note("rehearsal-failed", "warning", log=log)  # an aid, no condition: training tells what is wrong
        return {}
    told = compared(bench.order, result)
    bench.event("rehearsed", **told)
    room = result["card_bytes"] + result["left_bytes"]
    if result["card_bytes"] >= NEARLY_ALL * room:
        bench.note("rehearsal-tight", "warning", card_bytes=result["card_bytes"], room_bytes=room)
    return told


def told_before(bench: Bench) -> Mapping[str, Any]:
    wanted = memory_knobs(bench.order.knobs)
    events = [event for event in Tail(bench.folder / "events.jsonl").new() if event.get("kind") == "rehearsed"]
    found = [event for event in events if event["case"]["knobs"] == wanted]
    return {key: value for key, value in found[-1].items() if key not in ("at", "kind")} if found else {}


def lay_out(bench: Bench) -> Path:
    """A stage folder in the stage's folder, with the same order."""
    place = bench.folder / "rehearsal"
    shutil.rmtree(place, ignore_errors=True)
    write_json(place / "spec.json", read_json(bench.folder / "spec.json"))
    return place


def compared(order: Order, result: Mapping[str, Any]) -> dict[str, Any]:
    known, knobs = order.spec.get("rehearsal", {}), memory_knobs(order.knobs)
    measured = {name: result[name] for name in (*NUMBERS, "micro_step_seconds")}
    forecast: Mapping[str, Any] = next((each for each in known.get("forecasts", ()) if each["knobs"] == knobs), {})
    predicted = {name: forecast[name] for name in NUMBERS if name in forecast}
    return {
        "case": {**known.get("case", {}), "knobs": knobs},
        "rung": order.rung,
        "longest": result["longest"],
        "predicted": predicted,
        "measured": measured,
        "ratio": round(measured["card_bytes"] / predicted["card_bytes"], 4) if predicted else 0.0,
        "seconds_per_step": measured["seconds_per_step"],
    }


def memory_knobs(knobs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: knobs[name] for name in MEMORY_KNOBS if name in knobs}


class Rehearsing:
    """The process while it runs: its progress is told as ours, and a wish to stop ends both."""

    def __init__(self, bench: Bench, place: Path) -> None:
        self.bench = bench
        self.stopping = False
        self.events = Tail(place / "events.jsonl")
        command = [sys.executable, "-m", "wizard.stages.rehearse", str(place)]
        self.before = signal.signal(signal.SIGTERM, self.stop)
        self.process = subprocess.Popen(command, cwd=place, stdin=subprocess.DEVNULL)

    def stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def wait(self) -> int:
        try:
            while (code := self._look()) is None:
                if self.stopping:
                    self.process.terminate()
            if self.stopping:
                sys.exit(STOPPED)
            return code
        finally:
            signal.signal(signal.SIGTERM, self.before)

    def _look(self) -> int | None:
        try:
            code = self.process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        for event in self.events.new():
            if event.get("kind") == "progress":
                self.bench.progress(event["done"], event["total"], event["unit"])
        return code
