"""Open the wizard on canned answers, to look at it by hand: `python tests/view/try_it.py [gpu] [run]`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

import fake_moments as moments
import fake_values as values
from fake_desk import FakeDesk

from wizard.view.app import WizardApp

if __name__ == "__main__":
    desk = FakeDesk(machine=values.RTX_4090 if "gpu" in sys.argv else values.LAPTOP)
    if "serving" in sys.argv:
        desk.moment = moments.SERVING
        desk.here = (moments.SERVING,)
    raise SystemExit(WizardApp(desk, attach=values.RUN if "run" in sys.argv else "").run() or 0)  # type: ignore[arg-type]
