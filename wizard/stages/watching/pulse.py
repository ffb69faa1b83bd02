"""Where each card's process is: told once a second by a thread, so that one that hangs can be named by another."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from wizard.journal import read_json

BEAT_SECONDS = 1.0
PATIENCE: Mapping[str, float] = {  # seconds in one phase before it counts as hanging
    "start": 4 * 3600.0,  # kernels are compiled, rows are skipped
    "rows": 900.0,
    "step": 900.0,
    "validate": 3600.0,
    "save": 3600.0,
}
TIMES = 30.0  # a step may take this many times as long as the slowest so far


@dataclass(frozen=True, kw_only=True)
class Beat:
    """`since`: when the phase began; `at`: when this was told; in seconds that the machine is up."""

    card: int
    phase: str
    step: int
    since: float
    at: float
    slowest: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Hang:
    card: int
    phase: str
    step: int
    seconds: float


def hang_of(beats: list[Beat], now: float) -> Hang | None:
    """Of cards that wait for one another the one that is behind: it tells nothing any more, or has not come as far, or
    is elsewhere than in the step that the others wait in."""
    if not beats or not all(now - each.since > patience(each) for each in beats):
        return None
    silent = max(beats, key=lambda each: now - each.at)
    if now - silent.at > max(30 * BEAT_SECONDS, 0.5 * patience(silent)):
        behind = silent
    else:
        behind = min(beats, key=lambda each: (each.step, each.phase == "step", each.since))
    return Hang(card=behind.card, phase=behind.phase, step=behind.step, seconds=round(now - behind.since, 1))


def patience(beat: Beat) -> float:
    return max(PATIENCE[beat.phase], TIMES * beat.slowest)


class Pulse:
    """`place`: a file for the beats; none where nobody else looks. `hanging`: is called in a thread, once."""

    def __init__(self, card: int, place: Path | None = None, hanging: Callable[[Hang], None] | None = None) -> None:
        self.card, self.place, self.hanging = card, place, hanging
        self.phase, self.step, self.since, self.slowest = "start", 0, time.monotonic(), 0.0
        self.over = threading.Event()

    def start(self) -> None:
        self._write(self.now())
        threading.Thread(target=self._tell, daemon=True).start()

    def beat(self, phase: str, step: int | None = None) -> None:
        now = time.monotonic()
        if self.phase == "step":
            self.slowest = max(self.slowest, now - self.since)
        self.phase, self.since = phase, now
        self.step = self.step if step is None else step

    def end(self) -> None:
        self.over.set()

    def now(self) -> Beat:
        told = {"phase": self.phase, "step": self.step, "since": self.since, "slowest": self.slowest}
        return Beat(card=self.card, at=time.monotonic(), **told)  # type: ignore[arg-type]

    def _write(self, beat: Beat) -> None:
        if self.place is not None:
            with suppress(OSError):
                self.place.parent.mkdir(exist_ok=True)
                new = self.place.with_suffix(".new")
                new.write_text(json.dumps(asdict(beat)))
                new.replace(self.place)  # whole for who reads, and without waiting for the disk

    def _tell(self) -> None:
        told = time.monotonic()
        while not self.over.wait(BEAT_SECONDS):
            asleep = time.monotonic() - told - BEAT_SECONDS
            self.since += asleep if asleep > 5 * BEAT_SECONDS else 0.0  # it was stopped itself, and goes on
            told, beat = time.monotonic(), self.now()
            self._write(beat)
            if self.hanging is not None and (hang := hang_of([beat], time.monotonic())):
                self.hanging(hang)
                return


def beats_in(folder: Path, cards: int, began: float) -> list[Beat]:
    """Of all cards; one that has told nothing yet has been starting since all of them `began`."""
    told = {card: read_json(folder / f"{card}.json") for card in range(cards)}
    unheard = {"phase": "start", "step": 0, "since": began, "at": began}
    return [Beat(**(beat or {"card": card, **unheard})) for card, beat in told.items()]
