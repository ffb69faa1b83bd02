"""A stage that is nothing but its crew, and a card's part that a test writes: without any library."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.unit.stages.programs import StageRun

HEAD = """
from wizard.stages import crew, desk, engine, generator
from wizard.stages.watching import pulse
crew.GRACE_SECONDS = 1.0
crew.LOOK_SECONDS = 0.2
engine.PATIENCE_SECONDS = 0.5
pulse.PATIENCE = dict.fromkeys(pulse.PATIENCE, 3.0)
pulse.BEAT_SECONDS = 0.05

def work(bench):
    bench.phase("load-libraries")
    with generator.up(bench) as beside:
        crew.Crew(bench, "train", beside=beside).wait()
    bench.finish({}, {})

desk.run(work)
"""
CARD = """
import os, signal, sys, time
from pathlib import Path
from wizard.errors import WizardError
from wizard.stages.card import Seat

card, cards = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
seat = Seat(Path(sys.argv[2]), card)
def tell(code, **params):
    seat.failed(WizardError(code, **params))
exec(seat.order.spec["code"])
"""
UP = "part = seat.folder / f'part-{card}'; part.write_text(str(os.getpid())); part.rename(seat.folder / f'up-{card}')\n"
SLEEP = "time.sleep(600)"


def toys(lib: Path, copy: Path) -> Path:
    """Our code with these two in place of the real ones."""
    shutil.copytree(lib, copy)
    stages = copy / "wizard" / "stages"
    (stages / "head.py").write_text(HEAD)
    (stages / "toy.py").write_text(CARD)
    crew = (stages / "crew.py").read_text()
    (stages / "crew.py").write_text(crew.replace("wizard.stages.card", "wizard.stages.toy"))
    return copy


def wait_for_cards(stage: StageRun, process: subprocess.Popen[bytes], count: int = 2) -> list[int]:
    stage.wait_for(lambda _: len(list(stage.path.glob("up-*"))) == count, process)
    return [int((stage.path / f"up-{card}").read_text()) for card in range(count)]
