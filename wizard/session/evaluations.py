"""What a front end may ask about evaluations: which runs have one, how they compare, who judges them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.contract import Result
from wizard.journal import RunFolder
from wizard.session import blind, comparing, jobs, judging, measuring, runs

if TYPE_CHECKING:
    from wizard.session.desk import Desk


class Evaluations:
    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Runs that were evaluated, the newest first."""
        folders = (RunFolder(self.desk.home.runs / name) for name in runs.names(self.desk.home))
        return tuple(each.name for each in folders if (each.stage(comparing.STAGE).path / "report.json").is_file())

    def compared(self, names: Sequence[str]) -> comparing.Compared:
        return comparing.compared([self.desk.folder(name) for name in names])

    def make(
        self,
        name: str,
        benchmarks: Sequence[str],
        progress: jobs.Progress,
        tell: measuring.Tell,
        *,
        checkpoints: bool = False,
    ) -> Path:
        """After the fact, of a run that did without, or did without its checkpoints. The report."""
        return measuring.evaluate(self.desk, name, benchmarks, progress, tell, checkpoints=checkpoints)

    def page(self, name: str) -> str:
        """Base against trained, to be judged blind: the HTML file's text."""
        return blind.page(self.desk.folder(name))

    def judge(self, name: str, told: str, tell: Callable[[int, int], None]) -> Result:
        """`told`: MODEL@URL."""
        return judging.judged(self.desk.folder(name), judging.judge_of(told, self.desk.home, os.environ), tell)
