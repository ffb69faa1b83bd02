"""Calling uv, and telling its failures apart."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from wizard.errors import ExitCode, WizardError
from wizard.journal import Home

POLL_SECONDS = 0.2
_SECRETS = (
    (re.compile(r"(://)[^/@\s]+@"), r"\1***@"),
    (re.compile(r"(?i)((?:token|key|password|secret|signature)=)[^&\s\"']+"), r"\1***"),
)
_FAILURES = (
    ("environment-disk-full", r"No space left on device|os error 28|Disk quota exceeded"),
    ("environment-hash-mismatch", r"Hash mismatch|hashes? .*mismatch|no trusted hash|were pinned.*hash"),
    ("environment-python-missing", r"No interpreter found|No virtual environment or system Python"),
    ("environment-index-refused", r"401 Unauthorized|403 Forbidden|HTTP status client error \(40[13]"),
    (
        "environment-index-unreachable",
        r"error sending request|dns error|Connection refused|Connection reset|timed out|Could not connect|tcp connect"
        r"|[Nn]etwork (?:was|connectivity is) disabled|HTTP status (?:server|client) error|certificate",
    ),
    (
        "environment-no-solution",
        r"No solution found|not found in the package registry|matching (?:Python )?(?:ABI|version)",
    ),
)


class Cancelled(Exception):
    """The run is being stopped while an environment is built."""


def find_uv(home: Home, environment: Mapping[str, str] = os.environ) -> str:
    for candidate in (environment.get("YCDY_UV"), str(home.bin / "uv"), shutil.which("uv")):
        if candidate and shutil.which(candidate):
            return candidate
    raise WizardError("uv-missing", exit_code=ExitCode.FAILED, tried=environment.get("YCDY_UV") or str(home.bin / "uv"))


def mask(text: str) -> str:
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


def failure(output: str) -> str:
    """The code of a Problem for what uv wrote."""
    return next((code for code, pattern in _FAILURES if re.search(pattern, output)), "environment-failed")


def uv_environment(home: Home, base: Mapping[str, str], marker: Mapping[str, str]) -> dict[str, str]:
    dropped = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "UV_PROJECT_ENVIRONMENT")
    kept = {key: value for key, value in base.items() if key not in dropped}
    if kept.get("UV_CACHE_DIR") == str(home.root / "cache" / "uv"):  # the wizard's own: ours lies with the store
        del kept["UV_CACHE_DIR"]
    defaults = {"UV_PYTHON_DOWNLOADS": "never", "UV_CACHE_DIR": str(home.uv_cache)}
    fixed = {"UV_NO_PROGRESS": "1", "NO_COLOR": "1", "DS_BUILD_OPS": "0"}  # DeepSpeed comes as source: compile nothing
    return {**defaults, **kept, **fixed, **marker}


def with_torch_index(variables: Mapping[str, str], requirements: str) -> dict[str, str] | None:
    """The same with the folder of torch's own builds; None where it is not known or nothing is asked of it.

    It is a second try: a machine whose own index or folder has the build may not reach any other host.
    """
    torch = variables.get("YCDY_TORCH_INDEX")
    if not torch or not re.search(r"(?m)^torch==\S*\+", requirements):
        return None
    name = "UV_INDEX" if "://" in torch and not torch.endswith(".html") else "UV_FIND_LINKS"
    separator = " " if name == "UV_INDEX" else ","
    found = separator.join(filter(None, (torch, variables.get(name))))
    return {**variables, name: found, "UV_INDEX_STRATEGY": "unsafe-best-match"}  # the locks are exact and hashed


def run_quietly(
    argv: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    niced: bool,
    watch: Callable[[], None],
    cancelled: Callable[[], bool],
    limit: float = float("inf"),
) -> tuple[int, str]:
    """Runs a program to its end and returns its exit code and what it wrote, without secrets."""
    nice = ["nice", "-n", "10"] if niced and shutil.which("nice") else []
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [*nice, *argv],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        try:
            code = _wait(process, watch, cancelled, limit)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        output.seek(0)
        return code, mask(output.read().decode("utf-8", "replace"))


def _wait(
    process: subprocess.Popen[bytes], watch: Callable[[], None], cancelled: Callable[[], bool], limit: float
) -> int:
    waited = 0.0
    while waited < limit:
        if cancelled():
            raise Cancelled
        try:
            return process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            waited += POLL_SECONDS
            watch()
    return -1


def last_lines(output: str, lines: int = 12) -> str:
    return "\n".join([line for line in output.splitlines() if line.strip()][-lines:])
