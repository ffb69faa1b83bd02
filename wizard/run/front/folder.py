"""The front's own folder in a run: what is asked for, by its asker, and how it stands, by its keeper."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from wizard.contract import Exposure, Problem
from wizard.journal import RunFolder, locked, read_json, write_json


@dataclasses.dataclass(frozen=True, slots=True)
class FrontFolder:
    path: Path

    @classmethod
    def of(cls, run: RunFolder) -> FrontFolder:
        return cls(run.path / "front")

    @property
    def wanted(self) -> Path:
        """Gone is: no more."""
        return self.path / "front.json"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def lock(self) -> Path:
        return self.path / "front.lock"

    @property
    def config(self) -> Path:
        return self.path / "nginx.conf"

    @property
    def engine_key(self) -> Path:
        return self.path / "engine.conf"

    @property
    def socket(self) -> Path:
        return self.path / "keys.sock"

    @property
    def log(self) -> Path:
        return self.path / "front.log"

    @property
    def access_log(self) -> Path:
        return self.path / "access.log"

    @property
    def kept(self) -> bool:
        return locked(self.lock)

    def ask(self, exposure: Exposure, asked: str) -> None:
        """`asked`: told back in the state once it was taken up."""
        write_json(self.wanted, {"asked": asked, "exposure": dataclasses.asdict(exposure)})

    def asked(self) -> tuple[Exposure, str] | None:
        told = read_json(self.wanted)
        try:
            given: dict[str, Any] = {**told["exposure"], "allow": tuple(told["exposure"]["allow"])}
            return Exposure(**given), str(told["asked"])
        except (KeyError, TypeError):
            return None

    def told(self) -> dict[str, Any]:
        return read_json(self.state)

    def tell(self, status: str, asked: str, restarts: int, problem: Problem | None, nginx: int) -> None:
        told = {"code": problem.code, "params": dict(problem.params)} if problem else None
        write_json(
            self.state, {"status": status, "asked": asked, "restarts": restarts, "problem": told, "nginx": nginx}
        )


def problem_of(told: dict[str, Any]) -> Problem | None:
    found = told.get("problem")
    return Problem(code=str(found["code"]), params=found.get("params", {})) if isinstance(found, dict) else None
