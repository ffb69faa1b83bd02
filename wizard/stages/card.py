"""What one of several cards does. The stages `train` and `rehearse` start it once for each of them.

RANK=1 LOCAL_RANK=1 WORLD_SIZE=2 ... python -m wizard.stages.card train RUN/03-train [CHECKPOINT]
python -m json.tool RUN/03-train/cards/1.json
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from wizard.errors import WizardError
from wizard.journal import Journal, write_json
from wizard.stages import rehearsal, sharing
from wizard.stages.crew import FELL
from wizard.stages.desk import FAILED, Bench, run


class Silence(Journal):
    def append(self, **fields: Any) -> None:
        pass


class Seat(Bench):
    """The first of a machine has the word and the others are silent; why one failed waits in a file for the stage to
    tell it."""

    def __init__(self, folder: Path, card: int) -> None:
        super().__init__(folder)
        self.card = card
        if card > 0:
            self._journal = self._metrics = Silence(folder)

    def failed(self, error: WizardError) -> None:
        told = {"at": time.time(), "code": error.problem.code, "params": dict(error.problem.params)}
        with suppress(OSError):
            write_json(self.folder / "cards" / f"{self.card}.json", told)

    def finish(self, outputs: Mapping[str, Path], result: Mapping[str, Any]) -> None:
        if self.card == 0:
            super().finish(outputs, result)


def work(bench: Bench) -> None:
    sharing.settle(bench.order.spec, bench.order.knobs)
    if sys.argv[1] == "rehearse":
        from wizard.stages.rehearse import measure

        measure(bench)
    else:
        from wizard.stages.train import train

        start = Path(sys.argv[3]) if len(sys.argv) > 3 else None
        train(bench, start, rehearsal.told_before(bench), int(os.environ["RANK"]))


def main() -> int:
    seat = Seat(Path(sys.argv[2]).resolve(), int(os.environ["LOCAL_RANK"]))
    try:
        run(work, seat)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        named = sharing.visible()[seat.card : seat.card + 1] or [str(seat.card)]
        log = str(seat.folder / "log.txt")
        seat.failed(WizardError(FELL, stage=seat.order.stage, card=named[0], error=first_line(error), log=log))
        return FAILED
    return 0


def first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads that still wait for another card would hold it up, or end it by a signal
