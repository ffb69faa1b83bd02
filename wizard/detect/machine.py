"""One look at the whole machine. NVML and its bindings are touched only where an NVIDIA library is installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.contract import Board, Disk, Machine, Problem
from wizard.detect import driver, host
from wizard.detect.disks import disks
from wizard.detect.pythons import pythons
from wizard.detect.speed import PATIENCE, read_speeds
from wizard.detect.tools import tools

if TYPE_CHECKING:
    from wizard.detect.nvml import Cards

ROOM = 64 << 20  # a disk that is full is not written to


def detect(path: Path, boards: Mapping[str, Board], *, speed: bool = True, patience: float = PATIENCE) -> Machine:
    """`path` is $YCDY_HOME: its disk comes first; with `speed`, each is measured once, within `patience` seconds."""
    with ThreadPoolExecutor(3) as pool:  # waiting for a disk, for wrapped Pythons and for a driver overlaps
        waiting_disks = pool.submit(measured_disks, Path(path), speed, patience)
        waiting_pythons = pool.submit(pythons)
        ram = host.ram()
        cards = look_at_cards(boards, ram)
        found_pythons = waiting_pythons.result()
        return Machine(
            gpus=cards.gpus if cards else (),
            cpu=host.cpu(),
            ram_bytes=ram[0],
            ram_free_bytes=ram[1],
            disks=waiting_disks.result(),
            driver=cards.driver if cards else None,
            cuda=cards.cuda if cards else None,
            pythons=found_pythons,
            tools=tools(found_pythons),
            problems=cards.problems if cards else missing_driver(),
        )


def look_at_cards(boards: Mapping[str, Board], ram: tuple[int, int]) -> Cards | None:
    if not driver.has_library():
        return None
    from wizard.detect import nvml

    return nvml.detect(boards, ram, os.environ.get("CUDA_VISIBLE_DEVICES"))


def missing_driver() -> tuple[Problem, ...]:
    return (Problem(code="driver-missing"),) if driver.has_card() else ()


def measured_disks(home: Path, measure: bool, patience: float) -> tuple[Disk, ...]:
    """A network mount may hang and RAM is no disk: neither is measured."""
    first, *others = disks(home)
    folder_of = {disk.path: Path(disk.path) for disk in others} | {first.path: home}
    local = [folder_of[disk.path] for disk in (first, *others) if disk.kind == "local" and disk.free_bytes > ROOM]
    speeds = read_speeds(home, local, measure=measure, patience=patience)
    return tuple(replace(disk, bytes_per_second=speeds.get(folder_of[disk.path])) for disk in (first, *others))
