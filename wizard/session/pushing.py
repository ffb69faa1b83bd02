"""`push`: the model of a run goes to a hub, as one of a person's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wizard.errors import ExitCode, WizardError
from wizard.session import jobs
from wizard.session.jobs import HUB, Progress

if TYPE_CHECKING:
    from wizard.session.desk import Desk

HUBS = {"ms": "modelscope", "hf": "huggingface"}
TARGET = re.compile(r"(ms|hf)::([\w.-]+/[\w.-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    hub: str
    ref: str
    url: str
    files: int
    bytes: int
    new: bool  # it was made by this


def push(desk: Desk, run: str, target: str, progress: Progress, *, public: bool) -> Pushed:
    """`target`: ms::org/name or hf::org/name. The token of that hub is taken from its variable or from secrets/."""
    hub, ref = aimed(target)
    folder = desk.outcome(run).paths.get("merged")
    if not folder:
        raise WizardError("nothing-to-push", run=run)
    order = {"hub": hub, "ref": ref, "folder": folder, "public": public}
    (answer,) = jobs.job(desk, HUB, "push", [order], progress)
    if code := answer.get("code"):
        raise WizardError(code, exit_code=ExitCode.FAILED, **answer["params"])
    return Pushed(hub=hub, ref=ref, **answer)


def aimed(target: str) -> tuple[str, str]:
    if not (found := TARGET.fullmatch(target)):
        raise WizardError("push-where", given=target)
    return HUBS[found[1]], found[2]
