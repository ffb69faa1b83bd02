"""The one exception that carries a Problem, and the exit codes of the command."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from wizard.contract import Problem


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NO_DEVICE = 3
    NOTHING_FITS = 4
    INTERRUPTED = 130


class WizardError(Exception):
    """A failure that is told to a person; `problem.<code>.what|why|next` in the word catalogue are its words."""

    def __init__(self, code: str, /, *, exit_code: ExitCode = ExitCode.USAGE, **params: Any) -> None:
        super().__init__(code)
        self.problem = Problem(code=code, params=params)
        self.exit_code = exit_code

    @classmethod
    def of(cls, problem: Problem, exit_code: ExitCode = ExitCode.USAGE) -> WizardError:
        return cls(problem.code, exit_code=exit_code, **problem.params)

    def __str__(self) -> str:
        params = ", ".join(f"{key}={value}" for key, value in self.problem.params.items())
        return f"{self.problem.code}({params})"
