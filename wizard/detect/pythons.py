"""Python 3.10 to 3.13 on this machine. Wrappers on PATH (pyenv's shims) count only if they really start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

VERSIONS = ("3.10", "3.11", "3.12", "3.13")
ASK = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"
ASK_SECONDS = 3.0


def pythons(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Version -> executable: a system's own before those of a version manager, the running one if there is no other."""
    found: dict[str, str] = {}
    wrappers: list[Path] = []
    for program in candidates(environment):
        if is_script(program):
            wrappers.append(program)
        elif (version := version_in_name(program)) and version not in found:
            found[version] = str(program.resolve())
    for version, executable in managed(wrappers):
        found.setdefault(version, executable)
    missing = set(VERSIONS) - found.keys()
    for version, executable in asked(one for one in wrappers if may_be(one, missing)):
        found.setdefault(version, executable)
    running = "{}.{}".format(*sys.version_info)
    if running in VERSIONS:
        found.setdefault(running, str(Path(sys.executable).resolve()))
    return dict(sorted(found.items()))


def candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    for folder in environment.get("PATH", "").split(os.pathsep):
        for name in (*(f"python{version}" for version in VERSIONS), "python3"):
            program = Path(folder, name)
            if folder and program.is_file() and os.access(program, os.X_OK):
                yield program


def is_script(program: Path) -> bool:
    try:
        with program.open("rb") as file:
            return file.read(4) != b"\x7fELF"
    except OSError:
        return True


def version_in_name(program: Path) -> str | None:
    named = re.fullmatch(r"python(3\.\d+)", program.resolve().name)
    return named[1] if named and named[1] in VERSIONS else None


def is_shim(wrapper: Path) -> bool:
    """pyenv's; those of other managers are asked like any wrapper."""
    return wrapper.parent.name == "shims" and (wrapper.parent.parent / "versions").is_dir()


def managed(wrappers: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """The programs behind pyenv's shims: they run whichever version is switched on, and need no bash to start."""
    for root in {wrapper.parent.parent for wrapper in wrappers if is_shim(wrapper)}:
        for version in VERSIONS:
            builds = sorted(root.glob(f"versions/{version}.*/bin/python{version}"), key=patch_number)
            if builds and not is_script(builds[-1]):
                yield version, str(builds[-1])


def patch_number(program: Path) -> int:
    return int("".join(re.findall(r"\d+", program.parts[-3].split(".")[-1])[:1]) or 0)


def may_be(wrapper: Path, missing: set[str]) -> bool:
    """Not a shim: what is behind those was looked up already."""
    named = wrapper.name == "python3" or wrapper.name.removeprefix("python") in missing
    return bool(missing) and named and not is_shim(wrapper)


def asked(wrappers: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """All wrappers are started at once; one that hangs or fails is none."""
    started = [(wrapper, process) for wrapper in wrappers if (process := start(wrapper))]
    for _, process in started:
        try:
            answer, _ = process.communicate(timeout=ASK_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            continue
        version, _, program = answer.strip().partition("\n")
        if process.returncode == 0 and version in VERSIONS and program:
            yield version, program


def start(wrapper: Path) -> subprocess.Popen[str] | None:
    try:
        return subprocess.Popen(
            [wrapper, "-c", ASK], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
    except OSError:
        return None
