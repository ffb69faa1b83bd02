"""What a benchmark leaves in its run's folder: the figures, and the picture of them. Nothing is written over."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path

from wizard.errors import ExitCode, WizardError
from wizard.journal import write_atomic, write_json
from wizard.session.using.bench.drawing import svg
from wizard.session.using.bench.figures import Sweep

FOLDER = "bench"


def keep(sweep: Sweep, run: Path) -> Sweep:
    """The sweep with the places of both. Raises cannot-write-home."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(sweep.at))
    report, picture = (run / FOLDER / f"{stamp}.{ending}" for ending in ("json", "svg"))
    kept = replace(sweep, report=str(report), picture=str(picture))
    try:
        write_atomic(picture, svg(sweep))
        write_json(report, asdict(kept))
    except OSError as error:
        told = error.strerror or str(error)
        raise WizardError("cannot-write-home", path=str(report), error=told, exit_code=ExitCode.FAILED) from error
    return kept
