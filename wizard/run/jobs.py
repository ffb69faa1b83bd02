"""One-shot jobs: a stage program that answers JSON lines with JSON lines, in an engine's environment."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wizard.contract import Engine, Environment
from wizard.errors import ExitCode, WizardError
from wizard.journal import Home
from wizard.run import environments
from wizard.run.environments import Progress
from wizard.run.lib import install_lib
from wizard.run.spawn import DROPPED
from wizard.run.tokens import hub_tokens
from wizard.run.uv import find_uv, last_lines, mask


def answers(
    home: Home,
    environment: Environment,
    requirements: str,
    engine: Engine,
    name: str,
    asked: Sequence[Mapping[str, Any]],
    progress: Progress,
) -> Iterator[Mapping[str, Any]]:
    """One answer for each question, in order, as they come. The environment is built where it is missing."""
    path = environments.ensure(home, environment, requirements, engine, find_uv(home), progress)
    lib = home.lib / install_lib(home, Path(__file__).parents[1])
    with tempfile.TemporaryDirectory(prefix="ycdy-") as folder, tempfile.TemporaryFile() as talk:
        process = subprocess.Popen(
            [str(path / "bin" / "python"), "-m", f"wizard.stages.{name}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=talk,
            env=variables(home, engine, path, lib),
            cwd=folder,
            text=True,
        )
        assert process.stdin and process.stdout
        try:
            for question in asked:
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
                if not line:
                    raise ended(home, name, process.wait(), talk)
                yield json.loads(line)
        except BrokenPipeError as error:
            raise ended(home, name, process.wait(), talk) from error
        finally:
            process.kill()
            process.wait()


def variables(home: Home, engine: Engine, path: Path, lib: Path) -> dict[str, str]:
    """Tokens only for what speaks to hubs."""
    return {
        **{key: value for key, value in os.environ.items() if key not in DROPPED},
        **engine.environment,
        "PATH": f"{path / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(lib),
        "PYTHONSAFEPATH": "1",
        **(hub_tokens(home, os.environ) if "fetch" in engine.kinds else {}),
    }


def ended(home: Home, name: str, code: int, talk: Any) -> WizardError:
    """The whole of what it wrote goes to a file, its last lines to the person."""
    talk.seek(0)
    output = mask(talk.read().decode("utf-8", "replace"))
    log = home.logs / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(output, encoding="utf-8")
    why = last_lines(output, 1) or f"exit code {code}"
    return WizardError("job-ended", exit_code=ExitCode.FAILED, job=name, why=why, log=str(log))
