"""Whether there is an NVIDIA driver to ask, told without loading the bindings (they take a quarter of a second)."""

from __future__ import annotations

import ctypes
from pathlib import Path

NVIDIA = "0x10de"
LIBRARY = "libnvidia-ml.so.1"


def has_library() -> bool:
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return True


def has_card(root: Path = Path("/")) -> bool:
    """A card on the bus or a loaded kernel module: containers show both although they lack the library."""
    if (root / "proc/driver/nvidia/version").exists():
        return True
    devices = (root / "sys/bus/pci/devices").glob("*/vendor")
    return any(first_line(vendor) == NVIDIA and is_display(vendor.parent) for vendor in devices)


def is_display(device: Path) -> bool:
    return first_line(device / "class").startswith("0x03")  # display controllers, 3D ones too; not their sound chips


def first_line(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
