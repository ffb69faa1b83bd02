"""What a process holds at its highest: of a card asked of torch and the driver, of RAM asked of the kernel."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

SELF = Path("/proc/self")
KIB, MIB = 1 << 10, 1 << 20
FORGET_PEAK = "5"  # proc(5), clear_refs: the high-water mark starts anew


class Reading(NamedTuple):
    """Bytes since the last reset; `left` is what the device could still give."""

    allocated: int
    reserved: int
    card: int
    left: int


class Meter(Protocol):
    def reset(self) -> None: ...

    def read(self) -> Reading: ...


def meter_of(device: str) -> Meter:
    """To be made before the model is loaded: what is held by then belongs to others, or to the program itself."""
    return CardMeter() if device == "cuda" else ProcessMeter()


class CardMeter:
    """The context is in none of torch's counters: it is what the card lacks more than before."""

    def __init__(self) -> None:
        self._before = used_on_card()

    def reset(self) -> None:
        import torch

        torch.cuda.reset_peak_memory_stats()

    def read(self) -> Reading:
        import torch

        reserved = int(torch.cuda.max_memory_reserved())
        after = used_on_card()
        taken = after - self._before if after is not None and self._before is not None else 0
        # The cache may have been emptied on the way: what was reserved at most was taken at some time.
        context = max(0, taken - int(torch.cuda.memory_reserved()))
        left, _ = torch.cuda.mem_get_info()
        return Reading(int(torch.cuda.max_memory_allocated()), reserved, reserved + context, int(left))


class ProcessMeter:
    """The stand-in where there is no card: the resident memory of this process."""

    def __init__(self) -> None:
        self._program = resident("VmRSS")

    def reset(self) -> None:
        with suppress(OSError):
            (SELF / "clear_refs").write_text(FORGET_PEAK)

    def read(self) -> Reading:
        highest = resident("VmHWM")
        grown = max(0, highest - self._program)
        return Reading(grown, grown, highest, available())


def used_on_card() -> int | None:
    """By everybody, as the driver says; None where it does not (a slice of a card, no nvidia-smi)."""
    card = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    command = ["nvidia-smi", f"--id={card}", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
        return int(told.split()[0]) * MIB
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def resident(name: str) -> int:
    """VmRSS: now; VmHWM: at its highest."""
    return _field(SELF / "status", name)


def available() -> int:
    return _field(Path("/proc/meminfo"), "MemAvailable")


def _field(path: Path, name: str) -> int:
    with path.open(encoding="utf-8") as lines:
        found = next((line for line in lines if line.startswith(f"{name}:")), "")
    return int(found.split()[1]) * KIB if found else 0
