"""System needs of engines that are met here: compilers, Python headers, nginx."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

PROGRAMS = {"cc": ("cc", "gcc", "clang"), "c++": ("c++", "g++", "clang++"), "nginx": ("nginx", "/usr/sbin/nginx")}


def tools(pythons: Mapping[str, str]) -> tuple[str, ...]:
    """`python-headers` speaks of the running Python, `python-headers-3.12` of that one among `pythons`."""
    met = {name for name, programs in PROGRAMS.items() if any(map(shutil.which, programs))}
    if Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        met.add("python-headers")
    met |= {f"python-headers-{version}" for version, program in pythons.items() if has_headers(version, program)}
    return tuple(sorted(met))


def has_headers(version: str, program: str) -> bool:
    prefix = Path(program).resolve().parent.parent
    return (prefix / "include" / f"python{version}" / "Python.h").is_file()
