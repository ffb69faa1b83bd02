"""Starting a stage: its spec, its surroundings, its process."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard.contract import Engine, Plan, Stage
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home, RunFolder, StageFolder, read_json, write_json
from wizard.run import processes
from wizard.run.child import Child
from wizard.run.control import stage_marker
from wizard.run.locks import Lock
from wizard.run.tokens import hub_tokens

DROPPED = (  # a cluster's scheduler sets ranks for programs of its own
    "ACCELERATE_USE_CPU",
    "LOCAL_RANK",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RANK",
    "VIRTUAL_ENV",
    "WORLD_SIZE",
    "YCDY_STAGE",
    "YCDY_RUN_DIR",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """All that one attempt at a stage is started from."""

    stage: Stage
    attempt: int
    rung: int
    spec: Mapping[str, Any]  # with its concessions applied
    environments: Mapping[str, Path]
    locks: Sequence[Lock]  # the stage's own first, then those of the GPUs it uses


def is_done(folder: RunFolder, stage: Stage) -> bool:
    return read_json(folder.stage(stage.folder).done).get("digest") == stage.digest and not stage.service


def write_spec(plan: Plan, folder: RunFolder, home: Home, start: Start) -> None:
    done: dict[str, dict[str, Any]] = {
        stage.name: read_json(folder.stage(stage.folder).done) for stage in plan.stages if is_done(folder, stage)
    }
    spec = {
        "stage": start.stage.name,
        "run": plan.run,
        "digest": start.stage.digest,
        "rung": start.rung,
        "attempt": start.attempt,
        "spec": start.spec,
        "inputs": {name: done.get(name, {}).get("outputs", {}) for name in start.stage.inputs},
        "environments": {name: str(path) for name, path in start.environments.items()},
        "home": str(home.root),
        "store": str(home.store),
        "results": {name: facts.get("result", {}) for name, facts in done.items()},
    }
    write_json(folder.stage(start.stage.folder).spec, spec)


def command(python: Path, stage: Stage, folder: StageFolder) -> list[str]:
    return [str(python), "-m", f"wizard.stages.{stage.name}", str(folder.path)]


def variables(
    base: Mapping[str, str], plan: Plan, folder: RunFolder, lib: Path, start: Start, engine: Engine | None
) -> dict[str, str]:
    """Ours comes last: no engine or plan may lead a stage to other code."""
    bin_folder = start.environments[start.stage.environment] / "bin"
    return {
        **{key: value for key, value in base.items() if key not in DROPPED},
        **(engine.environment if engine else {}),
        **start.stage.variables,
        **stage_marker(folder, start.stage.name),
        "PATH": f"{bin_folder}{os.pathsep}{base.get('PATH', os.defpath)}",
        "PYTHONPATH": str(lib),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
    }


def spawn(plan: Plan, folder: RunFolder, home: Home, start: Start, engine: Engine | None) -> Child:
    stage_folder = folder.stage(start.stage.folder)
    lib = home.lib / plan.lib
    if not plan.lib or not (lib / "wizard").is_dir():
        raise WizardError("lib-missing", exit_code=ExitCode.FAILED, path=str(lib))
    write_spec(plan, folder, home, start)
    offset = stage_folder.events.stat().st_size if stage_folder.events.exists() else 0
    python = start.environments[start.stage.environment] / "bin" / "python"
    tokens = hub_tokens(home, os.environ) if start.stage.name == "fetch" else {}
    with stage_folder.log.open("ab") as log:
        process = subprocess.Popen(
            command(python, start.stage, stage_folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=variables(os.environ, plan, folder, lib, start, engine) | tokens,
            cwd=stage_folder.path,
            start_new_session=True,
            pass_fds=[lock.fd for lock in start.locks],
        )
    seen = processes.look(process.pid)
    started = seen.started if seen else 0
    facts = {"pid": process.pid, "pgid": process.pid, "started": started, "events": offset, "attempt": start.attempt}
    write_json(stage_folder.pid, facts)
    return Child(process.pid, started, offset, process)
